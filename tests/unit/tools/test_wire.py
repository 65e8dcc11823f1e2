"""Lines of a server's output."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCNotification, JSONRPCResponse

from bot.tools.mcp import jsonrpc


@given(st.lists(st.binary(max_size=20)))
def test_lines_do_not_depend_on_how_the_output_is_cut_into_chunks(chunks: list[bytes]) -> None:
    lines = jsonrpc.Lines("s")
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    assert found == b"".join(chunks).split(b"\n")[:-1]


@pytest.mark.parametrize(
    "message", ['{"jsonrpc": "2.0", "id": 7, "result": "%s"}', '{"result":"%s","jsonrpc":"2.0","id":7}']
)
def test_a_message_that_is_too_big_becomes_an_answer_that_says_so(
    message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonrpc, "MAX_LINE_BYTES", 2000)
    raw = (message % ("x" * 5000)).encode()
    lines = jsonrpc.Lines("s")
    found = [line for start in range(0, len(raw), 300) for line in lines.feed(raw[start : start + 300])]
    assert found == []
    (answer, after) = [*lines.feed(b"\nshort\n")]
    assert after == b"short"
    content = json.loads(answer)
    assert content["id"] == 7
    assert f"{len(raw):,} bytes" in content["result"]["content"][0]["text"]


def test_too_big_a_line_that_names_no_request_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "MAX_LINE_BYTES", 100)
    assert [*jsonrpc.Lines("s").feed(b"x" * 1000 + b"\nok\n")] == [b"", b"ok"]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"jsonrpc":"2.0","id":1,"result":{"a":"b"}}\r',
        b'  {"jsonrpc":"2.0","id":1,"result":{"a":"b"}}',
        b'Loading 100% {"jsonrpc":"2.0","id":1,"result":{"a":"b"}}',
        b'\xff{"jsonrpc":"2.0","id":1,"result":{"a":"b"}}',
    ],
)
def test_a_message_is_found_behind_what_was_printed_before_it(raw: bytes) -> None:
    message = jsonrpc.parsed(raw)
    assert isinstance(message, JSONRPCResponse)
    assert (message.id, message.result) == (1, {"a": "b"})


def test_half_an_emoji_is_replaced() -> None:
    message = jsonrpc.parsed(rb'{"jsonrpc":"2.0","method":"m","params":{"a":"\ud83d!"}}')
    assert isinstance(message, JSONRPCNotification)
    assert message.params == {"a": "\N{REPLACEMENT CHARACTER}!"}


@pytest.mark.parametrize("raw", [b"", b"hello", b"{}", b"[1]", b'{"jsonrpc":"1.0"}', b"{" * 100_000, b"\xff\xfe"])
def test_what_is_no_message_is_none(raw: bytes) -> None:
    assert jsonrpc.parsed(raw) is None
