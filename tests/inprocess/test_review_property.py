"""Whatever calls a step has, and in whatever order several people press, leave out, edit and send: what ran is exactly
what was approved as it was shown, in order, once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.slack.blocks.review_set import ENDING
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import Call, call, calls, text
from tests.harness import World
from tests.inprocess.world import inside
from tests.process.asking import END

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
PATHS = ("a.txt", "new/b.txt", "new/c.txt")
Wanted = tuple[str, int]
Press = tuple[str, int, int]
"""What is done, by whom, and which request it is about."""

wanted = st.tuples(st.sampled_from(["write", "edit", "folder"]), st.integers(0, 2))
presses = st.tuples(
    st.sampled_from(["open", "open", "leave out", "leave out", "edit", "send", "send", "approve all", "deny all"]),
    st.integers(0, 1),
    st.integers(0, 4),
)


class Story:
    """A thread with one step of calls, and what people do about it."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.people = [here.alice, here.bob]
        self.windows: dict[int, View] = {}
        self.pressed: set[str] = set()
        """The ends of the ids of all requests that somebody approved as they were shown."""
        self.edits = 0

    def path(self, number: int) -> str:
        return str(self.here.workspace / PATHS[number])

    def made(self, kind: str, number: int) -> Call:
        if kind == "folder":
            return call("filesystem__create_directory", {"path": str(self.here.workspace / "new")})
        if kind == "write":
            return call("filesystem__write_file", {"path": self.path(number), "content": "one\ntwo\n"})
        edits = [{"oldText": "two", "newText": "two, too"}]
        return call("filesystem__edit_file", {"path": self.path(number), "edits": edits})

    def open_cards(self, ts: str) -> list[Message]:
        return [reply for reply in self.here.replies(ts) if {"Review…", "Deny"} & {*reply.buttons}]

    async def press(self, card: Message, what: str, who: int, which: int) -> None:
        here, person = self.here, self.people[who]
        try:
            if what in ("approve all", "deny all"):
                await self.on_card(card, what, person)
            elif what == "open":
                await here.slack.click(card, "Review…", by=person)
                await here.quiet()
                self.windows[who] = here.slack.modals(person)[-1]
            elif who in self.windows:
                await self.in_window(self.windows[who], what, person, which)
        except (ImpossibleAction, IndexError):
            pass  # no such button, or no such window any more
        await here.quiet()

    async def on_card(self, card: Message, what: str, person: Person) -> None:
        label = next(each for each in card.buttons if each.startswith("Approve" if what == "approve all" else "Deny"))
        if what == "approve all":
            self.pressed |= shown(value_of(card, label))
        await self.here.slack.click(card, label, by=person)

    async def in_window(self, view: View, what: str, person: Person, which: int) -> None:
        slack = self.here.slack
        if what == "send":
            if view.open and "submit" in view.data:
                kept = json.loads(view.data["private_metadata"])["x"]
                out = set(kept["o"])
                ends = [kept["n"][at : at + ENDING] for at in range(0, len(kept["n"]), ENDING)]
                self.pressed |= {each for number, each in enumerate(ends, start=1) if number not in out}
            await slack.submit(person, view)
            return
        for _ in range(which):
            if "Next" in str(view.blocks):
                await slack.click(view, "Next", by=person)
                await self.here.quiet()
        if what == "leave out":
            block = next(each["block_id"] for each in view.blocks if "review.include" in str(each))
            await slack.click(view, "review.include", by=person, option=[], values={block: {"review.include": []}})
            return
        await slack.click(view, "Edit…", by=person)
        await self.here.quiet()
        form = slack.modals(person)[-1]
        fields = [each for each in form.blocks if each["type"] == "input" and each["element"].get("multiline")]
        self.edits += 1
        typed = {fields[0]["block_id"]: {"value": {"value": f"edited {self.edits}\n"}}}
        await slack.submit(person, form, typed)


def value_of(card: Message, label: str) -> str:
    return next(
        element["value"]
        for block in card.blocks
        for element in block.get("elements", ())
        if element.get("value") and element["text"]["text"] == label
    )


def shown(value: str) -> set[str]:
    """The ends of the ids of the requests that a button is about."""
    content: Any = json.loads(value)
    if "a" in content:
        return {content["a"][-ENDING:]}
    return {content["n"][at : at + ENDING] for at in range(0, len(content["n"]), ENDING)}


async def told(here: World, steps: Sequence[Wanted], pressed: Sequence[Press]) -> None:
    story = Story(here)
    (here.workspace / "a.txt").write_text("one\ntwo\n")
    here.model.script(calls(*(story.made(*each) for each in steps)), text(END))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go on")
    await here.until(lambda: story.open_cards(ts) or END in str(here.replies(ts)), what="a card, or the end")
    for what, who, which in pressed:
        for card in story.open_cards(ts)[:1]:
            await story.press(card, what, who, which)
    for _ in range(40):
        if not (left := story.open_cards(ts)):
            break
        await story.press(left[0], "deny all", 0, 0)
    await here.reply(ts, END)
    await here.quiet()
    judged(here, story)


def judged(here: World, story: Story) -> None:
    rows = here.bot.rows("SELECT id, position, outcome, arguments FROM calls ORDER BY position")
    approved = here.bot.rows("SELECT id, call, arguments FROM questions WHERE decision IN ('approved', 'drifted')")
    assert {id_[-ENDING:] for id_, _, _ in approved} <= story.pressed, "nobody approved that as it was shown"
    started = [call_id for (call_id,) in here.bot.rows("SELECT call FROM audit WHERE kind = 'started' ORDER BY seq")]
    assert len(started) == len(set(started)), "a call was begun twice"
    files: dict[str, str] = {"a.txt": "one\ntwo\n"}
    for call_id, _, outcome, arguments in rows:
        if outcome != "ok":
            continue
        holding = [kept for _, about, kept in approved if about == call_id]
        assert arguments in holding, "it ran otherwise than it was approved"
        done(files, json.loads(arguments), here.workspace)
    now = {str(path.relative_to(here.workspace)): path.read_text() for path in here.workspace.rglob("*.txt")}
    assert now == files, "what ran is not what was approved, in order"


def done(files: dict[str, str], arguments: Any, workspace: Path) -> None:
    """Do what a call does."""
    name = str(Path(arguments["path"]).relative_to(workspace))
    if "content" in arguments:
        files[name] = arguments["content"]
    for each in arguments.get("edits", ()):
        files[name] = files[name].replace(each["oldText"], each["newText"], 1)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(st.lists(wanted, min_size=2, max_size=5), st.lists(presses, max_size=8))
async def test_what_ran_is_what_was_approved_as_it_was_shown_in_order_and_once(
    steps: list[Wanted], pressed: list[Press]
) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        home = Path(folder)
        async with inside(home, start=False) as here:
            (home / "bot.toml").write_text(f'[approvals]\napprovers = ["requester", "{here.bob.id}"]\n')
            await here.bot.start()
            here.expected_refusals += ["views.update: not_found", "views.push: invalid_arguments"]
            here.slack.patience = 0
            await told(here, steps, pressed)
