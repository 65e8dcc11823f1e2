"""People, user groups and channels that a text refers to are looked up by name: in few calls, in bounded time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import cast

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import directory
from bot.slack.directory import Directory
from bot.slack.text import readable
from tests.inprocess.slack import Line, NearSlack

pytestmark = pytest.mark.anyio

METHODS = ("users.info", "usergroups.list", "conversations.info")


@pytest.fixture
async def near() -> AsyncGenerator[NearSlack]:
    async with NearSlack() as slack:
        yield slack


@pytest.fixture
async def names(near: NearSlack) -> AsyncGenerator[Directory]:
    line = Line(near)
    session = cast(aiohttp.ClientSession, line)
    yield Directory(AsyncWebClient(token=near.bot_token, base_url=near.api_url, session=session))
    await line.close()


def calls(near: NearSlack) -> list[str]:
    return sorted(call.method for call in near.calls if call.method in METHODS)


async def test_a_text_is_read_with_the_names_that_slack_knows(near: NearSlack, names: Directory) -> None:
    alice = near.add_person("Alice Smith")
    general = near.add_channel("general", members=[alice])
    secret = near.add_channel("secret", members=[alice], kind="group")
    group = near.add_usergroup("releasers", [alice])
    text = f"<@{alice.id}> in <#{general.id}> and <#{secret.id}|> for <!subteam^{group}|@old> of <@UBOT>"
    found = await names.names(text, {"UBOT": "you"})
    assert readable(text, found) == "@Alice Smith in #general and #secret for @releasers of @you"
    assert calls(near) == ["conversations.info", "conversations.info", "usergroups.list", "users.info"]


async def test_names_are_asked_for_once(near: NearSlack, names: Directory) -> None:
    alice = near.add_person("Alice Smith")
    one, two = near.add_usergroup("one", [alice]), near.add_usergroup("two", [alice])
    text = f"<@{alice.id}> <@{alice.id}> <!subteam^{one}>"
    for _ in range(3):
        await names.names(text, {})
    assert readable(f"<!subteam^{two}>", await names.names(f"<!subteam^{two}>", {})) == "@two"
    assert calls(near) == ["usergroups.list", "users.info"]
    assert names.known(f"{text} <!subteam^{two}> <@U404>") == {alice.id: "Alice Smith", one: "one", two: "two"}


@pytest.mark.parametrize("fault", ["error", "ratelimited", "server_error"])
async def test_what_slack_does_not_tell_is_shown_by_its_label_else_by_its_id(
    near: NearSlack, names: Directory, fault: str
) -> None:
    for method in METHODS:
        near.faults.add(method, fault, times=None)  # type: ignore[arg-type]  # one of the kinds
    text = "<@U0A|ann> <@U0B> <#C0A|general> <#C0B> <!subteam^S0A|@ops> <!subteam^S0B>"
    assert await names.names(text, {}) == {}
    assert readable(text, await names.names(text, {})) == "@ann @U0B #general #C0B @ops @S0B"
    assert len(calls(near)) == 5, "a failed lookup is not repeated at once"


async def test_a_channel_that_the_bot_cannot_see_is_shown_by_its_label(near: NearSlack, names: Directory) -> None:
    hidden = near.add_channel("hidden", kind="group", bot=False)
    text = f"<#{hidden.id}|label> <#C404|other> <#C405>"
    assert readable(text, await names.names(text, {})) == "#label #other #C405"


async def test_a_slow_slack_is_not_waited_for(
    near: NearSlack, names: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "ASK_SECONDS", 0.01)
    alice = near.add_person("Alice Smith")
    near.faults.add("users.info", "slow", times=None, seconds=0.2)
    assert await names.names(f"<@{alice.id}>", {}) == {}


async def test_a_text_that_refers_to_thousands_costs_a_bounded_number_of_calls(
    near: NearSlack, names: Directory
) -> None:
    text = " ".join(f"<@U{number}> <#C{number}>" for number in range(5_000))
    assert await names.names(text, {}) == {}
    assert len(calls(near)) == directory.MAX_NAMED
