"""Brings messages into each of their states, by clicking as people do, and has what Slack shows drawn for the docs.

`make pictures` runs this. The bot, its database, the filesystem server and the files are real; Slack and the model are
the local ones of slack_sandbox. Nothing is drawn that the bot did not send.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from asked import away, progress, questions
from draw import Entry, NoChromium, chromium, draw
from stage import ROOT, Stage, stage
from writing import writing

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Call, call

IMAGES = ROOT / "docs" / "images"
OTHERS = ("try.png",)
"""Pictures in the same folder that are taken elsewhere."""
MENU = "approval.more"
PLAN = "# Release 2.4\n\nOwner: Alice\nDate: Friday\n\n- [x] changelog\n- [ ] tag\n- [ ] announcement\n"
NEXT = PLAN.replace("Date: Friday", "Date: Monday").replace("- [ ] tag\n", "- [x] tag\n- [ ] packages\n")
NOTES = "# Notes\n\n- the tag is set\n- packages follow\n"
RULES = """
[approvals.destructive]
approvers = ["requester", "{bob}", "{group}"]
needed = 2
no_self = true
"""


def write(path: str, content: str) -> Call:
    """A call that writes a file."""
    return call("filesystem__write_file", {"path": path, "content": content})


def mail(to: str = "team@example.com") -> Call:
    """A call that sends a mail."""
    subject, body = "Release 2.4 is out", "Release 2.4 is out.\nThanks to everybody."
    return call("office__send_mail", {"to": to, "subject": subject, "text": body})


def issue(**changed: object) -> Call:
    """A call that creates an issue."""
    body = "The installer stops at 80 %.\nSeen on two machines."
    arguments = {"title": "Installer stops", "body": body, "priority": "high", "labels": ["bug", "installer"]}
    return call("office__create_issue", {**arguments, "estimate": 4, "notify": True, **changed})


async def waiting(at: Stage) -> None:
    """What a card shows of different calls."""
    card = await at.asked("move the date", write(at.file("plan.md", PLAN), NEXT))
    at.take("waiting-overwrite", "A file would be replaced", card)
    card = await at.asked("take notes", write(at.file("notes.md"), NOTES))
    at.take("waiting-new", "A file would be created", card)
    edits = [{"oldText": "- [ ] tag", "newText": "- [x] tag"}]
    edit = call("filesystem__edit_file", {"path": at.file("plan.md"), "edits": edits})
    at.take("waiting-edit", "Text in a file would be changed", await at.asked("tick off the tag", edit))
    moved = {"source": at.file("draft.md", NOTES), "destination": at.file("announcement.md")}
    card = await at.asked("rename the draft", call("filesystem__move_file", moved))
    at.take("waiting-move", "A file would be moved", card)
    at.take("waiting-fields", "Another tool, with its arguments", await at.asked("file the bug", issue()))
    steps = (f"- [ ] step {number} of the release, with who does it and what has to be true" for number in range(1, 81))
    card = await at.asked("write the checklist", write(at.file("checklist.md"), "\n".join([*steps, ""])))
    at.take("waiting-cut", "More than a card holds", card)


async def several(at: Stage) -> None:
    """Calls of one step share a message."""
    folder = call("filesystem__create_directory", {"path": at.file("archive")})
    moved = {"source": at.file("old.md", NOTES), "destination": at.file("old-notes.md")}
    made = [folder, call("filesystem__move_file", moved), write(at.file("todo.md"), "- packages\n"), mail()]
    card = await at.asked("tidy up, and tell everybody", *made)
    at.take("several", "Four calls of one step as a list", card)
    window = await at.window(card, "Review…")
    at.take("review", "The window in which they are reviewed", window)
    await at.slack.submit(at.alice, window)
    await at.until(lambda: "Undo all" in card.buttons, "the record")
    at.take("several-done", "The record of the list", card)
    answer = await at.message(str(card.thread_ts), lambda message: "Show combined diff" in message.buttons)
    at.take("ledger", "What the turn has changed, at its end", answer)


async def approved(at: Stage) -> None:
    """From the click to the undo."""
    at.busy.touch()
    card = await at.asked("announce it", mail())
    await at.slack.click(card, "approval.approved", by=at.alice)
    await at.reads(card, "in progress")
    at.take("running", "Approved, and running", card)
    at.busy.unlink()
    await at.until(lambda: "in progress" not in card.plain, "the end")

    card = await overwritten(at)
    at.take("done", "Approved and done, with Undo", card)
    await at.slack.click(card, "Undo", by=at.alice)
    await at.reads(card, "undone by")
    at.take("undone", "Undone", card)

    card = await overwritten(at)
    at.file("plan.md", f"{NEXT}- [ ] party\n")
    await at.slack.click(card, "Undo", by=at.alice)
    await at.reads(card, "not undone")
    at.take("undo-refused", "Not undone: the file has changed since", card)


async def finished(at: Stage, card: Message) -> None:
    """Wait until a card is the record of a call that has run."""
    await at.until(lambda: "Deny" not in card.buttons and "in progress" not in card.plain, "the record")


async def overwritten(at: Stage) -> Message:
    """The record of an approved write."""
    card = await at.asked("move the date", write(at.file("plan.md", PLAN), NEXT))
    await at.slack.click(card, "approval.approved", by=at.alice)
    await at.until(lambda: "Undo" in card.buttons, "the record")
    return card


async def edited(at: Stage) -> None:
    """Edit…, with what is wrong said beside the fields."""
    card = await at.asked("file the bug", issue())
    view = await at.window(card, "Edit…")
    at.take("edit", "The window behind Edit…", view)
    block = {str(each["label"]["text"]): str(each["block_id"]) for each in view.blocks if each["type"] == "input"}
    wrong = {block["Labels"]: {"value": "bug\ninstaller\nlinux\nurgent"}}
    await at.slack.submit(at.alice, view, wrong)
    at.take("edit-errors", "What is wrong is said beside the field", view)
    right = {block["Priority"]: {"value": "normal"}, block["Estimate"]: {"value": "8"}}
    await at.slack.submit(at.alice, view, {**right, block["Labels"]: {"value": "bug"}})
    await at.reads(card, "Changed:")
    at.take("edited", "Edited: the changed version is in the same place", card)


async def refused(at: Stage) -> None:
    """Denied with a reason, and stopped."""
    card = await at.asked("announce it", mail("everybody@example.com"))
    view = await at.window(card, MENU, "Deny with a reason…")
    at.take("reason", "The window behind Deny with a reason…", view)
    await at.slack.submit(at.alice, view, {"reason": {"value": "Only the team, please: it is not public yet."}})
    await at.reads(card, " denied")
    at.take("denied", "Denied with a reason", card)
    card = await at.asked("announce it", mail())
    await at.slack.click(card, MENU, option="Stop", by=at.alice)
    await at.reads(card, "stopped this")
    at.take("stopped", "Stopped", card)


async def drifted(at: Stage) -> None:
    """The file changes between the card and the click."""
    card = await at.asked("move the date", write(at.file("plan.md", PLAN), NEXT))
    at.file("plan.md", PLAN.replace("Owner: Alice", "Owner: Bob"))
    await at.slack.click(card, "approval.approved", by=at.alice)
    fresh = await at.next_card(card)
    await at.reads(card, "had changed meanwhile")
    at.take("drifted", "Approved, but not run: the file had changed", card)
    at.take("drifted-new", "The fresh request", fresh)


async def granted(at: Stage) -> None:
    """Always…, what follows from it, and where it is taken back."""
    card = await at.asked("take notes", write(at.file("notes/monday.md", NOTES), f"{NOTES}- done\n"))
    view = await at.window(card, "Always…")
    at.take("always", "The window behind Always…", view)
    await at.slack.submit(at.alice, view, {"scope": {"value": "folder:0"}})
    await at.until(lambda: "Undo" in card.buttons, "the record")
    at.take("always-given", "Approved, with a standing grant", card)
    made = write(at.file("notes/tuesday.md"), NOTES)
    thread = await at.says("and for Tuesday", made, thread=str(card.thread_ts))
    summary = await at.message(thread, lambda message: "allowed by" in message.plain)
    at.take("granted", "A call under a standing grant asks nobody", summary)
    card = await at.asked("tell the board", mail("board@example.com"))
    view = await at.window(card, "Always…")
    chosen = {"scope": {"value": "part"}, "time": {"value": "mine:86400"}}
    await at.slack.submit(at.alice, view, chosen)
    await finished(at, card)
    await at.slack.open_home(at.alice)
    await at.until(lambda: at.slack.home(at.alice), "the Home")
    home = at.slack.home(at.alice)
    assert home is not None
    at.take("home", "The app's Home", home)


async def suggested(at: Stage) -> None:
    """The third like approval."""
    edits = [{"oldText": "- packages follow", "newText": "- packages are out"}]
    for name in ("press.md", "log/wednesday.md", "log/thursday.md", "log/friday.md"):
        made = call("filesystem__edit_file", {"path": at.file(name, NOTES), "edits": edits})
        card = await at.asked("note that the packages are out", made)
        if name == "press.md":
            await at.slack.click(card, "approval.denied", by=at.alice)
            await at.reads(card, " denied")
            continue
        await at.slack.click(card, "approval.approved", by=at.alice)
        await finished(at, card)
        if name == "log/friday.md":
            at.take("suggested", "A standing grant is suggested", card)


async def a_day_later(at: Stage) -> None:
    """Killed in the midst of a call; then one request's time is over, and another's nearly."""
    at.busy.touch()
    cut = await at.asked("announce it", mail())
    await at.slack.click(cut, "approval.approved", by=at.alice)
    await at.reads(cut, "in progress")
    late = await at.asked("announce it", mail())
    soon = await at.asked("take notes", write(at.file("notes.md"), NOTES))
    await at.end(signal.SIGKILL)
    at.busy.unlink()
    at.ends_in(7190, -1)
    await at.start()
    await at.reads(late, "Nobody decided in time")
    at.take("expired", "Expired", late)
    reminder = await at.message(str(soon.thread_ts), lambda message: "still waits" in message.plain)
    at.take("reminder", "The reminder", reminder)
    asked = await at.message(str(cut.thread_ts), lambda message: "It ran" in message.buttons)
    await at.reads(cut, "cut off")
    at.take("cut-off", "The record of the call that was cut off", cut)
    at.take("did-it-run", "The bot was killed while the call ran", asked)
    await at.slack.click(asked, "Skip", by=at.alice)
    await at.reads(asked, "went on without it")
    at.take("skipped", "Skipped", asked)


async def voted(at: Stage) -> None:
    """Two of several people have to approve."""
    carol = at.slack.add_person("Carol White")
    group = at.slack.add_usergroup("release-team", [at.bob, carol])
    await restarted(at, RULES.format(bob=at.bob.id, group=group))
    card = await at.asked("announce it", mail())
    await at.slack.click(card, "approval.approved", by=at.bob)
    await at.reads(card, "1 of 2")
    at.take("votes", "One of two has approved", card)
    await at.slack.click(card, "approval.approved", by=carol)
    await finished(at, card)
    at.take("votes-done", "Both have", card)


async def private(at: Stage) -> None:
    """What a public channel sees when it need not see everything."""
    for privacy in ("summary", "private"):
        await restarted(at, f'[agent]\nprivacy = "{privacy}"\n')
        card = await at.asked("move the date", write(at.file("plan.md", PLAN), NEXT))
        at.take(f"privacy-{privacy}", f'privacy = "{privacy}"', card)
        if privacy == "private":
            at.take("private-review", "The window behind Review…", await at.window(card, "Review…"))


async def restarted(at: Stage, configuration: str) -> None:
    """The bot with another bot.toml."""
    await at.end()
    await at.start(configuration)


async def told() -> list[Entry]:
    """All scenes, in order."""
    async with stage() as at:
        await at.start()
        scenes = (waiting, several, approved, edited, refused, drifted, granted, suggested, questions, progress, away)
        for scene in (*scenes, writing, a_day_later, voted, private):
            await scene(at)
        return at.pictures


def main() -> int:
    """Put the pictures in place of those that are there. Out: the exit code."""
    try:
        program = chromium()
    except NoChromium as reason:
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
    entries = asyncio.run(told())
    drawn = asyncio.run(draw(program, entries))
    IMAGES.mkdir(exist_ok=True)
    for entry in entries:
        path = IMAGES / f"{entry.name}.png"
        path.write_bytes(drawn[entry.name])
        print(f"{path.relative_to(ROOT)}  {entry.title}")  # noqa: T201
    for old in IMAGES.glob("*.png"):
        if old.stem not in drawn and old.name not in OTHERS:
            old.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
