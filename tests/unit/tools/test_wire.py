"""Lines of a server's output."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from bot.tools.mcp import jsonrpc, lenient_json
from bot.tools.mcp.delivery import Deliveries, Delivery, current_delivery
from bot.tools.mcp.hidden import Secrets


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


@pytest.mark.parametrize(
    ("written", "result"),
    [
        ('{"jsonrpc":"2.0","id":1,"result":{"a":"x\ty\x1b"}}', {"a": "x\ty\x1b"}),
        (r'{"jsonrpc":"2.0","id":1,"result":{"a":"\d\x"}}', {"a": r"\d\x"}),
        ('{"jsonrpc":"2.0","id":1,"result":null}', {"content": []}),
        ('{"jsonrpc":"2.0","id":1,"result":"done"}', {"content": [{"type": "text", "text": "done"}]}),
        ('{"jsonrpc":"2.0","id":1,"result":[1]}', {"content": [], "structuredContent": [1]}),
        ('{"jsonrpc":"2.0","id":1,"result":[{"type":"text"}]}', {"content": [{"type": "text"}]}),
        ('{"level":"info"} {job 7} {"jsonrpc":"2.0","id":1,"result":{}}', {}),
        ('INFO: {"jsonrpc":"2.0","id":1.0,"result":{"a":"b"}} (3 ms)', {"a": "b"}),
    ],
)
def test_a_result_is_read_as_servers_write_it(written: str, result: object) -> None:
    message = jsonrpc.parsed(written.encode())
    assert isinstance(message, JSONRPCResponse)
    assert (message.id, message.result) == (1, result)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ('"no"', -32603, "no"),
        ('{"message":"no"}', -32603, "no"),
        ('{"code":5,"message":"no","data":1}', 5, "no"),
        ('["no"]', -32603, '["no"]'),
    ],
)
def test_an_error_is_read_as_servers_write_it(error: str, code: int, words: str) -> None:
    message = jsonrpc.parsed(f'{{"jsonrpc":"2.0","id":1,"error":{error}}}'.encode())
    assert isinstance(message, JSONRPCError)
    assert (message.error.code, message.error.message) == (code, words)


def test_an_empty_object_may_be_written_as_php_does() -> None:
    result = '{"protocolVersion":"2025-11-25","capabilities":{"tools":[]},"serverInfo":[]}'
    message = jsonrpc.parsed(f'{{"jsonrpc":"2.0","id":1,"result":{result}}}'.encode())
    assert isinstance(message, JSONRPCResponse)
    assert message.result["capabilities"] == {"tools": {}}
    assert lenient_json.schema([]) == {}
    assert lenient_json.schema({"properties": []}) == {"properties": {}}
    assert lenient_json.schema({"properties": {"a": {"items": {"properties": []}}}}) == {
        "properties": {"a": {"items": {"properties": {}}}}
    }


@pytest.mark.parametrize(
    "raw",
    [
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"cut',
        b'{"result":{"a":}, "jsonrpc":"2.0", "id": "7"}',
        b'{"jsonrpc":"2.0","result":{"note":"' + b"x" * 500 + b'","id": 3,},"id":7,"more":"' + b"y" * 500,
    ],
)
def test_an_answer_that_cannot_be_read_ends_its_call_as_answered(raw: bytes) -> None:
    deliveries, delivery = Deliveries(Secrets()), Delivery({"content": []})
    token = current_delivery.set(delivery)
    try:
        deliveries.sending(JSONRPCRequest(jsonrpc="2.0", id=7, method="tools/call"))
    finally:
        current_delivery.reset(token)
    assert jsonrpc.parsed(raw) is None
    message = deliveries.unreadable(raw)
    assert isinstance(message, JSONRPCResponse)
    assert message.id == 7
    assert delivery.reply is not None
    assert delivery.reply["isError"] is True
    assert deliveries.unreadable(b'{"jsonrpc":"2.0","id":8,"result":') is None
