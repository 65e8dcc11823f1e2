"""Calls with people's own accounts: a call waits until its person has signed in, and that very call goes on."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.config import mcp_json, settings
from bot.core.identity import OpenSignIn, SignInNeed
from bot.core.tools import DeliveryStatus, Tool
from bot.errors import StoreError
from bot.identity import sign_ins, tokens
from bot.reloading import Reloading
from bot.slack.delivery import live
from bot.store.sqlite.identities_store import IdentitiesStore
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.toolset import McpToolset
from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World
from tests.inprocess.turns import outcomes
from tests.inprocess.world import BotInside, inside
from tests.remote import Remote, query, remote

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

KEY = "a-key-that-is-long-enough-for-the-tests"
SECRET = re.compile(r"(?:token|refresh|code)-\d+-\w+-secret")


@asynccontextmanager
async def opened(folder: Path, **environment: str) -> AsyncGenerator[tuple[World, Remote]]:
    """A bot with a server to which people sign in. It shows no step that runs: one that then has to wait for a sign-in
    leaves an empty message, which is deleted, and posted again afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "TOGETHER_SECONDS", 60.0)
        async with _with_server(folder, environment) as found:
            yield found


@asynccontextmanager
async def _with_server(folder: Path, environment: Mapping[str, str]) -> AsyncGenerator[tuple[World, Remote]]:
    async with remote() as server, _inside(folder, environment) as here:
        (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": server.entry()}}))
        (here.bot.home / "bot.toml").write_text("[limits]\nprogress_after_seconds = 60\n")
        here.model.respond = respond
        await here.bot.start()
        yield here, server
        await here.quiet()
        assert SECRET.search("".join(request.body.decode() for request in here.model.requests)) is None
        assert SECRET.search(here.bot.log) is None
        assert SECRET.search(str([each.args for each in here.slack.calls])) is None
        stored = b"".join(path.read_bytes() for path in here.bot.home.glob("data/*") if path.is_file())
        assert SECRET.search(stored.decode("latin-1")) is None, "what is kept of a sign-in is encrypted"
        here.model.prefix_breaks.clear()  # signing in adds the server's tools


def _inside(folder: Path, environment: Mapping[str, str]) -> AbstractAsyncContextManager[World]:
    values = {"BOT_SECRET_KEY": KEY, **environment}
    return inside(folder, ready=True, start=False, real_files=False, **values)


def respond(request: ChatRequest) -> Answer:
    """A model that does what the person's last word names, and says what came of it."""
    last = request.messages[-1]
    if last["role"] == "tool":
        return text(f"It said: {last['content']}")
    word = re.findall(r": (\w+)", str(last["content"]))[0]
    names = {tool["function"]["name"] for tool in request.tools}
    if f"notes__{word}" not in names:
        word = "connect"
    return calls(call(f"notes__{word}", {"text": "hello"} if word == "note" else {}))


def asked(here: World, who: Person) -> list[Message]:
    """The messages that ask a person to sign in."""
    return [each for each in here.slack.open_dm(who).messages.values() if "onnect" in each.plain]


def is_open(message: Message) -> bool:
    return "Not now" in message.buttons


def link(message: Message) -> str:
    """Where the button Connect leads."""
    return next(each["url"] for block in message.blocks for each in block.get("elements", []) if "url" in each)


async def question(here: World, who: Person) -> Message:
    """The open question to a person, once it is there."""
    while True:
        await here.until(lambda: any(map(is_open, asked(here, who))), what="a question", poll=0.01)
        await here.quiet()
        if found := [*filter(is_open, asked(here, who))]:
            return found[0]


async def paste(here: World, who: Person, message: Message, address: str) -> str:
    """Paste an address into the window of a question. Out: what is said to be wrong with it."""
    if not here.slack.modals(who):
        await here.slack.click(message, "Paste the address…", by=who)
        await here.until(lambda: here.slack.modals(who), what="the window", poll=0.01)
    ack = await here.slack.submit(who, here.slack.modals(who)[-1], {"field.address": {"value": address}})
    return " ".join((ack or {}).get("errors", {}).values())


async def sign_in(here: World, server: Remote, who: Person, account: str) -> None:
    """Sign in for whatever waits for it."""
    message = await question(here, who)
    assert await paste(here, who, message, server.consent(link(message), account)) == ""


async def connected(here: World, server: Remote, who: Person, account: str) -> None:
    """A person who has signed in."""
    ts = await here.slack.say(here.general, who, "<@BOT> connect")
    await sign_in(here, server, who, account)
    await here.reply(ts, "It said:")
    await here.quiet()


async def test_a_call_goes_on_once_its_person_has_pasted_the_address(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        message = await question(here, here.alice)
        waits = await here.reply(ts, "Waiting for")
        assert "to connect to notes" in waits.plain
        assert "url" not in json.dumps(waits.blocks), "the link is for the person alone"
        assert "https" not in message.plain
        await here.bot.stop()
        await here.bot.start()  # nothing but what is recorded remembers it
        assert here.bot.rows("SELECT state, asked FROM calls") == [("awaiting", 1)]
        assert await paste(here, here.alice, message, server.consent(link(message), "alice")) == ""
        assert "Connected. These tools" in (await here.reply(ts, "It said:")).plain
        await here.quiet()
        assert "You connected to *notes*" in asked(here, here.alice)[0].plain
        assert server.asked == ["register", "code"]
        await here.slack.say(here.general, here.alice, "whoami", thread_ts=ts)
        await here.reply(ts, "It said: alice: {} Bearer ***")
        assert server.calls == [("alice", "whoami", {})]


async def test_an_approval_holds_for_the_very_call_that_waited_for_the_sign_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        ts = await here.slack.say(here.general, here.bob, "<@BOT> note")
        card = await here.reply(ts, "Waiting for you")
        assert f"as <@{here.bob.id}>" in json.dumps(card.blocks)
        await here.slack.click(card, "approval.approved", by=here.bob)
        await sign_in(here, server, here.bob, "bob")
        await here.reply(ts, "It said: bob:")
        assert server.calls == [("bob", "note", {"text": "hello"})]
        assert here.bot.rows("SELECT decision FROM questions WHERE kind = 'may_it_run'") == [("approved",)]
        assert here.bot.rows("SELECT attempts, outcome FROM calls WHERE tool = 'notes__note'") == [(1, "ok")]


def forged(address: str, server: Remote, other: str) -> str:
    return re.sub(r"state=[^&]+", "state=forged", address)


def of_another(address: str, server: Remote, other: str) -> str:
    return other


def elsewhere(address: str, server: Remote, other: str) -> str:
    return re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", address)


def unnamed(address: str, server: Remote, other: str) -> str:
    return re.sub(r"&iss=[^&]+", "", address)


def nothing(address: str, server: Remote, other: str) -> str:
    return "https://example.org/"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (forged, "belongs to another sign-in"),
        (of_another, "belongs to another sign-in"),
        (elsewhere, "did not come from the service"),
        (unnamed, "did not come from the service"),
        (nothing, "not the address"),
    ],
)
async def test_an_address_that_is_not_the_one_ends_in_a_sentence_and_no_call(
    tmp_path: Path, change: Callable[[str, Remote, str], str], words: str
) -> None:
    async with opened(tmp_path) as (here, server):
        await here.slack.say(here.general, here.bob, "<@BOT> connect")
        theirs = server.consent(link(await question(here, here.bob)), "bob")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        message = await question(here, here.alice)
        address = server.consent(link(message), "alice")
        assert words in await paste(here, here.alice, message, change(address, server, theirs))
        await here.quiet()
        assert here.bot.rows("SELECT count(*) FROM identities") == [(0,)]
        assert "code" not in server.asked
        assert await paste(here, here.alice, message, address) == "", "the right one still counts"
        await here.reply(ts, "It said: Connected")


