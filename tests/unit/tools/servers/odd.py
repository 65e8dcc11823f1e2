"""Each tool of this server does one odd thing. It counts its calls in the file that it is given."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from raw import OBJECT, Json, RawServer, Refused, text

server = RawServer()
journal = Path(sys.argv[1])


def echo(arguments: Json) -> Json:
    """Return the words."""
    return text(str(arguments.get("words", "")))


def note(arguments: Json) -> Json:
    """Write into the journal that it ran."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{arguments['words']}\n")
    return text("noted")


def pid(arguments: Json) -> Json:
    """Return the process id."""
    return text(str(os.getpid()))


def environment(arguments: Json) -> Json:
    """Return the environment."""
    return text("\n".join(f"{key}={value}" for key, value in os.environ.items()))


def die(arguments: Json) -> Json:
    """Write into the journal, then die without an answer."""
    note(arguments)
    os._exit(3)


def hang(arguments: Json) -> None:
    """Write into the journal and never answer."""
    note(arguments)


def slow(arguments: Json) -> Json:
    """Answer after a second."""
    time.sleep(1)
    return text("done")


def until(arguments: Json) -> Json:
    """Write into the journal, and answer once there is a file of this name."""
    note(arguments)
    while not Path(arguments["words"]).exists():
        time.sleep(0.01)
    return text(f"{os.getpid()}")


def fail(arguments: Json) -> Json:
    """Fail."""
    return text("no such thing", isError=True)


def refuse(arguments: Json) -> Json:
    """Answer with a protocol error that looks like the SDK's own for a lost connection."""
    raise Refused(-32000, "not today")


def junk(arguments: Json) -> Json:
    """Print to stdout what is no message: a line, and a progress mark without a line break."""
    server.write(b"Loading model...\n\n{}\n[1]\n50% ... ")
    return text("after junk")


def not_utf8(arguments: Json) -> Json:
    """Answer with bytes that are not UTF-8."""
    server.write(b"\xff\xfe junk \xff\n")
    return text("caf\N{LATIN SMALL LETTER E WITH ACUTE}")


def latin1(arguments: Json) -> None:
    """Answer in Latin-1 instead of UTF-8."""
    result = json.dumps(text("caf\xe9"), ensure_ascii=False)
    server.write(f'{{"jsonrpc":"2.0","id":{server.request_id},"result":{result}}}\n'.encode("latin-1"))


def half_emoji(arguments: Json) -> Json:
    """Answer with a lone surrogate, as JavaScript does that cuts a text in the middle of an emoji."""
    return text("half: \ud83d.")


def mismatch(arguments: Json) -> Json:
    """Answer with structured content that breaks the outputSchema."""
    return text("it ran", structuredContent={"count": "many"})


def malformed(arguments: Json) -> Json:
    """Answer with a result that is none."""
    return {"contents": "?"}


def wrong_block(arguments: Json) -> Json:
    """Answer with text, and with a block of content that MCP does not know."""
    return {"content": [{"type": "text", "text": "seen"}, {"type": "hologram"}]}


def big(arguments: Json) -> Json:
    """Answer with so many megabytes."""
    return text("x" * (1 << 20) * arguments["megabytes"])


def change(arguments: Json) -> Json:
    """Offer other tools than before, and say so."""
    server.tool(change_me, inputSchema={"type": "object", "properties": {"new": {"type": "string"}}})
    server.tool(fresh)
    server.send(method="notifications/tools/list_changed")
    return text("changed")


def change_me(arguments: Json) -> Json:
    """It will be another."""
    return text("ran")


def fresh(arguments: Json) -> Json:
    """It was not there before."""
    return text("fresh")


def deaf(arguments: Json) -> Json:
    """Read no more requests after the next one, so that the pipe fills up."""
    server.deaf.set()
    return text("deaf")


for run in (echo, note, pid, environment, die, hang, slow, until, fail, refuse, junk, not_utf8, latin1, half_emoji):
    server.tool(run)
for run in (malformed, wrong_block, big, change, change_me, deaf):
    server.tool(run)
server.tool(mismatch, outputSchema={"type": "object", "properties": {"count": {"type": "integer"}}})
server.tool(echo, name="with.dots/and spaces")
server.tool(echo, name="n" * 100)
server.tool(echo, name="hidden_task", execution={"taskSupport": "required"})
server.tool(echo, name="broken_schema", inputSchema="a string")
server.tool(echo, name="no_type", inputSchema={"properties": {"words": {"type": "string"}}})
server.tool(echo, name="tagged", description="Plain\U000e0041\U000e0042 \u202ebidi\u200b." + "y" * 5000)
server.tool(
    echo, name="read_only", annotations={"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}
)
server.tools["nameless"] = ({"inputSchema": OBJECT}, echo)
print("odd server at your service", file=sys.stderr, flush=True)
server.serve()
