"""What comes of a call when a server misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.tools import DeliveryStatus
from bot.tools.mcp.toolset import McpToolset
from tests.unit.tools.helpers import call, python_server, running, tool, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the server notes which calls ran."""
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
async def odd(journal: Path) -> AsyncGenerator[McpToolset]:
    """A server of odd tools, whose calls may take 5 s."""
    async with running(python_server("odd.py", journal, call_seconds=5)) as toolset:
        yield toolset


async def test_a_result_is_ok_and_a_failure_of_the_tool_is_an_error(odd: McpToolset) -> None:
    good = await call(odd, "odd__echo", words="hello")
    bad = await call(odd, "odd__fail")
    assert (good.certainty, good.text) == (DeliveryStatus.OK, "hello")
    assert (bad.certainty, bad.text) == (DeliveryStatus.ERROR, "no such thing")
    assert 0 < good.seconds < 5


async def test_only_the_tools_that_are_included_are_offered(journal: Path) -> None:
    server = python_server("odd.py", journal, include=("e*", "die"), exclude=("die",), safe_to_repeat=("echo",))
    async with running(server) as toolset:
        assert all(known.remote_name.startswith("e") for known in toolset.tools())
        assert tool(toolset, "odd__echo").safe_to_repeat
        (state,) = toolset.states()
        assert (state.key, state.state, state.tools) == ("odd", "up", len(toolset.tools()))
        assert (state.trouble, state.last_error) == ("", "")


async def test_a_protocol_error_for_the_call_is_an_error_even_with_the_code_of_a_lost_connection(
    odd: McpToolset,
) -> None:
    outcome = await call(odd, "odd__refuse")
    assert outcome.certainty is DeliveryStatus.ERROR
    assert "not today" in outcome.text


async def test_a_server_that_dies_in_the_middle_of_a_call_leaves_it_unknown_and_comes_back(
    odd: McpToolset, journal: Path
) -> None:
    outcome = await call(odd, "odd__die", words="once")
    assert outcome.certainty is DeliveryStatus.UNKNOWN
    assert "may or may not have run" in outcome.text
    assert outcome.seconds < 1, "a death is noticed at once, not by a timeout"
    assert journal.read_text() == "once\n"
    assert (await call(odd, "odd__echo", words="back")).text == "back"
    assert await odd.ready(5) == []


async def test_a_call_that_is_never_answered_is_unknown_after_its_time(journal: Path) -> None:
    async with running(python_server("odd.py", journal, call_seconds=0.3)) as odd:
        outcome = await call(odd, "odd__hang", words="hung")
        assert outcome.certainty is DeliveryStatus.UNKNOWN
        assert "within 0.3 seconds" in outcome.text
        assert journal.read_text() == "hung\n"
        assert (await call(odd, "odd__echo", words="alive")).text == "alive"


async def test_a_killed_server_takes_only_the_calls_under_way_with_it(odd: McpToolset, journal: Path) -> None:
    pid = int((await call(odd, "odd__pid")).text)
    hanging = [asyncio.create_task(call(odd, "odd__hang", words=f"call {number}")) for number in range(8)]
    await until(lambda: len(journal.read_text().splitlines()) == 8)
    os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    assert {outcome.certainty for outcome in await asyncio.gather(*hanging)} == {DeliveryStatus.UNKNOWN}
    assert time.monotonic() - began < 1
    after = await call(odd, "odd__echo", words="back")
    assert (after.certainty, after.text) == (DeliveryStatus.OK, "back")
    assert time.monotonic() - began < 5
    assert len(journal.read_text().splitlines()) == 8, "nothing was called again by itself"


async def test_a_call_to_a_server_that_has_just_died_waits_for_the_next_life(odd: McpToolset, journal: Path) -> None:
    await call(odd, "odd__die", words="dead")
    outcomes = await asyncio.gather(*(call(odd, "odd__note", words=f"call {number}") for number in range(5)))
    assert {outcome.certainty for outcome in outcomes} == {DeliveryStatus.OK}
    assert sorted(journal.read_text().splitlines()) == sorted(["dead", *(f"call {number}" for number in range(5))])


