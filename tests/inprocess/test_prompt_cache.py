"""What a provider can take from its prompt cache: nearly all of each request is the beginning of the one before."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
Json = dict[str, Any]


def rendered(request: ChatRequest) -> str:
    """What a model reads of a request, in the order in which providers put it: tools first, then the messages."""
    payload = request.payload
    texts = [json.dumps(each, ensure_ascii=False) for each in payload["messages"]]
    return "\n".join([json.dumps(payload["tools"]), *texts])


def prefix(before: str, after: str) -> int:
    """How many characters two texts begin with that are the same."""
    return next((at for at, (one, two) in enumerate(zip(before, after, strict=False)) if one != two), len(before))


async def test_of_a_turn_of_twenty_steps_nearly_all_is_the_unchanged_prefix(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        for number in range(20):
            (here.workspace / f"{number}.md").write_text(f"{number}: " + "the release is on Thursday. " * 20)

        def respond(request: ChatRequest) -> Answer:
            step = len(here.model.requests)
            if step >= 20:
                return text("Read.")
            return calls(call("filesystem__read_text_file", {"path": str(here.workspace / f"{step}.md")}))

        here.model.respond = respond
        ts = await here.slack.say(here.general, here.alice, "<@BOT> read them all")
        await here.reply(ts, "Read.")
        await here.quiet()
        requests = list(here.model.requests)
        assert len(requests) == 20
        for before, after in pairwise(requests):
            assert rendered(after).startswith(rendered(before)), "nothing that was read is changed"
            head, _, _ = after.body.partition(b'"messages":[')
            assert before.body.startswith(head), "neither are the tools, on the wire"
        texts = list(map(rendered, requests))
        again = sum(prefix(before, after) for before, after in pairwise(texts))
        assert again / sum(map(len, texts[1:])) >= 0.95, "of all that could be read before"

        await here.slack.say(here.general, here.bob, "not for you", thread_ts=ts)
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        await here.until(lambda: len(here.model.requests) == 21, what="a request to the model", poll=0.01)
        await here.quiet()
        assert rendered(here.model.requests[20]).startswith(rendered(requests[19])), "nor by the next turn"
        assert not any("cache_control" in str(each) for each in here.model.requests[20].payload["messages"])
