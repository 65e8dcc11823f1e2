"""Draws one part of a turn's message: its steps, its texts, the questions that it ends with. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.core.json_text import JsonObject
from bot.core.ledger import UndoTally
from bot.core.questions.granted import GRANTED
from bot.core.questions.question import Approval, Decision, Question
from bot.core.questions.retry import RETRIED, RETRY_TURN
from bot.core.turn_message import GROWING, End, Step, StepState, Text, TurnMessage
from bot.slack.blocks import cards, granted_row, ledger, retry_notice, turn_menu
from bot.slack.blocks.elements import Block, actions, context
from bot.slack.blocks.messages import markdown
from bot.slack.blocks.moments import in_utc, localised
from bot.slack.delivery.stream_body import StreamBody
from bot.slack.text import brief, escaped, harmless, visible

TITLE = 250
"""Characters of the title of a task: Slack takes 256."""


def render(
    message: TurnMessage,
    about: Sequence[Question] = (),
    words: str = "",
    running: Sequence[Step] = (),
    undos: UndoTally | None = None,
) -> JsonObject | None:
    """Return text and blocks of a part; None if there is nothing to show.

    about: the questions that it ends with, in their current state. words: what is being done, if nothing else says it.
    running: its steps that run. undos: what can be undone, for a part with a ledger.
    """
    parts = (*message.parts, *running)
    blocks = list(_content(parts))
    if words:
        blocks.append(context(f":hourglass_flowing_sand: {escaped(harmless(words))}…"))
    if not blocks and not message.note and not any(isinstance(each, Approval) for each in about):
        return None
    blocks += closing(message, about, undos)
    return {"text": escaped(harmless(brief(_fallback(message, parts, about, words)))) or "…", "blocks": blocks}


def streamed(
    message: TurnMessage,
    about: Sequence[Question] = (),
    running: Sequence[Step] = (),
    undos: UndoTally | None = None,
) -> StreamBody:
    """Return what a stream of a part is to hold. Its questions are in the blocks with which the stream is stopped."""
    return StreamBody(
        chunks=list(_chunks((*message.parts, *running))),
        done=message.end is not End.OPEN,
        blocks=closing(message, about, undos) if message.end is not End.OPEN else (),
        menu=_with_menu((), message) if message.end is End.OPEN else (),
        person=message.person,
        team=message.team,
    )


def _chunks(parts: Sequence[Step | Text]) -> Iterator[JsonObject]:
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, Text)):
        if is_text:
            texts = [str(markdown(part.text)["text"]) for part in group if isinstance(part, Text)]
            yield {"type": "markdown_text", "text": "\n\n".join(texts)}
        else:
            for id_, state, title in tasks(list(group)):
                yield {"type": "task_update", "id": id_, "title": title, "status": state.value}


def closing(message: TurnMessage, about: Sequence[Question] = (), undos: UndoTally | None = None) -> list[Block]:
    """Return the blocks at the end of a part: its note, its questions, its ledger, its menu."""
    requests, records = _apart(about)
    blocks = granted_row.rows(records)
    if message.note:
        blocks.append(context(localised(escaped(harmless(message.note)))))
    for each in about:
        if each.kind == RETRY_TURN and each.decision == Decision.AWAITING:
            blocks.append(retry_notice.button(each.id, f"again-{message.key}"))
        elif each.kind == RETRY_TURN and each.decision == RETRIED:
            blocks.append(context(retry_notice.SINCE))
    if requests:
        blocks += cards.rows(requests)
    if message.ledger is not None and undos is not None:
        blocks.append(ledger.line(message.ledger, undos))
        if changed := ledger.deciding(message.turn, message.ledger, undos):
            blocks.append(actions(f"menu-{message.key}", changed))
    if message.end is End.ANSWERED:
        blocks.append(turn_menu.feedback(message.turn, message.key))
    open_ = any(each.decision is Decision.AWAITING for each in requests)
    return _with_menu(blocks, message, steps=not open_, has_ledger=message.ledger is not None and undos is not None)


def _with_menu(
    blocks: Sequence[Block], message: TurnMessage, *, steps: bool = True, has_ledger: bool = False
) -> list[Block]:
    has_steps = steps and bool(message.steps or message.records)
    menu = turn_menu.menu(message.turn, running=message.end in GROWING, steps=has_steps, ledger=has_ledger)
    return turn_menu.added(blocks, menu, message.key) if menu is not None else list(blocks)


def _apart(about: Sequence[Question]) -> tuple[list[Approval], list[Approval]]:
    """Return the requests of a part, and the records of calls that ran under a grant."""
    approvals = [each for each in about if isinstance(each, Approval)]
    records = [each for each in approvals if each.kind == GRANTED]
    return [each for each in approvals if each.kind != GRANTED], records


def tasks(parts: Sequence[Step | Text]) -> Iterator[tuple[str, StepState, str]]:
    """Yield id, state and title of what is to be shown of steps that follow one another. Those without a title are
    counted."""
    for named, group in groupby((part for part in parts if isinstance(part, Step)), key=lambda step: bool(step.title)):
        steps = list(group)
        if named:
            yield from ((step.id, step.state, step_title(step)) for step in steps)
        else:
            yield steps[0].id, _together(steps), _counted(steps)


def step_title(step: Step) -> str:
    """Return the words of a step and what came of it."""
    title = visible(f"{step.title} · {step.note}" if step.note else step.title)
    return title if len(title) <= TITLE else f"{title[: TITLE - 1]}…"


def _content(parts: Sequence[Step | Text]) -> Iterator[Block]:
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, Text)):
        if is_text:
            yield from (markdown(part.text) for part in group if isinstance(part, Text))
        else:
            for id_, state, title in tasks(list(group)):
                yield {"type": "task_card", "task_id": id_, "title": title, "status": state.value}


def _counted(steps: Sequence[Step]) -> str:
    running = any(step.state is StepState.RUNNING for step in steps)
    things = f"{len(steps)} thing{'' if len(steps) == 1 else 's'}"
    return f"Doing {things}" if running else f"Did {things}"


def _together(steps: Sequence[Step]) -> StepState:
    states = [step.state for step in steps]
    worst = (StepState.RUNNING, StepState.FAILED)
    return next((state for state in worst if state in states), StepState.DONE)


def _fallback(message: TurnMessage, parts: Sequence[Step | Text], about: Sequence[Question], words: str) -> str:
    """Return the text that is shown in notifications and read by screen readers."""
    requests, records = _apart(about)
    if requests:
        return cards.notification(requests)
    texts = [part.text for part in parts if isinstance(part, Text)]
    if texts:
        return texts[-1]
    if message.note:
        return in_utc(message.note)
    done = [*(title for _, _, title in tasks(parts)), *map(granted_row.brief, records)]
    return "\n".join(done) or f"{words}…"