async def test_a_code_that_is_refused_is_asked_for_once_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        message = await question(here, here.alice)
        first = link(message)
        address = server.consent(first, "alice")
        server.codes.clear()
        assert await paste(here, here.alice, message, address) == ""
        await here.until(lambda: "did not finish" in asked(here, here.alice)[0].plain, poll=0.01)
        [again] = asked(here, here.alice)
        assert link(again) != first
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: Connected")


async def test_a_sign_in_is_tried_again_also_after_an_error_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "FIRST_PAUSE", 0.02)
    read, refused = IdentitiesStore.sign_in_of, 0

    async def sign_in_of(store: IdentitiesStore, question: str) -> OpenSignIn | None:
        nonlocal refused
        if refused < 2:
            refused += 1
            raise StoreError("the disk is full")
        return await read(store, question)

    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await question(here, here.alice)
        here.errors_expected = True
        server.fails = server.away = True
        await sign_in(here, server, here.alice, "alice")
        monkeypatch.setattr(IdentitiesStore, "sign_in_of", sign_in_of)
        await here.until(lambda: refused == 2, what="two errors of the database", poll=0.01)
        server.fails = False
        await here.reply(ts, "It said: Connected.")


@pytest.mark.parametrize("used", [False, True])
async def test_a_sign_in_whose_service_cannot_be_reached_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    monkeypatch.setattr(sign_ins, "FIRST_PAUSE", 0.02)
    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        message = await question(here, here.alice)
        server.fails = server.away = True
        await sign_in(here, server, here.alice, "alice")
        tried = len(server.forms)
        await here.until(lambda: len(server.forms) > tried + 1, what="more attempts", poll=0.01)
        if used:
            server.codes.clear()
        server.fails = False
        if used:  # the code is worth nothing any more: there is another link
            server.away = False
            await here.until(lambda: "The last attempt did not finish" in message.plain, what="another link")
            await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: Connected.")