async def test_calls_run_side_by_side(odd: McpToolset) -> None:
    began = time.monotonic()
    outcomes = await asyncio.gather(*(call(odd, "odd__slow") for _ in range(20)))
    assert {outcome.certainty for outcome in outcomes} == {DeliveryStatus.OK}
    assert 2 <= time.monotonic() - began < 2.5, "16 at once, then the other four"


async def test_who_waits_too_long_for_a_busy_server_was_not_sent(journal: Path) -> None:
    async with running(python_server("odd.py", journal, call_seconds=1.5)) as odd:
        hanging = [asyncio.create_task(call(odd, "odd__hang", words="x")) for _ in range(16)]
        await until(lambda: len(journal.read_text().splitlines()) == 16)
        late = [asyncio.create_task(call(odd, "odd__slow")) for _ in range(16)]
        hopeless = asyncio.create_task(call(odd, "odd__note", words="too late"))
        outcomes = await asyncio.gather(*hanging)
        assert {outcome.certainty for outcome in outcomes} == {DeliveryStatus.UNKNOWN}
        outcome = await hopeless
        assert outcome.certainty is DeliveryStatus.UNSENT
        assert "busy" in outcome.text
        await asyncio.gather(*late)
        assert "too late" not in journal.read_text()


async def test_cancelling_a_caller_hurts_nobody_else(odd: McpToolset, journal: Path) -> None:
    hanging = asyncio.create_task(call(odd, "odd__hang", words="hung"))
    slow = asyncio.create_task(call(odd, "odd__slow"))
    await until(lambda: journal.read_text() == "hung\n")
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert (await slow).text == "done"


async def test_a_request_that_was_never_written_is_unsent_although_the_server_lives(journal: Path) -> None:
    async with running(python_server("odd.py", journal, call_seconds=0.5)) as odd:
        assert (await call(odd, "odd__deaf")).text == "deaf"
        assert (await call(odd, "odd__echo", words="read by nobody")).certainty is DeliveryStatus.UNKNOWN
        assert (await call(odd, "odd__echo", words="x" * 200_000)).certainty is DeliveryStatus.UNKNOWN, (
            "the pipe is full"
        )
        outcome = await call(odd, "odd__note", words="never")
        assert outcome.certainty is DeliveryStatus.UNSENT
        assert "not sent" in outcome.text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("odd__junk", "after junk"),
        ("odd__not_utf8", "café"),
        ("odd__latin1", "caf\N{REPLACEMENT CHARACTER}"),
        ("odd__half_emoji", "half: \N{REPLACEMENT CHARACTER}."),
        ("odd__mismatch", "it ran"),
        ("odd__wrong_block", 'seen\n[content of the unknown kind hologram] {"type": "hologram"}'),
    ],
)
async def test_a_reply_that_is_not_quite_right_is_used_all_the_same(odd: McpToolset, name: str, expected: str) -> None:
    outcome = await call(odd, name)
    assert (outcome.certainty, outcome.text) == (DeliveryStatus.OK, expected)
    assert (await call(odd, "odd__echo", words="and on")).text == "and on"


async def test_a_reply_that_is_no_result_says_that_the_tool_ran(odd: McpToolset) -> None:
    outcome = await call(odd, "odd__malformed")
    assert outcome.certainty is DeliveryStatus.ERROR
    assert "The tool ran" in outcome.text


async def test_a_big_result_is_cut_and_one_that_is_too_big_says_so(odd: McpToolset) -> None:
    big = await call(odd, "odd__big", megabytes=3)
    assert big.certainty is DeliveryStatus.OK
    assert len(big.text) <= 40_000
    assert "characters left out" in big.text
    too_big = await call(odd, "odd__big", megabytes=10)
    assert too_big.certainty is DeliveryStatus.ERROR
    assert "The tool ran, but its result of 10,485," in too_big.text
    assert (await call(odd, "odd__echo", words="and on")).text == "and on"


