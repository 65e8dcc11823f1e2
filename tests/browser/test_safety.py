"""Whatever people, tools and models write is data; nobody else gets in, and nothing gets out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from slack_sandbox.model import Json
from tests.browser.conftest import Visiting
from tests.browser.pages import Visitor
from tests.browser.stage import Stage, staged

pytestmark = pytest.mark.anyio

PICTURE = "https://elsewhere.example/picture.png"
HOSTILE = [
    "<script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "<!channel> and <!here>",
    "<javascript:window.broken=1|press me>",
    "[press me](javascript:window.broken=1)",
    "<data:text/html,<script>window.broken=1</script>|press me>",
    "a \u202ereversed\u202c and a \u200b nothing",
    "</div></article><h1>a heading</h1>",
    "{{constructor.constructor('window.broken=1')()}}",
]


@pytest.fixture(scope="module")
async def stage(anyio_backend: str) -> AsyncGenerator[Stage]:
    async with staged() as this:
        yield this


@pytest.fixture
async def at(visiting: Visiting, stage: Stage) -> AsyncGenerator[Visitor]:
    async with visiting(stage.page.address) as visitor:
        await visitor.to("#general")
        yield visitor


async def harmless(at: Visitor) -> None:
    """No script ran, no link leads where it must not, and each that leads away leads into a window of its own."""
    assert await at.page.evaluate("window.broken") is None
    links = await at.page.evaluate(
        """() => [...document.querySelectorAll("main a[href], aside a[href], dialog a[href]")]
          .filter(each => new URL(each.href).origin !== location.origin)
          .map(each => [new URL(each.href).protocol, each.target, each.rel])"""
    )
    for protocol, target, rel in links:
        assert protocol in ("http:", "https:", "mailto:")
        assert (target, set(rel.split())) == ("_blank", {"noopener", "noreferrer"})


async def test_what_a_person_types_is_shown_as_it_was_typed(at: Visitor, stage: Stage) -> None:
    wrong: list[str] = []
    for text in HOSTILE:
        before = len(stage.general.top_level)
        await at.composer().fill(text)
        await at.button("Send", at.main).click()
        await stage.slack.until(lambda before=before: len(stage.general.top_level) > before, what="the message")
        message = at.page.locator(f'article[data-ts="{stage.general.top_level[-1].ts}"]')
        await message.wait_for()
        shown = await message.inner_text()
        wrong += [] if text in shown else [f"{text!r} became {shown!r}"]
    assert wrong == []
    await harmless(at)


async def test_what_an_app_posts_stays_text_wherever_it_stands(at: Visitor, stage: Stage) -> None:
    for text in HOSTILE:
        blocks: list[Json] = [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "section", "text": {"type": "plain_text", "text": text}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": text}, {"type": "plain_text", "text": text}]},
            {"type": "header", "text": {"type": "plain_text", "text": text}},
            {"type": "markdown", "text": text},
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]},
                    {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]},
                ],
            },
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": text[:75]}},
                    {
                        "type": "overflow",
                        "action_id": "b",
                        "options": [{"text": {"type": "plain_text", "text": text[:75]}, "value": "1"}],
                    },
                ],
            },
        ]
        ts = await stage.post(text, blocks)
        message = at.page.locator(f'article[data-ts="{ts}"]')
        pre = message.locator("pre").filter(has_text=text)
        await pre.first.wait_for()
        await message.get_by_role("heading", name=text, exact=True).wait_for()
        await at.button(text[:75], message).wait_for()
        await stage.post(text)
    await harmless(at)


async def test_a_name_and_a_topic_stay_text(at: Visitor, stage: Stage) -> None:
    name = "<b>Eve</b> & 'co'"
    eve = stage.slack.add_person(name)
    stage.slack.invite(stage.general, eve)
    await stage.slack.say(stage.general, eve, "hello from eve")
    await at.messages.get_by_text(name, exact=True).first.wait_for()
    await expect(at.page.get_by_label("Act as").get_by_role("option", name=name)).to_have_count(1)
    await harmless(at)


async def test_pictures_from_elsewhere_are_not_fetched_but_named(at: Visitor, stage: Stage) -> None:
    image: Json = {"type": "image", "image_url": PICTURE, "alt_text": "a picture of the release"}
    ts = await stage.post(
        "a picture",
        [image, {"type": "section", "text": {"type": "mrkdwn", "text": "beside one"}, "accessory": image}],
    )
    message = at.page.locator(f'article[data-ts="{ts}"]')
    await expect(message).to_contain_text("a picture of the release")
    await message.locator(f'a[href="{PICTURE}"]').first.wait_for()
    await harmless(at)


async def test_a_huge_text_without_a_space_breaks_nothing(at: Visitor, stage: Stage) -> None:
    ts = await stage.post("x" * 39_000)
    await stage.post("after", [{"type": "section", "text": {"type": "plain_text", "text": "y" * 3_000}}])
    await stage.post("wide", [{"type": "markdown", "text": "```\n" + "z" * 3_000 + "\n```"}])
    await expect(at.page.locator(f'article[data-ts="{ts}"]')).to_contain_text("x" * 1_000)
    assert await at.page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    width = await at.messages.evaluate("log => log.scrollWidth - log.clientWidth")
    assert width <= 0


async def test_a_file_that_could_run_is_only_ever_downloaded(at: Visitor, stage: Stage) -> None:
    for name, content in (
        ("page.html", b"<script>window.broken=1</script>"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.broken=1"/>'),
    ):
        file = stage.slack.add_file(stage.alice, name, content)
        await stage.slack.say(stage.general, stage.alice, f"here is {name}", files=[file])
        message = at.messages.get_by_role("article").filter(has_text=f"here is {name}")
        await expect(message).to_contain_text(name)
        address = f"{stage.page.address}files/{file.id}/{name}"
        for shown in (address, f"{address}?show=1"):
            answer = await at.page.request.get(shown)
            assert answer.status == 200
            assert answer.headers["content-disposition"].startswith("attachment")
    await harmless(at)


async def test_without_the_token_there_is_nothing(at: Visitor, stage: Stage) -> None:
    origin, token = f"http://{urlsplit(stage.page.address).netloc}", urlsplit(stage.page.address).path.strip("/")
    for path in ("/", "/assets/page.js", "/wrong/", "/wrong/live", f"/{token[:-1]}/", f"/{token}x/", "/wrong/upload"):
        answer = await at.page.request.get(origin + path)
        assert answer.status == 404, path
        assert token not in await answer.text()
    at.guard.expected.append("404")
    answer = await at.page.goto(f"{origin}/wrong/")
    assert answer is not None
    assert answer.status == 404


async def test_the_address_is_told_to_nobody(at: Visitor, stage: Stage) -> None:
    answer = await at.page.request.get(stage.page.address)
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy
