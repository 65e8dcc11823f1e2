"""What the crash suite has people do: one play for each way through a request, with what must be so at its end.

The person and the operator go by what they see in Slack and on the disk alone, so a play goes on wherever it was cut
off.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, empty, failure, text
from tests.crash import operating
from tests.crash.pressing import FINISHED, STOPPED, Play, approve, asks, buttons, offered, send
from tests.harness import World


async def approve_when_told(here: World, card: Message) -> None:
    """Approve once the thread says what the call beside it has done."""
    await here.until(lambda: any("Listed" in reply.plain for reply in here.replies(card.thread_ts or "")))
    await approve(here, card)


async def approve_by_two(here: World, card: Message) -> None:
    if not asks(card):
        await approve(here, card)
        return
    for person in (here.alice, here.bob):
        await here.slack.click(card, "approval.approved", by=person)


async def edit(here: World, card: Message) -> None:
    """Change the arguments that are the model's, and approve the changed ones."""
    if not asks(card) or "edited this" in card.plain:
        await approve(here, card)
        return
    await send(here, card, "Edit…", "edited +END", "edits", 0, "newText")


async def change_and_approve(here: World, card: Message) -> None:
    """Have the file become another one between the card and the click."""
    path = here.workspace / "a.txt"
    if path.read_text() == "END":
        path.write_text("changed END")
    await approve(here, card)


async def approve_and_undo(here: World, card: Message) -> None:
    if buttons(card):
        await approve(here, card)
    else:
        await here.slack.click(card, "Undo", by=here.alice)


async def stop(here: World, card: Message) -> None:
    await here.slack.click(card, "approval.more", by=here.alice, option="Stop")


async def delete_the_question(here: World, card: Message) -> None:
    """The person takes back what they have asked for."""
    if not here.general.messages[card.thread_ts or ""].deleted:
        await here.slack.delete(here.general, card.thread_ts or "", here.alice)


async def deny(here: World, card: Message) -> None:
    await send(here, card, "Deny with a reason…", "Not today.")


async def do_instead(here: World, card: Message) -> None:
    """Write what to do instead, and press the notice's button; approve what is asked then."""
    written = [
        each for each in here.slack.thread(here.general, card.thread_ts or "") if each.plain == "another, please"
    ]
    if "Deny and do this instead" in card.buttons:
        await here.slack.click(card, "Deny and do this instead", by=here.alice)
    elif not written:
        await here.slack.say(here.general, here.alice, "another, please", thread_ts=card.thread_ts)
    elif "denied" in [row[0] for row in here.bot.rows("SELECT decision FROM questions WHERE kind = 'may_it_run'")]:
        await approve(here, card)


async def always(here: World, card: Message) -> None:
    if "Always…" not in card.buttons:  # the second call, which ran without a card, was cut off
        await approve(here, card, "++END")
        return
    await send(here, card, "Always…")


PLAYS = {
    "safe": Play(approve, left="END", tools=("read",), decisions=()),
    "slow": Play(approve, left="END", tools=("read",), decisions=()),
    "risky": Play(approve),
    "mixed": Play(approve_when_told, tools=("list+edit",)),
    "edited": Play(edit, left="edited +END", decisions=("edited", "approved")),
    "drifted": Play(change_and_approve, left="changed +END", decisions=("drifted", "approved")),
    "undone": Play(approve_and_undo, left="END", afterwards="SELECT 1 FROM undos WHERE state = 'undone'"),
    "stopped": Play(stop, left="END", ends=STOPPED, decisions=("stopped",)),
    "retracted": Play(delete_the_question, left="END", ends=STOPPED, decisions=("stopped",)),
    "denied": Play(deny, left="END", decisions=("denied",)),
    "instead": Play(do_instead, tools=("edit", "edit"), decisions=("denied", "approved")),
    "voted": Play(approve_by_two),
    "silent": Play(approve, left="END", tools=("read",), ends="gave an empty answer twice", decisions=()),
    "failing": Play(approve, left="END", tools=("read",), ends="credits", decisions=()),
    "closing": Play(approve, left="END", tools=("read",), decisions=(), limits="steps = 1\n"),
    "withdrawn": Play(approve, left="END", decisions=("withdrawn",)),
    "granted": Play(always, left="++END", tools=("edit", "edit again")),
    "streamed": Play(approve, left="END", tools=(), decisions=()),
    **operating.PLAYS,
}


SUMMARY = "⟦from the app: summary of the older part"
"""Stands in for the first step."""
STREAMED = f"{' '.join(f'word{number}' for number in range(200))} {FINISHED}"
"""An answer that takes three seconds to write."""
LAST = {
    "streamed": text(STREAMED, chunks=30, delay=0.1),
    "silent": empty(),
    "failing": failure(402),
    **dict.fromkeys(("lengthy", "without files"), text(operating.LENGTHY)),
}
"""What the model says at the end instead of a word."""