async def test_lone_surrogates_in_arguments_are_replaced_and_harm_nobody(odd: McpToolset) -> None:
    slow = asyncio.create_task(call(odd, "odd__slow"))
    outcome = await call(odd, "odd__echo", words="half \ud83d emoji")
    assert outcome.text == "half \N{REPLACEMENT CHARACTER} emoji"
    assert (await slow).text == "done"


async def test_arguments_that_no_json_can_hold_are_unsent(odd: McpToolset) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, object()):
        outcome = await odd.call(tool(odd, "odd__echo"), {"words": value})
        assert outcome.certainty is DeliveryStatus.UNSENT, type(value)
    assert (await call(odd, "odd__echo", words="and on")).text == "and on"


async def test_tools_that_cannot_be_used_are_left_out_and_cost_no_other(odd: McpToolset) -> None:
    names = [known.name for known in odd.tools()]
    assert "odd__echo" in names
    assert "odd__no_type" in names
    assert not [name for name in names if "task" in name or "broken" in name or "nameless" in name]
    assert tool(odd, "odd__no_type").parameters["type"] == "object"


async def test_names_are_made_fit_and_found_back(odd: McpToolset) -> None:
    remote = {known.remote_name: known.name for known in odd.tools()}
    assert len(remote["n" * 100]) == 64
    for server_side in ("with.dots/and spaces", "n" * 100):
        assert (await call(odd, remote[server_side], words=server_side)).text == server_side
    assert [known.name for known in odd.tools()] == sorted(known.name for known in odd.tools())


async def test_descriptions_are_bounded_and_hold_nothing_invisible(odd: McpToolset) -> None:
    description = tool(odd, "odd__tagged").description
    assert description.startswith("Plain bidi.y")
    assert len(description) == 1024


async def test_annotations_are_taken_down_and_absent_ones_mean_the_worst(odd: McpToolset) -> None:
    plain, annotated = tool(odd, "odd__echo"), tool(odd, "odd__read_only")
    assert (plain.read_only, plain.destructive, plain.idempotent) == (False, True, False)
    assert (annotated.read_only, annotated.destructive, annotated.idempotent) == (True, False, True)
    assert not annotated.trusted


async def test_a_tool_of_a_server_that_is_trusted_is_another_than_that_of_one_that_is_not(
    tmp_path: Path,
) -> None:
    digests: set[str] = set()
    for trusted in (True, False):
        async with running(python_server("odd.py", tmp_path / "journal", trusted=trusted)) as files:
            digests.add(tool(files, "odd__echo").digest)
    assert len(digests) == 2


async def test_a_tool_that_changed_since_is_not_called(odd: McpToolset, journal: Path) -> None:
    before = tool(odd, "odd__change_me")
    assert (await call(odd, "odd__change")).text == "changed"
    await until(lambda: odd.find("odd__fresh"))
    after = tool(odd, "odd__change_me")
    assert after.digest != before.digest
    outcome = await odd.call(before, {})
    assert outcome.certainty is DeliveryStatus.UNSENT
    assert "has changed" in outcome.text
    assert (await odd.call(after, {})).text == "ran"
    assert (await call(odd, "odd__fresh")).text == "fresh"


async def test_a_tool_that_is_gone_is_not_called(odd: McpToolset) -> None:
    outcome = await odd.call(replace(tool(odd, "odd__echo"), remote_name="gone"), {})
    assert outcome.certainty is DeliveryStatus.UNSENT
    assert "no longer offers `gone`" in outcome.text
    outcome = await odd.call(replace(tool(odd, "odd__echo"), server="elsewhere"), {})
    assert outcome.certainty is DeliveryStatus.UNSENT
    assert odd.find("odd__nothing") is None


async def test_the_environment_of_the_bot_does_not_reach_a_server(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    async with running(python_server("odd.py", journal, env={"OWN": "given", "API_TOKEN": "abc-123"})) as odd:
        outcome = await call(odd, "odd__environment")
    names = {text.partition("=")[0] for text in outcome.text.splitlines()}
    assert "OWN=given" in outcome.text
    assert "API_TOKEN=***" in outcome.text, "what it was given to keep is not repeated"
    assert "xoxb" not in outcome.text
    assert names <= {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "OWN", "API_TOKEN", "LC_CTYPE"}
