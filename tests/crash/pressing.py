"""What a play of the crash suite is, and what its people do with a card in Slack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.slack.blocks.fields import field_of
from slack_sandbox.model import Message, View
from slack_sandbox.text import elements
from tests.harness import World

FINISHED = "Finished."
STOPPED = "Nothing was changed."
LEFT_ON_RECORDS = {"Undo", "Details", "Diff", "Revoke", "Show combined diff", "Undo all"}
"""The buttons of a decided request and of a turn's ledger. A turn that has failed has one more, by which another one
begins."""


@dataclass(frozen=True)
class Play:
    """One turn, and what people do in it."""

    press: Callable[[World, Message], Awaitable[object]]
    """What is done with a card that can be decided."""
    left: str = "+END"
    """What `a.txt` holds at the end; at the start it is END."""
    tools: tuple[str, ...] = ("edit",)
    """What the model wants, one step after the other; those of a step with a plus between them."""
    ends: str = FINISHED
    """Words of the last message, which stands there once."""
    decisions: tuple[str, ...] = ("approved",)
    """How the requests about whether a call may run have ended, in order."""
    once: tuple[str, ...] = ()
    """Words of further messages, each of which stands there once."""
    afterwards: str = ""
    """After the end the record is pressed too: a query that gives a row once that is done."""
    limits: str = ""
    """Lines of [limits] in bot.toml."""
    begins: Callable[[World], None] = lambda here: None
    """What is so before anybody says anything."""


def buttons(card: Message) -> set[str]:
    """What can be decided on a card."""
    failed = any(str(block.get("block_id")).startswith("again-") for block in card.blocks)
    return set(card.buttons) - LEFT_ON_RECORDS - ({"Retry"} if failed else set())


def offered(card: Message) -> str:
    """What the buttons of a message stand for: another request in the place of an edited one has others."""
    return str([element.get("value") for element in elements(card.blocks)])


def asks(card: Message) -> bool:
    """Whether a card asks if a call may run."""
    return any(label.startswith("Approve") for label in card.buttons)


async def approve(here: World, card: Message, put: str = "+END") -> None:
    """Approve what is asked; of a call that was cut off say whether the text that it puts in is there."""
    label = "approval.approved"
    if not asks(card):
        label = "It ran" if put in (here.workspace / "a.txt").read_text() else "Run again"
    await here.slack.click(card, label, by=here.alice)


async def send(here: World, card: Message, button: str, value: str = "", *place: str | int) -> None:
    """Open a window from a card and send it, with a value in the first field, or in that of an argument."""
    view = None
    while view is None:
        view = await opened(here, card, button)
    await here.slack.submit(here.alice, view, filled(view, value, *place) if value else None)


async def opened(here: World, card: Message, button: str) -> View | None:
    """The window that a button or a menu entry opens; None when the person is told to press again, because right after
    a start the tools are not there yet."""
    up, told = servers_up(here), len(here.slack.ephemerals(here.alice))
    if button in card.buttons:
        await here.slack.click(card, button, by=here.alice)
    else:
        await here.slack.click(card, "approval.more", by=here.alice, option=button)
    await here.until(lambda: here.slack.modals(here.alice) or len(here.slack.ephemerals(here.alice)) > told)
    view = next(iter(here.slack.modals(here.alice)), None)
    if view is None:
        await here.until(lambda: servers_up(here) > up, poll=0.05, what="the tools")
    return view


def servers_up(here: World) -> int:
    """How often a tool server has been started."""
    return here.bot.log.count("the tool server filesystem is up")


def filled(view: View, value: str, *place: str | int) -> dict[str, dict[str, str]]:
    """What is typed into a window: a value in the first field, or in that of the argument at this place."""
    named = field_of(*place) if place else ""
    fields = [block for block in view.blocks if block["type"] == "input" and named in ("", block["block_id"])]
    return {fields[0]["block_id"]: {fields[0]["element"]["action_id"]: value}}
