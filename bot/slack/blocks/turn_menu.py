"""The menu and the buttons at the end of a turn's message: their ids and values, bound to the turn. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import buttons
from bot.slack.blocks.elements import Block, actions, option, plain_text

PREFIX = "turn.on."
MENU = f"{PREFIX}menu"
FEEDBACK = f"{PREFIX}feedback"
DETAILS, THREAD, STOP = "details", "thread", "stop"
"""What the menu offers."""
GOOD, BAD = "good", "bad"
"""The answers of the feedback buttons."""
ACTIONS = frozenset((DETAILS, THREAD, STOP, GOOD, BAD))


def menu(turn: int, *, running: bool, steps: bool, ledger: bool = False) -> Block | None:
    """Return the menu; None if it would be empty.

    steps: the message has some whose details can be shown. ledger: it says how much the turn has changed.
    """
    offered: list[Block] = []
    if steps:
        offered.append(option("Details…", value(DETAILS, turn)))
    if steps or ledger:
        offered.append(option("What changed in this thread…", value(THREAD, turn)))
    if running:
        offered.append(option("Stop", value(STOP, turn)))
    if not offered:
        return None
    return {"type": "overflow", "action_id": MENU, "options": offered}


def added(blocks: Sequence[Block], menu: Block, key: str) -> list[Block]:
    """Return blocks with the menu at the end of their last row of buttons, or in a row of its own if they have none, or
    one with a menu. Slack takes feedback buttons and menus only in rows of different kinds.

    key: that of the message, which makes the id of the new row unique.
    """
    rows = [number for number, block in enumerate(blocks) if block["type"] == "actions"]
    if not rows or any(element["type"] == "overflow" for element in blocks[rows[-1]]["elements"]):
        return [*blocks, actions(f"menu-{key}", [menu])]
    row = {**blocks[rows[-1]], "elements": [*blocks[rows[-1]]["elements"], menu]}
    return [*blocks[: rows[-1]], row, *blocks[rows[-1] + 1 :]]


def feedback(turn: int, key: str) -> Block:
    """Return the buttons that ask whether an answer was good."""
    good = {"text": plain_text("Good answer"), "value": value(GOOD, turn)}
    bad = {"text": plain_text("Bad answer"), "value": value(BAD, turn)}
    element = {"type": "feedback_buttons", "action_id": FEEDBACK, "positive_button": good, "negative_button": bad}
    return {"type": "context_actions", "block_id": f"feedback-{key}", "elements": [element]}


def value(action: str, turn: int) -> str:
    """Return what a button carries."""
    return f'{{"do": "{action}", "turn": {turn}}}'


def opened(carried: object) -> tuple[str, int]:
    """Return the action and the turn of a button. Raises ValueError if it is not one of ours."""
    match buttons.parsed(str(carried)):
        case {"do": str() as action, "turn": int() as turn, **rest} if (
            not rest and action in ACTIONS and not isinstance(turn, bool) and 0 < turn < 2**63
        ):
            return action, turn
        case _:
            raise ValueError("not a value of ours")
