"""However and whenever a request to the model fails, people get the answer or one sentence, the log stays valid for the
strictest endpoint, the thread works on, and no cost is lost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelFlagged,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    ModelUnpaid,
    ModelWithoutTools,
    WrongEndpoint,
)
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import Answer, ChatRequest, Completion, Failure, ModelSandbox, call, calls, failure, text
from slack_sandbox.openrouter.servers import NO_MODEL, NO_TOOLS, SERVERS, TOO_LONG, raw
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

COST = 0.25
ANSWER = "Here it is."
SIGNATURE = "messages.1.content.0: Invalid `signature` in `thinking` block"
NO_ENDPOINT = "No endpoints found that support tool use. To learn more about provider routing, visit our docs."
FLAGGED = "openai/x requires moderation on OpenAI. Your input was flagged for violence."

ERRORS: dict[str, tuple[dict[str, Any], type[ModelError], bool]] = {
    "a bad request": ({"code": 400}, ModelRefused, False),
    "a bad request in the newer shape": ({"code": 400, "newer": True}, ModelRefused, False),
    "a wrong key": ({"code": 401}, ModelUnauthorized, False),
    "no credit": ({"code": 402}, ModelUnpaid, False),
    "a key without credit": ({"code": 403, "message": "Key limit exceeded (total limit)"}, ModelUnpaid, False),
    "moderation": ({"code": 403, "message": FLAGGED}, ModelFlagged, False),
    "moderation by type": ({"code": 400, "error_type": "content_policy_violation"}, ModelFlagged, False),
    "an unknown model": ({"code": 400, "message": "x/y is not a valid model ID"}, ModelUnknown, False),
    "no endpoint": ({"code": 404}, ModelUnknown, False),
    "no endpoint with tools": ({"code": 404, "message": NO_ENDPOINT}, ModelWithoutTools, False),
    "a timeout": ({"code": 408}, ModelUnavailable, True),
    "too large": ({"code": 413}, ContextTooLong, False),
    "too long": ({"code": 400, "error_type": "context_length_exceeded"}, ContextTooLong, False),
    "too long, in words": ({"code": 400, "message": "prompt is too long: 9 tokens > 8 maximum"}, ContextTooLong, False),
    "a limit": ({"code": 429}, ModelRateLimited, True),
    "a limit in the newer shape": ({"code": 429, "newer": True}, ModelRateLimited, True),
    "a long limit": ({"code": 429, "retry_after": 900, "newer": True}, ModelRateLimited, False),
    "a server error": ({"code": 500}, ModelUnavailable, True),
    "a bad gateway": ({"code": 502}, ModelUnavailable, True),
    "an overload in the newer shape": ({"code": 503, "newer": True}, ModelUnavailable, True),
    "another overload": ({"code": 529}, ModelUnavailable, True),
    "a path that is not served": ({"code": 404, "message": "Not Found"}, WrongEndpoint, False),
    "a full context while writing": (
        {"code": 500, "message": "Context size has been exceeded.", "error_type": "server_error"},
        ContextTooLong,
        False,
    ),
    "a bad signature where none was sent": ({"code": 400, "message": SIGNATURE}, ModelRefused, False),
}
"""How a provider reports an error: its error object, what it is, and whether it passes."""
OTHER_SERVERS: dict[str, tuple[Failure, type[ModelError]]] = {
    **{f"too long for {name}": (fails, ContextTooLong) for name, fails in TOO_LONG.items()},
    **{f"no model at {name}": (fails, ModelUnknown) for name, fails in NO_MODEL.items()},
    **{f"no tools at {name}": (fails, ModelWithoutTools) for name, fails in NO_TOOLS.items()},
    **{f"a wrong address of {each.name}": (each.no_path, WrongEndpoint) for each in SERVERS},
}
"""As other servers than OpenRouter say it, before the first token."""
UNKNOWN_FIELD = raw(400, {"error": {"message": "Unrecognized request argument supplied: plugins"}})
REASONING: list[dict[str, Any]] = [{"type": "reasoning.text", "text": "I read it.", "signature": "s", "index": 0}]
WHOLE = ("error_in_200", "html", "null_choices", "dropped", "hang")
BROKEN = ("error_finish", "truncated", "unfinished", "stalled", "garbage", "error_chunk")
"""Replies that are none, and streams that break: all of them pass."""


@dataclass
class Case:
    """One failure, of one request or of all."""

    name: str
    fails: Failure
    kind: type[ModelError]
    answered: bool
    """Whether only the first request fails, and another is made."""
    after_tool: bool = False
    failed: int = 0
    healed: bool = False
    """Whether the reasoning in the history is what is refused."""


def before(moment: str) -> Completion:
    """What is streamed before it fails."""
    if moment == "call":
        return calls(call("filesystem__read_text_file", '{"path": "a.t'), chunks=2, cost=COST)
    return text("Half of an ans", chunks=3, cost=COST) if moment == "text" else text("", cost=COST)


def cases(moment: str) -> list[Case]:
    """Every failure that there can be at a moment."""
    found: list[Case] = []
    tool = moment == "tool"
    for name, (error, kind, passes) in ERRORS.items():
        within = dict(error)
        code = within.pop("code")
        if moment in ("text", "call"):
            fails = failure("error_chunk", code=code, before=before(moment), retryable=passes, **within)
        else:
            fails = failure(code, **within)
        found += [Case(name, fails, kind, once, tool) for once in ((True, False) if passes else (False,))]
    if moment == "first":
        # What an error says does not depend on the moment: those of OpenRouter are tried at each.
        found += [Case(name, fails, kind, False, tool) for name, (fails, kind) in OTHER_SERVERS.items()]
    if moment in ("first", "tool"):
        found.append(Case("a field that is not known", UNKNOWN_FIELD, ModelRefused, True, tool))
    if tool:
        found.append(Case("a bad signature", failure("invalid_signature"), ModelRefused, True, tool, healed=True))
    kinds: tuple[Any, ...] = BROKEN if moment in ("text", "call") else (*WHOLE, *BROKEN)
    for each in kinds:
        fails = failure(each, before=before(moment))
        found += [Case(each, fails, ModelUnavailable, once, tool) for once in (True, False)]
    return found


class Endpoint:
    """Answers each case by its number, which the person says."""

    def __init__(self, cases: list[Case], path: str) -> None:
        self.cases, self.path = cases, path
        self.completed = 0

    def respond(self, request: ChatRequest) -> Answer:
        again, number = re.findall(r"(again|case) (\d+)", request.said)[-1]
        case = self.cases[int(number)]
        if again == "again":
            return self.complete(text(ANSWER, cost=COST))
        if case.after_tool and request.last["role"] != "tool":
            reasoning = REASONING if case.healed else ()
            made = call("filesystem__read_text_file", {"path": self.path})
            return self.complete(calls(made, reasoning_details=reasoning, cost=COST))
        if case.answered and case.failed:
            return self.complete(text(ANSWER, cost=COST))
        case.failed += 1
        if case.fails.kind == "error_finish":
            self.completed += 1
        return case.fails

    def complete(self, answer: Completion) -> Completion:
        self.completed += 1
        return answer


@asynccontextmanager
async def bot(home: Path, endpoint: ModelSandbox) -> AsyncGenerator[World]:
    async with inside(home, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.errors_expected, this.bot.endpoint = True, endpoint
        this.bot.model_of = lambda loaded: OpenRouter(
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            models=loaded.models,
            attempts=2,
            pause_seconds=0.001,
            idle_seconds=1.2,
        )
        await this.bot.start()
        yield this


@pytest.fixture
async def model() -> AsyncGenerator[ModelSandbox]:
    async with ModelSandbox() as this:
        yield this


async def happens(here: World, number: int, case: Case) -> str | None:
    """One case from the question to the next answer in its thread. Out: what is wrong with it."""
    said = ANSWER if case.answered else case.kind("").sentence
    ts = await here.slack.say(here.general, here.alice, f"<@BOT> case {number}")
    told = await here.reply(ts, said)
    if not case.answered:
        if case.kind.retry is not ("'Retry'" in str(told.blocks)):
            return "the Retry button"
        when = re.search(r"at \d\d:\d\d UTC", told.plain)
        if (when is not None) is not (case.name == "a long limit"):
            return f"when to try again: {told.plain}"
    if sum(reply.plain.count(said) for reply in here.replies(ts)) != 1:
        return f"said more than once: {[reply.plain for reply in here.replies(ts)]}"
    if any("Half of an" in reply.plain for reply in here.replies(ts)):
        return "what was begun is still there"
    await here.slack.say(here.general, here.alice, f"<@BOT> again {number}", thread_ts=ts)
    answers = 1 + case.answered
    await here.until(lambda: sum(reply.plain.count(ANSWER) for reply in here.replies(ts)) == answers, what="an answer")
    return None


def costs(here: World) -> list[tuple[str, str, float]]:
    """Id, state and cost of each request in the ledger."""
    return here.bot.rows("SELECT generation, state, cost FROM costs")


def is_settled(here: World, model: ModelSandbox) -> bool:
    """Whether the ledger says of each reply that the endpoint knows what the endpoint says."""
    charged = {id: each["total_cost"] for id, each in model.generations.by_id.items()}
    return all(
        state == "known" and cost == pytest.approx(charged[id]) for id, state, cost in costs(here) if id in charged
    )


@pytest.mark.parametrize("moment", ["first", "text", "call", "tool"])
async def test_people_get_the_answer_or_one_sentence(moment: str, model: ModelSandbox, tmp_path: Path) -> None:
    async with bot(tmp_path, model) as here:
        (here.workspace / "a.txt").write_text("one\n")
        every = cases(moment)
        endpoint = Endpoint(every, str(here.workspace / "a.txt"))
        model.respond = endpoint.respond
        together = asyncio.Semaphore(12)

        async def one(number: int, case: Case) -> str:
            async with together:
                try:
                    wrong = await happens(here, number, case)
                except AssertionError as error:
                    wrong = str(error)[:200]
            return f"{case.name}, answered={case.answered}: {wrong}" if wrong else ""

        wrong = await asyncio.gather(*(one(number, case) for number, case in enumerate(every)))
        assert [each for each in wrong if each] == []
        await here.quiet()
        assert model.violations == []
        assert len(model.prefix_breaks) == sum(case.healed for case in every)
        # What a reply has cost that was cut off is an estimate until the endpoint has been asked.
        await here.until(lambda: is_settled(here, model), what="the costs of what was cut off", poll=0.02)
        known = sum(cost for _, state, cost in costs(here) if state == "known")
        assert known >= endpoint.completed * COST - 1e-6, "no cost is lost"
        [(of_turns,)] = here.bot.rows("SELECT sum(cost) FROM turns")
        assert of_turns == pytest.approx(sum(cost for *_, cost in costs(here)))
        ran = here.bot.rows("SELECT attempts FROM calls")
        # A tool runs once, however often the model fails after it.
        assert ran == [(1,)] * (len(every) if moment == "tool" else 0)
