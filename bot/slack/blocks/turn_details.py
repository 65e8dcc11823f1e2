"""Builds the window with the details of a turn: what each call was given, what came of it, how long it took. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.budget import LEAST, Basis
from bot.core.calls import Call
from bot.core.json_text import JsonObject
from bot.core.tool_words import tool_title
from bot.core.turn_record import CallCost, TurnRecord
from bot.slack.blocks.call_text import arguments_of, duration, ending, fields
from bot.slack.blocks.elements import (
    CHUNK,
    Block,
    bold,
    fitting,
    modal,
    one_line,
    plain,
    preformatted,
    remark,
    rich,
    section,
)

MAX_CALLS = 20
"""Calls that are shown. A window has 100 blocks and 250 kB."""
ARGUMENTS = 2_000
"""Characters of the arguments of a call."""
MAX_READ = 20_000
"""Characters of arguments above which they are shown as JSON."""
RESULT = CHUNK
PRIVATE = "Only who asked may see the details in this conversation."
GONE = "I have no details of this any more."


def window(record: TurnRecord) -> JsonObject:
    """Return the window."""
    blocks: list[Block] = []
    for number, call in enumerate(record.calls[:MAX_CALLS], start=1):
        blocks += _call(number, call, _spent(record, call))
    if not record.calls:
        blocks.append(remark("No tools were used."))
    left = record.more + len(record.calls[MAX_CALLS:])
    if left:
        blocks.append(remark(f"{left} more are not shown here."))
    return modal("Details", [*blocks, remark(_total(record))])


def said(words: str) -> JsonObject:
    """Return the window that only says why there are no details."""
    return modal("Details", [remark(words)])


def _call(number: int, call: Call, spent: str) -> Iterator[Block]:
    server = f" · {one_line(call.server, 80)}" if call.server else ""
    yield rich(
        section(bold(f"{number}. {tool_title('', call.remote_name)}"), plain(server)),
        *([preformatted(given)] if (given := _given(call)) else []),
        *([preformatted(_start(call.result, RESULT))] if call.result else []),
    )
    took = f" · {duration(call.seconds)}" if call.seconds >= 1 else ""
    yield remark((ending(call) if call.outcome else "under way") + took + spent)


def _spent(record: TurnRecord, call: Call) -> str:
    """Return what the request has cost that asked for a call, said once for all calls that it asked for; empty if that
    is nothing, or not recorded."""
    found = record.costs.get(call.id)
    if found is None or not (found.cost or found.basis is Basis.UNKNOWN):
        return ""
    paid = [record.costs.get(each.id) for each in record.calls]
    first = [each.request if each is not None else "" for each in paid].index(found.request)
    return f" · request: {_cost(found)}" if record.calls[first].id == call.id else f" · same request as {first + 1}"


def _cost(found: CallCost) -> str:
    """Return the cost of a request."""
    if found.basis is Basis.UNKNOWN:
        return "cost not reported"
    return f"{_amount(found.cost)} (estimated)" if found.basis is Basis.ESTIMATED else _amount(found.cost)


def _amount(cost: float) -> str:
    return f"${cost:,.4f}" if cost >= LEAST else f"less than ${LEAST}"


def _given(call: Call) -> str:
    """Return the start of the arguments, a line for each."""
    if len(call.arguments) > MAX_READ:
        return _start(call.arguments, ARGUMENTS)
    return _start("\n".join(f"{name}: {value}" for name, value in fields(arguments_of(call))), ARGUMENTS)


def _start(text: str, limit: int) -> str:
    shown, covered = fitting(text, limit)
    return shown if covered == len(text) else f"{shown}\n… {len(text) - covered:,} more characters"


def _total(record: TurnRecord) -> str:
    usage = record.usage
    requests = f"{record.steps} request{'' if record.steps == 1 else 's'} to the model"
    parts = [requests if record.steps else "The model has not answered"]
    parts += [duration(record.seconds)] if record.seconds or record.steps else []
    if usage.prompt_tokens or usage.completion_tokens:
        cached = f" ({usage.cached_tokens:,} from cache)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens:,} tokens read{cached}, {usage.completion_tokens:,} written")
    if usage.cost:
        parts.append(f"{'about ' if record.estimated else ''}{_amount(usage.cost)}")
    return f"{' · '.join(parts)}{_model(record)}"


def _model(record: TurnRecord) -> str:
    """Return which model answered, and that it was a fallback."""
    if not record.model:
        return ""
    fallback = f" · {one_line(record.fallback, 80)} answered as a fallback" if record.fallback else ""
    return f" · {one_line(record.model, 80)}{fallback}"
