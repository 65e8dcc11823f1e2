"""What a model writes arrives in Slack as it was written, and what people write is read as they see it."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

WRITTEN = [
    "Run `npm i @here/x`, then write to ops@here.com or **@everyone**.",
    "```ts\nconst a: List<String> = x && y; // @channel &amp; $1\n```",
    "- [x] done\n  - nested :smile:\n\n> quote\n\n# Heading\n\n| a | b |\n|---|---|\n| `x` | \\* |",
    "AT&T &lt;b&gt; C:\\dir $$\\frac{a}{b}$$ [^1]\n\n[^1]: a footnote",
    "zero\u200bwidth 👩\u200d👩\u200d👧 " + "w" * 3_000,
]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


def markdown(here: World, ts: str) -> list[str]:
    """The Markdown of the bot's messages in the thread."""
    return [block["text"] for reply in here.replies(ts) for block in reply.blocks or [] if block["type"] == "markdown"]


@pytest.mark.parametrize("answer", WRITTEN)
async def test_an_answer_arrives_as_it_was_written(here: World, answer: str) -> None:
    here.model.script(text(answer))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.until(lambda: markdown(here, ts), what="an answer")
    await here.quiet()
    assert markdown(here, ts) == [answer]
    assert [reply.pings for reply in here.replies(ts)] == [[]]


async def test_a_person_whom_the_model_mentions_is_named_and_not_notified(here: World) -> None:
    group = here.slack.add_usergroup("releasers", [here.bob])
    here.model.script(text(f"<@{here.alice.id}> <@{here.bob.id}> <!subteam^{group}|@old> <!here> `<!here>` <@U404>"))
    ts = await here.slack.say(here.general, here.alice, f"<@BOT> ask <@{here.bob.id}> and <!subteam^{group}>")
    await here.reply(ts, "Alice")
    await here.quiet()
    assert markdown(here, ts) == ["@Alice Smith @Bob Jones @releasers @here `<\u200b!here>` @U404"]
    assert [reply.pings for reply in here.replies(ts)] == [[]]


async def test_the_model_reads_names_and_addresses_as_people_see_them(here: World) -> None:
    group = here.slack.add_usergroup("releasers", [here.bob])
    other = here.slack.add_channel("other", members=[here.alice])
    here.model.script(text("Yes."))
    said = f"<@BOT> <@{here.bob.id}> <!subteam^{group}> <#{other.id}> <mailto:a@b.c|a@b.c> <tel:+49|+49>"
    ts = await here.slack.say(here.general, here.alice, said)
    await here.reply(ts, "Yes.")
    await here.quiet()
    assert unstamped(here.model.requests[0].said) == "Alice Smith: @Bob Jones @releasers #other a@b.c +49"


async def test_an_address_in_emphasis_is_a_link_without_asterisks(here: World) -> None:
    here.model.script(text("See **https://example.com/a**, これは**https://example.com/b**です"))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "See")
    await here.quiet()
    [said] = markdown(here, ts)
    assert re.findall(r"https?://[^\s>]+", said) == ["https://example.com/a", "https://example.com/b"]
    assert "**<https://example.com/a>**" in said


async def test_a_long_table_has_its_header_in_every_message(here: World) -> None:
    rows = "".join(f"| row {number} | {'x' * 60} |\n" for number in range(400))
    here.model.script(text(f"Here it is.\n\n| name | value |\n|---|--:|\n{rows}\nThat was all."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "That was all.")
    await here.quiet()
    parts = markdown(here, ts)
    assert len(parts) == 4
    assert all(part.count("| name | value |\n|---|--:|\n| row ") == 1 for part in parts)
    assert re.findall(r"row (\d+)", "".join(parts)) == [str(number) for number in range(400)]


async def test_nothing_that_a_tool_or_a_model_writes_notifies_anybody_on_a_card(here: World) -> None:
    words = f"<!here> <!channel|x> <@{here.bob.id}> <!subteam^S1|@ops> @everyone"
    path = str(here.workspace / "a.txt")
    write = call("filesystem__write_file", {"path": path, "content": words})
    here.model.script(calls(write, text=words), text(words))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
    await here.until(lambda: len(markdown(here, ts)) >= 2, what="the answer")
    await here.quiet()
    assert {ping for reply in here.replies(ts) for ping in reply.pings} <= {f"<@{here.alice.id}>"}
    assert markdown(here, ts)[0] == f"@here @channel @{here.bob.id} @ops @everyone"


def pieces(here: World) -> list[tuple[str, str]]:
    """What a model may write, and what is to arrive."""
    as_it_is = [
        "`npm i @here/x`",
        "ops@here.com and ops@channel.example.org",
        "git@github.com:everyone/everyone.git",
        "```sh\ncurl -d '@channel' https://example.com/?a=1&b=<2>\n```",
        "`<https://example.com|label>` \\* 5 &gt; 3 &amp; x",
        "- one\n- two\n  1. three\n- [ ] four",
        "> a quote of @everyone else",
        "| a | b |\n|---|:-:|\n| `@here` | https://example.com/x_y_z |",
        "[a label](https://example.com/a_b) and ~~gone~~ and *so*",
        "C:\\new\\table, 100 %, $5, #1, snake_case_word, 2 * 3 * 4",
        "Zeilen\u00e4nderung \u2014 \u65e5\u672c\u8a9e \U0001f680 e\u0301",
    ]
    changed = [
        ("<!here> and <!channel|x>", "@here and @channel"),
        (f"<@{here.alice.id}> knows", "@Alice Smith knows"),
        (f"in <#{here.general.id}|old>", f"in <#{here.general.id}|old>"),
        ("**https://example.com/a**", "**<https://example.com/a>**"),
        ("<!subteam^S404|@ops> may", "@ops may"),
    ]
    return [*((each, each) for each in as_it_is), *changed]


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_an_answer_is_made_of_arrives_and_notifies_nobody(here: World, seed: int) -> None:
    chosen = random.Random(seed).choices(pieces(here), k=8)
    here.model.script(text("\n\n".join(written for written, _ in chosen)))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.until(lambda: markdown(here, ts), what="an answer")
    await here.quiet()
    assert "\n\n".join(markdown(here, ts)).split("\n\n") == "\n\n".join(arrives for _, arrives in chosen).split("\n\n")
    assert [ping for reply in here.replies(ts) for ping in reply.pings] == []