async def test_somebody_else_cannot_answer_the_question(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        here.expected_refusals.append("chat.postEphemeral: user_not_in_channel")  # it is another person's conversation
        await here.slack.say(here.general, here.alice, "<@BOT> connect")
        message = await question(here, here.alice)
        for answer in ("Not now", "Paste the address…"):
            await here.slack.click_raw(message, answer, by=here.bob)
        await here.quiet()
        assert here.slack.modals(here.bob) == []
        assert here.bot.rows("SELECT decision FROM questions") == [("awaiting",)]
        assert server.calls == []


@pytest.mark.parametrize("how", ["declined", "expired", "stopped"])
async def test_a_sign_in_that_does_not_come_ends_the_call(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        message = await question(here, here.alice)
        if how == "declined":
            await here.slack.click(message, "Not now", by=here.alice)
            said = "chose not to sign in"
        elif how == "stopped":
            await here.slack.say(here.general, here.alice, "<@BOT> stop", thread_ts=ts)
            said = "Stopped"
        else:
            await here.bot.stop()
            with sqlite3.connect(here.bot.database) as connection:
                connection.execute("UPDATE questions SET expires_at = 1 WHERE kind = 'sign_in'")
            connection.close()
            await here.bot.start()
            assert isinstance(here.bot, BotInside)
            await here.bot.parts.expire()
            said = "did not sign in in time"
        await here.reply(ts, said)
        await here.quiet()
        assert here.bot.rows("SELECT decision FROM questions WHERE kind = 'sign_in'") == [(how,)]
        assert here.bot.rows("SELECT count(*) FROM sign_ins") == [(0,)]
        assert not any(map(is_open, asked(here, here.alice)))
        assert server.asked == ["register"]
        assert len(outcomes(here)) == 1


def revoked(server: Remote) -> None:
    server.revoke_all()


def moved(server: Remote) -> None:
    server.access.clear()
    server.issuer = f"{server.origin}/other"


@pytest.mark.parametrize(
    ("happens", "words"), [(revoked, "is not accepted any more"), (moved, "sign-in service has changed")]
)
async def test_a_sign_in_that_has_ended_is_asked_for_again_and_nothing_is_called_until_then(
    tmp_path: Path, happens: Callable[[Remote], None], words: str
) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        happens(server)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        message = await question(here, here.alice)
        assert words in message.plain
        assert server.calls == []
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: alice:")
        assert server.calls == [("alice", "whoami", {})]
        assert here.bot.rows("SELECT DISTINCT attempts FROM calls WHERE tool = 'notes__whoami'") == [(1,)]
        issuer = f"{server.origin}/other" if server.issuer else server.origin
        assert here.bot.rows("SELECT issuer FROM identities WHERE NOT ended") == [(issuer,)]


async def test_a_sign_in_that_has_expired_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as (here, server):
        server.refreshes = False
        await connected(here, server, here.alice, "alice")
        monkeypatch.setattr(tokens, "EARLY_SECONDS", 2 * server.lasting)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        assert "has expired" in (await question(here, here.alice)).plain
        assert server.calls == []
        monkeypatch.undo()
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: alice:")


async def test_a_refresh_that_is_refused_is_a_reason_to_sign_in_and_one_that_fails_is_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.lasting = 20.0  # so that each request refreshes
        await connected(here, server, here.alice, "alice")
        server.fails = True
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        assert "sign-in service cannot be reached" in (await here.reply(ts, "It said:")).plain
        assert not any(map(is_open, asked(here, here.alice)))
        server.fails = False
        server.grants.clear()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        assert "has expired" in (await question(here, here.alice)).plain
        assert server.calls == []
        server.lasting = 3600
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: alice:")
        assert server.calls == [("alice", "whoami", {})]


async def test_a_server_that_takes_no_token_is_not_signed_in_to_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.refuses, server.refreshes = True, False
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        for _ in range(2):
            await sign_in(here, server, here.alice, "alice")
        assert "does not accept that" in (await here.reply(ts, "It said:")).plain


async def test_a_call_for_which_too_little_was_allowed_asks_for_more_and_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.scope, server.needs, server.explains = "notes:read", {"note": "notes:write"}, True
        await connected(here, server, here.alice, "alice")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> note")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "approval.approved", by=here.alice)
        message = await question(here, here.alice)
        assert "It wants you to allow more for this: notes:write." in message.plain
        other = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await here.reply(other, "It said: alice:")  # what needs no more goes on
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PersonServer, "_session_of", lambda *_: None)
            other = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
            await here.reply(other, "is busy with other people's calls")  # nor does one that fails otherwise wait
        await here.bot.stop()
        await here.bot.start()
        refused = server.consent(link(message), "alice").replace("code=", "error=")
        assert "not signed in there" in await paste(here, here.alice, message, refused)
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: alice:")
        assert [name for _, name, _ in server.calls] == ["whoami", "note"]
        assert server.scopes == ["notes:read", *["notes:read notes:write"] * 2]
        assert "revoke" not in server.asked, "some take that as the end of everything that was allowed"
        assert here.bot.rows("SELECT count(*) FROM identities") == [(1,)]
        assert here.bot.rows("SELECT decision FROM questions WHERE kind = 'may_it_run'") == [("approved",)]
        assert here.bot.rows("SELECT attempts, outcome FROM calls WHERE tool = 'notes__note'") == [(1, "ok")]


async def test_a_connection_for_which_too_little_was_allowed_asks_for_more_and_is_made(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.scope, server.needs, server.explains = "notes:read", {"tools/list": "notes:list"}, True
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        await sign_in(here, server, here.alice, "alice")
        await here.until(lambda: len(asked(here, here.alice)) > 1, what="another question", poll=0.01)
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: Connected.")
        assert server.scopes == ["notes:read", "notes:read notes:list"]


async def test_another_account_of_a_person_does_not_go_on_over_the_connection_of_the_one_before(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.scope, server.needs = "notes:read", {"whoami": "notes:write"}
        await connected(here, server, here.alice, "alice")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await sign_in(here, server, here.alice, "alice-at-home")
        await here.reply(ts, "It said: alice-at-home:")
        assert server.opened == ["alice", "alice-at-home"]


async def test_a_tool_that_each_account_has_in_its_own_way_can_be_used_by_all_of_them(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.personal = True
        await connected(here, server, here.alice, "alice")
        await connected(here, server, here.bob, "bob")
        for who, account in ((here.alice, "alice"), (here.bob, "bob")):
            ts = await here.slack.say(here.general, who, "<@BOT> whoami")
            await here.reply(ts, "has changed since this call was made")  # what is offered is another person's
            ts = await here.slack.say(here.general, who, "<@BOT> whoami")
            await here.reply(ts, f"It said: {account}:")


async def test_a_token_that_is_replaced_within_a_request_is_left_out_like_the_one_before(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        server.expire()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        said = (await here.reply(ts, "It said: alice:")).plain
        assert "Bearer ***" in said, "the server repeats the token that it got"
        assert server.asked.count("refresh") == 1


async def test_calls_that_were_refused_at_the_same_time_wait_for_one_question(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        server.scope, server.needs = "notes:read", {"whoami": "notes:write"}
        await connected(here, server, here.alice, "alice")
        two = calls(call("notes__whoami", {"a": 1}), call("notes__whoami", {"a": 2}))
        here.model.respond = lambda request: two if request.messages[-1]["role"] == "user" else respond(request)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await sign_in(here, server, here.alice, "alice")
        await here.reply(ts, "It said: alice:")
        assert sorted(arguments["a"] for _, _, arguments in server.calls) == [1, 2]
        assert server.scopes == ["notes:read", "notes:read notes:write"]


@pytest.mark.parametrize(
    ("gives", "times", "words"), [("notes:read", 2, "does not accept that"), (None, 1, "does not allow the bot to")]
)
async def test_a_person_is_not_asked_to_allow_more_for_ever(
    tmp_path: Path, gives: str | None, times: int, words: str
) -> None:
    async with opened(tmp_path) as (here, server):
        server.scope, server.needs, server.insatiable = "notes:read", {"whoami": "notes:write"}, True
        server.gives = gives
        await connected(here, server, here.alice, "alice")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        for _ in range(times):
            await sign_in(here, server, here.alice, "alice")
        assert words in (await here.reply(ts, "It said:")).plain
        assert server.scopes == ["notes:read", *["notes:read notes:write"] * times]
        assert server.calls == []


async def test_a_person_disconnects_in_the_home(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        await connected(here, server, here.bob, "bob")
        await here.slack.open_home(here.alice)
        await here.until(lambda: "Disconnect" in str(getattr(here.slack.home(here.alice), "blocks", "")), poll=0.01)
        home = here.slack.home(here.alice)
        assert home is not None
        await here.slack.click(home, "Disconnect", by=here.alice)
        await here.until(lambda: "Disconnect" not in str(getattr(here.slack.home(here.alice), "blocks", "")), poll=0.01)
        await here.quiet()
        assert server.asked[-2:] == ["revoke", "revoke"]
        assert [grant.account for grant in server.access.values()] == ["bob"]
        assert here.bot.rows("SELECT person, ended FROM identities") == [(here.bob.id, 0)]
        await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await question(here, here.alice)
        assert server.calls == []


def toolset(here: World) -> McpToolset:
    bot = here.bot
    assert isinstance(bot, BotInside)
    return bot.parts.tools


def tool(here: World, name: str) -> Tool:
    found = toolset(here).find(f"notes__{name}")
    assert found is not None
    return found


async def test_a_thousand_interleaved_calls_of_two_people_use_their_own_accounts(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        await connected(here, server, here.bob, "bob")
        who = tool(here, "note")

        async def one(number: int) -> tuple[str, str]:
            person, account = ((here.alice, "alice"), (here.bob, "bob"))[number % 2]
            if number == 400:
                server.expire()  # each is refreshed once, whatever waits for it
            result = await toolset(here).call(replace(who, person=person.id), {"text": str(number)})
            assert result.certainty is DeliveryStatus.OK, result.text
            return account, result.text

        answers = await asyncio.gather(*map(one, range(1000)))
        assert all(
            said.startswith(f'{account}: {{"text": "{number}"}}') for number, (account, said) in enumerate(answers)
        )
        assert {int(arguments["text"]) % 2 for account, _, arguments in server.calls if account == "alice"} == {0}
        assert len(server.calls) == 1000
        assert all(f"-{account}-" in header for (account, *_), header in zip(server.calls, server.sent, strict=True))
        assert server.asked.count("refresh") == 2


async def test_a_call_without_a_person_is_not_sent(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        result = await toolset(here).call(tool(here, "whoami"), {})
        assert result.certainty is DeliveryStatus.UNSENT
        assert server.calls == []


async def test_without_a_key_the_start_says_so(tmp_path: Path) -> None:
    async with remote() as server, inside(tmp_path, start=False) as here:
        (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": server.entry()}}))
        await here.bot.start()
        assert await here.bot.ended() == 2
        assert "BOT_SECRET_KEY: it is not set, and a server of mcp.json needs it" in here.bot.log


async def test_another_key_has_people_sign_in_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (here, server):
        await connected(here, server, here.alice, "alice")
        await here.bot.stop()
        await here.bot.start(BOT_SECRET_KEY="another-key-that-is-long-enough-for-the-tests")
        await here.slack.say(here.general, here.alice, "<@BOT> whoami")
        await question(here, here.alice)
        assert server.calls == []


async def test_with_a_public_address_the_browser_comes_back_to_the_bot(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        public = f"http://127.0.0.1:{free.getsockname()[1]}"
    listen = public.removeprefix("http://")
    async with opened(tmp_path, PUBLIC_URL=public, CALLBACK_LISTEN=listen) as (here, server):
        ts = await here.slack.say(here.general, here.alice, "<@BOT> connect")
        message = await question(here, here.alice)
        assert "Paste the address…" not in message.buttons
        assert link(message).startswith(f"{public}/oauth/start?state=")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser, aiohttp.ClientSession() as another:
            page = await (await browser.get(link(message))).text()
            found = re.search(r'href="([^"]+)"', page)
            assert found is not None
            address = server.consent(found[1].replace("&amp;", "&"), "alice")
            assert urlsplit(address).path == "/oauth/callback"
            wrong = await another.get(address)
            assert (wrong.status, "another browser" in await wrong.text()) == (403, True)
            forgery = await browser.get(address.replace(query(address)["state"], "forged"))
            assert (forgery.status, "not open any more" in await forgery.text()) == (410, True)
            assert "code" not in server.asked
            right = await browser.get(address)
            assert (right.status, "You are signed in" in await right.text()) == (200, True)
            late = await browser.get(address)
            assert late.status == 410
        await here.reply(ts, "It said: Connected")


async def test_a_service_has_an_account_of_its_own(tmp_path: Path) -> None:
    async with remote() as server, inside(tmp_path, start=False) as here:
        oauth = {"client_id": "bot", "client_secret": "hush-hush"}
        entry = server.entry(identity="service", oauth=oauth)
        (here.bot.home / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": entry}}))
        here.model.respond = respond
        await here.bot.start()
        await here.until(lambda: toolset(here).tools(), what="tools", poll=0.01)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> note")
        card = await here.reply(ts, "Waiting for you")
        assert "as the company's account" in json.dumps(card.blocks)
        server.expire()
        await here.slack.click(card, "approval.approved", by=here.alice)
        await here.reply(ts, "It said: company:")
        assert server.calls == [("company", "note", {"text": "hello"})]
        assert server.asked == ["client", "client"]


async def test_a_bot_without_such_servers_gets_one_while_it_runs(tmp_path: Path) -> None:
    async with remote() as server, _inside(tmp_path, {}) as here:
        here.model.respond = respond
        bot = here.bot
        assert isinstance(bot, BotInside)
        file = bot.home / "mcp.json"
        file.write_text('{"mcpServers": {}}')
        await bot.start()
        values = {**bot.environment}
        loaded = settings.load(values, bot.home)
        configured = mcp_json.load(loaded.mcp_config, loaded.workspace, loaded.variables)
        reloading = Reloading(loaded, configured, bot.parts.tools, values, bot.home)
        reloading.prepare = bot.parts.signing_in.serve
        file.write_text(json.dumps({"mcpServers": {"notes": server.entry()}}))

        del values["BOT_SECRET_KEY"]
        await reloading.reload()
        assert "Nothing was reloaded" in bot.log
        assert bot.log.count("BOT_SECRET_KEY: it is not set") == 1
        assert bot.parts.tools.find("notes__connect") is None

        values["BOT_SECRET_KEY"] = KEY
        await reloading.reload()
        assert "MCP_CONFIG was read again: added `notes`" in bot.log
        await connected(here, server, here.alice, "alice")
        # Another one, which was not there when the first one came.
        file.write_text(json.dumps({"mcpServers": {"notes": server.entry(), "more": server.entry()}}))
        await reloading.reload()
        assert bot.parts.tools.find("more__connect") is not None
        prepared = await bot.parts.signing_in.accounts.prepare("more", here.alice.id, SignInNeed())
        assert prepared.about.server == "more"
        await here.quiet()
        here.model.prefix_breaks.clear()
