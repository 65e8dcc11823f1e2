"""Scenes of an answer while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stage import Stage

from slack_sandbox.model import Message
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text

FIRST = (
    "Three of the five points of the release are done: the release notes are written, the version is raised, and the "
    "licence for the map data is signed."
)
REST = "What is left is the tag and the signed build; Bob has asked for both by Thursday."
PAUSE = 6.0
"""Seconds for which the model says nothing, so that a picture can be taken."""


async def writing(at: Stage) -> None:
    """An answer that is being written, and one that goes on below a stream that has died."""
    usual, at.model.respond = at.model.respond, _slowly(at)
    try:
        at.file("release.md", "- [x] notes\n- [x] version\n- [x] licence\n- [ ] tag\n- [ ] build\n")
        thread = await at.says("how far is the release?")
        message = await at.message(thread, lambda message: "Three of the five" in message.plain)
        at.take("streaming", "An answer that is being written", message)
        await at.reads(message, "by Thursday")
        thread = await at.says("and now?")
        begun = await at.message(thread, lambda message: "Three of the five" in message.plain)
        at.slack.end_streams()
        following = await at.message(thread, lambda message: _is_after(message, begun))
        await at.until(lambda: following.blocks[0]["type"] == "markdown", "the end of the stream, without its menu")
        at.slack.rejected.clear()  # what was added to the dead stream
        at.take("continued", "The rest of an answer whose stream has died", following)
    finally:
        at.model.respond = usual


def _is_after(message: Message, begun: Message) -> bool:
    return message.ts > begun.ts and "by Thursday" in message.plain


def _slowly(at: Stage) -> Callable[[ChatRequest], Completion]:
    def respond(request: ChatRequest) -> Completion:
        if request.messages[-1]["role"] == "user":
            return calls(call("filesystem__read_text_file", {"path": at.file("release.md")}))
        return replace(text(f"{FIRST}\n\n{REST}"), chunks=2, delay=PAUSE)

    return respond