def respond(here: World, kind: str) -> Callable[[ChatRequest], Answer]:
    """A model that answers as often as it is asked: what it says follows from the conversation alone."""
    path = str(here.workspace / "a.txt")
    made: dict[str, tuple[str, dict[str, Any]]] = {
        "edit": ("edit_file", {"path": path, "edits": [{"oldText": "END", "newText": "+END"}]}),
        "edit again": ("edit_file", {"path": path, "edits": [{"oldText": "+END", "newText": "++END"}]}),
        "read": ("read_text_file", {"path": path}),
        "list": ("list_directory", {"path": str(here.workspace)}),
    }

    def answer(request: ChatRequest) -> Answer:
        if str(request.messages[0]["content"]).startswith("You summarise"):
            return text("It was listed.")
        step = sum("tool_calls" in message for message in request.messages)
        step += any(SUMMARY in str(message["content"]) for message in request.messages)
        if step == len(PLAYS[kind].tools):
            return LAST.get(kind) or text(FINISHED)
        wanted = [made[name] for name in PLAYS[kind].tools[step].split("+")]
        named = [
            call(f"filesystem__{tool}", arguments, id=f"call_{step}_{place}")
            for place, (tool, arguments) in enumerate(wanted)
        ]
        if kind == "slow":
            return calls(*named, text="Let me look. " * 10, chunks=10, delay=0.1)
        return calls(*named)

    return answer


async def perform(here: World, kind: str, ts: str, *crashes: str) -> None:
    """Be the person and the operator: start the bot again when it died (to die again at each of `crashes`), decide what
    stands there to be decided, until the end is there and nothing is left to do."""
    play = PLAYS[kind]
    following = iter(crashes)
    pressed: set[tuple[int, str, str]] = set()
    tasks: set[asyncio.Task[object]] = set()

    def ended() -> bool:
        return any(play.ends in reply.plain for reply in here.replies(ts))

    def to_press(card: Message) -> bool:
        afterwards = play.afterwards and "Undo" in card.buttons and ended()
        return bool(buttons(card) or afterwards) and (here.bot.starts, card.ts, offered(card)) not in pressed

    def open_cards() -> list[Message]:
        return [reply for reply in here.replies(ts) if to_press(reply)]

    def died() -> bool:
        return here.bot.process is not None and here.bot.process.returncode is not None

    def finished() -> bool:
        if not ended():
            return False
        owed = here.bot.rows(
            "SELECT 1 FROM posts WHERE state = 'owed' UNION SELECT 1 FROM turns WHERE ended_at IS NULL"
            " UNION SELECT 1 FROM posts WHERE shown <> revision AND state = 'posted'"
            " UNION SELECT 1 FROM inbox WHERE seq IS NULL AND addressed"
            " UNION SELECT 1 FROM undos WHERE state = 'undoing'"
        )
        return not owed and bool(not play.afterwards or here.bot.rows(play.afterwards))

    before = 0

    def is_open() -> bool:
        # The sandbox may not have noticed yet that the socket of a dead process is closed.
        return any(connection.number > before for connection in here.slack.hub.ready)

    while True:
        # Polled for what Slack does not see: the death, and the end of what the bot does besides.
        await here.until(lambda: died() or (open_cards() and is_open()) or finished(), 40, "anything", poll=0.02)
        if not (died() or open_cards()):
            break
        if died():
            await dismiss(here, tasks)
            before = max((connection.number for connection in here.slack.hub.connections), default=before)
            await here.bot.start(CRASH_AT=next(following, ""))
            # What is done at the start may be the end of it too.
            await here.until(lambda: is_open() or died(), poll=0.02, what="an open socket")
        else:
            card = open_cards()[0]
            pressed.add((here.bot.starts, card.ts, offered(card)))
            tasks.add(asyncio.ensure_future(play.press(here, card)))
    await dismiss(here, tasks)


async def dismiss(here: World, tasks: set[asyncio.Task[object]]) -> None:
    """Wait no longer for clicks that a dead process will not answer, and close the windows that it left open."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()
    for person in (here.alice, here.bob):
        for view in reversed(here.slack.modals(person)):
            await here.slack.close_modal(person, view)


def configure(here: World, kind: str) -> None:
    """What the play needs: bot.toml, the file and the model."""
    after = 0.05 if kind in ("slow", "streamed") else 60
    toml = f"[limits]\nprogress_after_seconds = {after}\n"
    toml += PLAYS[kind].limits
    if kind == "withdrawn":
        # Slack will not show the card, so nobody can be asked.
        here.slack.faults.add("chat.postMessage", "error", times=None, code="invalid_blocks", match=is_card)
    if kind == "slow":
        # Words are shown while they come, and Slack streams nothing: they are posted and updated.
        here.slack.faults.add("chat.startStream", "error", times=None, code="unknown_method")
    if kind == "without files":
        code = "file_uploads_disabled"
        here.slack.faults.add("files.getUploadURLExternal", "error", times=None, code=code)
    if kind == "voted":
        toml += f'[approvals]\napprovers = ["requester", "{here.bob.id}"]\n[approvals.destructive]\nneeded = 2\n'
    if kind == "directly":
        toml += f'[approvals]\napprovers = ["{here.slack.add_person("Carol Chief").id}"]\n'
    (here.bot.home / "bot.toml").write_text(toml)
    (here.workspace / "a.txt").write_text("END")
    answer = respond(here, kind)
    here.model.respond = operating.deployed_meanwhile(here, answer) if kind == "deployed" else answer


def is_card(call: dict[str, Any]) -> bool:
    """Whether a message is a card with a question."""
    return "Approve" in json.dumps(call.get("blocks") or [])


def answered_calls(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether every call id has its result, once, right after the message that made it."""
    open_ids: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                return False
            open_ids.remove(message["tool_call_id"])
        elif open_ids:
            return False
        open_ids += [made["id"] for made in message.get("tool_calls") or ()]
    return not open_ids
