"""Steps of any number of calls, and what people do with the rows and the windows of their cards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.slack.blocks.fields import field_of
from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import Call, calls, text
from tests.harness import World

END = "That is all."
OPEN = ("Approve", "Run again", "Review…")
"""How a button begins that is on every card on which something can be decided."""
CHANGING = ["Approve", "Deny", "Edit…", "Always…"]
"""The buttons of one request to change something, where one person may decide alone."""


async def ask(here: World, *wanted: Call, by: Person | None = None, then: tuple[Any, ...] = ()) -> str:
    """Somebody (Alice) writes to the bot, and the model makes these calls in one step; out: the thread."""
    here.model.script(calls(*wanted), *then, text(END))
    return await here.slack.say(here.general, by or here.alice, "<@BOT> go on")


def cards(here: World, ts: str) -> list[Message]:
    """The messages of a thread on which something can be decided now."""
    return [reply for reply in here.replies(ts) if any(each.startswith(OPEN) for each in reply.buttons)]


async def asked(here: World, ts: str, number: int = 1) -> list[Message]:
    """Wait until so many messages stand in the thread on which something can be decided."""
    return await here.until(
        lambda: found if len(found := cards(here, ts)) == number else [], what=f"{number} open cards in the thread"
    )


async def answered(here: World, ts: str) -> list[str]:
    """Wait until the turn is over and Slack shows the final state. Return the results that the model read."""
    await here.reply(ts, END)
    await here.quiet()
    return told(here)


def told(here: World) -> list[str]:
    """Return the results of all calls in the last request to the model."""
    return [message["content"] for message in here.model.requests[-1].messages if message["role"] == "tool"]


async def says(here: World, card: Message, words: str) -> str:
    """Wait until a card has these words; out: all of its words."""
    return await here.until(lambda: card.plain if words in card.plain else "", what=f"a card with {words!r}")


async def window(here: World, card: Message, button: str, by: Person, option: str | None = None) -> View:
    """Press a button, or an entry of a menu, that opens a window; out: the window."""
    before = here.slack.modals(by)
    await here.slack.click(card, button, by=by, option=option)
    await here.until(lambda: here.slack.modals(by) != before, what="a window")
    return here.slack.modals(by)[-1]


async def decide(here: World, card: Message, row: int, answer: str, by: Person) -> None:
    """Decide one request of a card, the `row`-th from 1, with the button of its own that it had in a message of an
    earlier version: a list has none."""
    query = (
        "SELECT q.id, q.digest FROM questions q JOIN posts p ON p.id = q.post WHERE p.ts = ?"
        " AND q.decision <> 'edited' ORDER BY q.place"
    )
    rows = await here.until(lambda: here.bot.rows(query, card.ts), what="the message in the database")
    id_, digest = rows[row - 1]
    value = json.dumps({"a": id_, "d": digest})
    pressed = {
        "type": "button",
        "action_id": f"approval.{answer}",
        "block_id": "row",
        "value": value,
        "action_ts": "1.1",
    }
    await here.slack.click_raw(card, pressed, by=by)


async def reason(here: World, card: Message, by: Person, words: str, row: str = "") -> None:
    """Deny a request with a reason."""
    view = await window(here, card, f"approval.more{row}", by, "Deny with a reason…")
    assert await here.slack.submit(by, view, {"reason": {"value": words}} if words else {}) == {}


async def edit(
    here: World, card: Message, by: Person, within: Mapping[tuple[str | int, ...], str] | None = None, **arguments: str
) -> View:
    """Change arguments of a request in its window; out: the window, which the app has closed then. `within`: values
    that are part of others, by their place."""
    view = await window(here, card, "Edit…", by)
    typed = {field(view, name): {"value": value} for name, value in arguments.items()}
    typed |= {field(view, *place): {"value": value} for place, value in (within or {}).items()}
    assert await here.slack.submit(by, view, typed) == {}
    return view


def field(view: View, *place: str | int) -> str:
    """The block of the field for the value at this place in the arguments."""
    block_id = field_of(*place)
    assert block_id in [block["block_id"] for block in view.blocks if block["type"] == "input"], f"no field {place!r}"
    return block_id


def preformatted(shown: Message | View) -> list[str]:
    """The texts of a card or a window in which each character stands as it is."""
    return [
        "".join(part["text"] for part in element["elements"])
        for block in shown.blocks
        if block["type"] == "rich_text"
        for element in block["elements"]
        if element["type"] == "rich_text_preformatted"
    ]


def diffs(shown: Message | View) -> list[str]:
    """The texts of a card or a window that are said to be diffs."""
    return [
        "".join(part["text"] for part in element["elements"])
        for block in shown.blocks
        if block["type"] == "rich_text"
        for element in block["elements"]
        if element.get("language") == "diff"
    ]


def diff(card: Message) -> str:
    """The one diff on a card."""
    [found] = diffs(card)
    return found + "\n"
