"""Files of the sandbox: who gets their content, and what everybody else gets."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import ChannelKind, File, Person
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio


async def downloaded(
    slack: SlackSandbox, file: File, token: str | None = None, *, follow: bool = True
) -> tuple[int, str, bytes]:
    """What a download gets: the status, the type and the body."""
    url = file.as_json().get("url_private_download") or file.url_private
    headers = {"Authorization": f"Bearer {slack.bot_token if token is None else token}"}
    async with ClientSession() as session, session.get(url, headers=headers, allow_redirects=follow) as answer:
        return answer.status, answer.content_type, await answer.read()


async def shared(slack: SlackSandbox, alice: Person, kind: ChannelKind = "channel", *, bot: bool = True) -> File:
    """A file that was shared in a new channel."""
    channel = slack.add_channel(f"{kind}-{bot}", [alice], kind, bot=bot)
    ts = await slack.say(channel, alice, "here", files=[("a.txt", b"Hello")])
    return channel.messages[ts].files[0]


@pytest.mark.parametrize(
    ("kind", "bot", "status"),
    [("channel", True, 200), ("channel", False, 200), ("group", True, 200), ("group", False, 404)],
)
async def test_a_file_is_for_an_app_that_sees_where_it_was_shared(
    slack: SlackSandbox, alice: Person, kind: ChannelKind, bot: bool, status: int
) -> None:
    found, _, body = await downloaded(slack, await shared(slack, alice, kind, bot=bot))
    assert (found, body == b"Hello") == (status, status == 200)


@pytest.mark.parametrize(("kind", "key", "public"), [("channel", "channels", True), ("group", "groups", False)])
async def test_a_file_says_where_it_is_shared(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person, kind: ChannelKind, key: str, public: bool
) -> None:
    file = await shared(slack, alice, kind)
    found = (await client.files_info(file=file.id))["file"]
    assert found is not None
    assert (found[key], found["is_public"]) == (list(file.shared), public)
    assert list(found["shares"]) == ["public" if public else "private"]


async def test_without_a_token_one_is_led_to_where_people_sign_in(slack: SlackSandbox, alice: Person) -> None:
    file = await shared(slack, alice)
    for token in ("", "xoxb-wrong", slack.app_token):
        assert (await downloaded(slack, file, token, follow=False))[0] == 302
        status, kind, body = await downloaded(slack, file, token)
        assert (status, kind, b"Sign in" in body) == (200, "text/html", True)


async def test_without_the_scope_one_gets_the_page_to_sign_in(slack: SlackSandbox, alice: Person) -> None:
    file = await shared(slack, alice)
    slack.scopes.discard("files:read")
    assert (await downloaded(slack, file))[:2] == (200, "text/html")


async def test_a_deleted_file_is_a_tombstone_and_cannot_be_downloaded(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    file = await shared(slack, alice)
    slack.delete_file(file)
    assert file.as_json() == {"id": file.id, "mode": "tombstone"}
    assert (await downloaded(slack, file))[0] == 404
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=file.id)


async def test_a_download_can_be_made_to_fail(slack: SlackSandbox, alice: Person) -> None:
    file = await shared(slack, alice)
    slack.faults.add("files.download", "ratelimited")
    slack.faults.add("files.download", "server_error")
    slack.faults.add("files.download", "error", code="http://elsewhere.example/")
    slack.faults.add("files.download", "error", code="html")
    slack.faults.add("files.download", "slow", seconds=0.01)
    found = [(await downloaded(slack, file, follow=False))[0] for _ in range(4)]
    assert found == [429, 500, 302, 200]
    assert (await downloaded(slack, file))[2] == b"Hello"
