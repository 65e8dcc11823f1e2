"""The tasks extension of MCP (io.modelcontextprotocol/tasks, 2026-07-28): what is sent, and how answers are read.

Importing this module imports the SDK (see `bot.tools.mcp.session`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import mcp_types as types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim

from bot.core.json_text import JsonObject
from bot.core.server_tasks import MAX_ID, ServerTask, TaskReport, TaskStatus, poll_seconds
from bot.core.tools import CallResult, DeliveryStatus, ResultText
from bot.tools.mcp import content
from bot.tools.text import line

EXTENSION = "io.modelcontextprotocol/tasks"
MAX_WORDS = 120
"""Characters of what a server says about the progress of a task."""
INPUT = "The tool asked for further input, which this bot cannot give, so it was cancelled."
CANCELLED = "The tool server cancelled this before it was finished. Parts of it may have been done."


class TaskParams(types.RequestParams):
    """Which task a request is about."""

    task_id: str


class GetTask(types.Request[TaskParams, Literal["tasks/get"]]):
    """Asks what became of a task."""

    name_param: ClassVar[str | None] = "taskId"
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams


class CancelTask(types.Request[TaskParams, Literal["tasks/cancel"]]):
    """Says that the result of a task is no longer wanted."""

    name_param: ClassVar[str | None] = "taskId"
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskParams


class TaskHandle(types.Result):
    """The answer to a call of which the server made a task."""

    result_type: Literal["task"]


class Tasks(ClientExtension):
    """Declares the extension to servers of 2026-07-28. Older ones are not told, so they make no tasks."""

    identifier = EXTENSION

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """Claim the results that say that a call has become a task."""
        return (ResultClaim(result_type="task", model=TaskHandle, resolve=_never),)


async def _never(handle: TaskHandle, context: ClaimContext) -> types.CallToolResult:
    """Results are read from the wire (`bot.tools.mcp.delivery`), so the SDK never sees a handle."""
    raise RuntimeError("a task is not waited for within a request")


def handle(reply: JsonObject) -> ServerTask | None:
    """Return the task that a server made of a call, from its `result`; None if it made none, or says no usable id."""
    if reply.get("resultType") != "task":
        return None
    id_ = reply.get("taskId")
    if not isinstance(id_, str) or not id_ or len(id_) > MAX_ID:
        return None
    now = time.time()
    return ServerTask(id_, now, _until(reply, now) or 0.0, poll_seconds(reply.get("pollIntervalMs")), _words(reply))


def report(task: ServerTask, reply: JsonObject) -> TaskReport:
    """Return what a `result` of tasks/get says."""
    poll, words = poll_seconds(reply.get("pollIntervalMs")), _words(reply)
    match reply.get("status"):
        case "completed":
            result = reply.get("result")
            return _ended(task, *outcome(result if isinstance(result, dict) else {}))
        case "failed":
            error = reply.get("error")
            message = error.get("message") if isinstance(error, dict) else ""
            said = line(message, 2000) if isinstance(message, str) else ""
            return _ended(task, DeliveryStatus.ERROR, f"The tool server reported that it failed: {said or words}")
        case "cancelled":
            return _ended(task, DeliveryStatus.ERROR, CANCELLED)
        case _:
            return TaskReport(TaskStatus.WORKING, words, poll, _until(reply, task.since))


def asks_for_input(reply: JsonObject) -> bool:
    """Return whether a task goes on only with an answer that nobody can give."""
    return reply.get("status") == "input_required"


def no_input(task: ServerTask) -> TaskReport:
    """Return the report on such a task, once it was cancelled."""
    return _ended(task, DeliveryStatus.ERROR, INPUT)


def outcome(reply: JsonObject, *, whole: bool = False) -> tuple[DeliveryStatus, str]:
    """Return the outcome of a `result` of tools/call as received: the tool has run even if the SDK would reject its
    result."""
    if reply.get("resultType") == "input_required":
        return DeliveryStatus.ERROR, "The tool asked for further input, which this bot cannot give."
    text = content.whole(reply) if whole else content.text(reply)
    if text is None:
        return DeliveryStatus.ERROR, "The tool ran, but what it returned is not a result that MCP knows, so it is lost."
    text = content.scrubbed(text) if isinstance(text, ResultText) else text
    return (DeliveryStatus.ERROR if reply.get("isError") is True else DeliveryStatus.OK), text


def _ended(task: ServerTask, certainty: DeliveryStatus, text: str) -> TaskReport:
    media, whole = (text.media, text.whole) if isinstance(text, ResultText) else ((), "")
    return TaskReport(
        TaskStatus.ENDED, result=CallResult(certainty, text, time.time() - task.since, media, whole=whole)
    )


def _words(reply: JsonObject) -> str:
    words = reply.get("statusMessage")
    return line(words, MAX_WORDS) if isinstance(words, str) else ""


def _until(reply: JsonObject, since: float) -> float | None:
    """Return until when the task is kept; 0 without a limit, None if the server does not say. Servers count from their
    own clock, so only the duration is used."""
    if "ttlMs" not in reply:
        return None
    milliseconds = reply["ttlMs"]
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return 0.0
    return since + max(milliseconds, 0) / 1000
