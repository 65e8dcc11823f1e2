"""Rules and grants that hold for a folder or for a tool: nothing reaches further than they say."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Call, call, calls, text
from tests.attacks.conftest import R, ask, carried, decision, grants, journal, now, started, untouched, window, write
from tests.harness import World
from tests.inprocess.fixtures import some

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

NFD = unicodedata.normalize("NFD", "nótes")
SECRET = "must stay as it is"


def stage(root: Path) -> None:
    """A folder `notes` that calls may write to, and what they must not reach from it."""
    for name in ("notes/deep", "notes-evil", "NOTES", "private", "nоtes", "ｎotes", "notes "):
        (root / name).mkdir(parents=True, exist_ok=True)
    for place in (root / "secret.txt", root / "private" / "secret.txt", root / "NOTES" / "secret.txt"):
        place.write_text(SECRET)
    links = {"out": "../private", "up": "..", "self": ".", "secret.txt": "../secret.txt", "nowhere": "../new.txt"}
    for name, target in links.items():
        if not (root / "notes" / name).is_symlink():
            (root / "notes" / name).symlink_to(target)
    (root / "notes" / "hard.txt").unlink(missing_ok=True)
    os.link(root / "secret.txt", root / "notes" / "hard.txt")


def outside(root: Path) -> dict[str, str]:
    """Everything that is there but in `notes`, with its content."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.relative_to(root).parts[0] != "notes":
            found[str(path.relative_to(root))] = path.read_text()
    return found


PATHS: dict[str, Callable[[Path], str]] = {
    "back": lambda root: f"{root}/notes/../secret.txt",
    "back and forth": lambda root: f"{root}/notes/../notes/../private/new.txt",
    "relative and back": lambda root: f"{root.name}/notes/../secret.txt",
    "a longer name": lambda root: f"{root}/notes-evil/new.txt",
    "another case": lambda root: f"{root}/NOTES/secret.txt",
    "another alphabet": lambda root: f"{root}/nоtes/new.txt",
    "a wide letter": lambda root: f"{root}/ｎotes/new.txt",
    "a blank behind": lambda root: f"{root}/notes /new.txt",
    "a link to a file": lambda root: f"{root}/notes/secret.txt",
    "a link to a new file": lambda root: f"{root}/notes/nowhere",
    "a link to a folder": lambda root: f"{root}/notes/out/secret.txt",
    "a new file behind a link": lambda root: f"{root}/notes/out/new.txt",
    "a link upwards": lambda root: f"{root}/notes/up/secret.txt",
    "links in a row": lambda root: f"{root}/notes/self/self/up/private/secret.txt",
    "back over a link": lambda root: f"{root}/notes/self/../secret.txt",
    "the home folder": lambda root: "~/secret.txt",
    "a URL": lambda root: f"file://{root}/notes/../secret.txt",
    "percent signs": lambda root: f"{root}/notes/%2e%2e/../../secret.txt",
    "backslashes": lambda root: f"{root}/notes\\..\\secret.txt",
    "a NUL": lambda root: f"{root}/secret.txt\0/notes/x",
    "slashes": lambda root: f"/{root}//notes//..//secret.txt",
    "dots": lambda root: f"{root}/./notes/./../secret.txt",
    "quotes": lambda root: f'"{root}/notes/../secret.txt"',
}


async def finished(here: World, ts: str, requests: int) -> list[Message]:
    """Wait until the thread is done with a step: it asks, or it has told the model. Out: the cards that wait."""

    def asking() -> list[Message]:
        return [reply for reply in here.replies(ts) if {"Deny", "Deny all"} & {*reply.buttons}]

    await here.model.until(lambda: asking() or len(here.model.requests) >= requests, 20, "a card or a result")
    await here.quiet()
    return asking()


async def deny(here: World, ts: str) -> None:
    """Deny everything that waits."""
    for reply in here.replies(ts):
        label = next((label for label in ("Deny all", "Deny") if label in reply.buttons), "")
        if label:
            await here.slack.click(reply, label, by=here.alice)
    await here.quiet()


@pytest.mark.parametrize("path", some(PATHS, across=list(PATHS)[:1]))
async def test_a_path_that_leaves_the_folder_of_a_rule_is_not_written_unasked(here: World, path: str) -> None:
    # The rule's folder is the first one of the server; what a case is about stands there.
    root = here.workspace.parent
    stage(root)
    before = outside(root)
    made = PATHS[path](root).replace(f"{root.name}/", "", 1) if path.startswith("relative") else PATHS[path](root)
    writes = [
        call("filesystem__write_file", {"path": made, "content": "taken over"}),
        call("filesystem__edit_file", {"path": made, "edits": [{"oldText": SECRET, "newText": "taken over"}]}),
    ]
    here.model.respond = lambda request: text("It is done.")
    here.model.script(calls(*writes))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await finished(here, ts, 2)
    assert outside(root) == before
    await deny(here, ts)
    assert outside(root) == before
    assert started(here, ts) == 0


async def test_what_lies_in_the_folder_of_a_rule_is_written_unasked(here: World) -> None:
    root = here.workspace.parent
    stage(root)
    name = f"deep/{here.tests}.txt"
    made = call("filesystem__write_file", {"path": f"{root}/notes/{name}", "content": "in it"})
    here.model.script(calls(made), text("It is done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "It is done.")
    assert (root / "notes" / name).read_text() == "in it"
    assert here.open_approvals(ts) == 0


@pytest.mark.parametrize("tool", ["write_file", "edit_file"])
async def test_a_second_name_of_a_file_outside_is_not_written_through(here: World, tool: str) -> None:
    root = here.workspace.parent
    stage(root)
    edits = [{"oldText": SECRET, "newText": "taken over"}]
    more = {"content": "taken over"} if tool == "write_file" else {"edits": edits}
    made = call(f"filesystem__{tool}", {"path": f"{root}/notes/hard.txt", **more})
    here.model.respond = lambda request: text("It is done.")
    here.model.script(calls(made))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await finished(here, ts, 2)
    assert (root / "secret.txt").read_text() == SECRET
    await deny(here, ts)
    assert (root / "secret.txt").read_text() == SECRET


async def test_one_path_outside_makes_a_list_of_paths_ask(here: World) -> None:
    root = here.workspace.parent
    stage(root)
    (root / "notes" / "a.txt").write_text("a")
    paths = [f"{root}/notes/a.txt", f"{root}/notes/../secret.txt", f"{root}/notes/a.txt"]
    ts, card = await ask(here, call("filesystem__read_multiple_files", {"paths": paths}))
    assert started(here, ts) == 0
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is done.")
    assert SECRET not in "".join(str(request.messages) for request in here.model.requests)


# --- grants


async def grant(here: World, made: Call, scope: str, where: str = "thread") -> str:
    """Have Alice allow such calls for longer; out: the thread."""
    ts, card = await ask(here, made)
    view = await window(here, card, "Always…", here.alice)
    await here.slack.submit(here.alice, view, {"scope": {"value": scope}, "time": {"value": f"{where}:86400"}})
    await here.reply(ts, "It is done.")
    await here.quiet()
    return ts


async def again(here: World, ts: str, *made: Call, by: Person | None = None) -> list[Message]:
    """The model makes calls in the same thread; out: the cards that wait."""
    count = len(here.model.requests)
    here.model.script(calls(*made))
    await here.slack.say(here.general, by or here.alice, "<@BOT> once more", thread_ts=ts)
    return await finished(here, ts, count + 2)


async def test_a_grant_for_a_folder_covers_what_lies_in_it_and_nothing_else(here: World) -> None:
    root = here.workspace
    stage(root)
    before = outside(root)
    ts = await grant(here, write(here, "notes/a.txt"), "folder:0")
    assert [(scope, value) for _, scope, value, _ in grants(here)] == [("folder", f"{root}/notes")]
    assert await again(here, ts, write(here, "notes/b.txt")) == []
    assert (root / "notes" / "b.txt").read_text() == "hello"
    ran = started(here, ts)
    made = [
        call("filesystem__write_file", {"path": path(root), "content": f"taken over by {name}"})
        for name, path in PATHS.items()
    ]
    await again(here, ts, *made)
    assert outside(root) == before
    assert started(here, ts) == ran
    await deny(here, ts)
    assert outside(root) == before
    assert started(here, ts) == ran


@pytest.mark.parametrize("end", ["source", "destination"])
async def test_a_grant_for_moving_in_a_folder_moves_nothing_out_of_it_nor_into_it(here: World, end: str) -> None:
    root = here.workspace
    stage(root)
    for name in ("a", "b"):
        (root / "notes" / f"{name}.txt").write_text(name)

    def move(source: str, destination: str) -> Call:
        return call("filesystem__move_file", {"source": f"{root}/{source}", "destination": f"{root}/{destination}"})

    ts = await grant(here, move("notes/a.txt", "notes/c.txt"), "folder:0")
    assert await again(here, ts, move("notes/c.txt", "notes/d.txt")) == []
    ran, before = started(here, ts), outside(root)
    pairs = {
        "source": [
            ("secret.txt", "notes/x.txt"),
            ("notes/../secret.txt", "notes/x.txt"),
            ("notes/secret.txt", "notes/x"),
        ],
        "destination": [
            ("notes/b.txt", "x.txt"),
            ("notes/b.txt", "notes/out/x.txt"),
            ("notes/b.txt", "notes/up/x.txt"),
        ],
    }[end]
    await again(here, ts, *(move(*pair) for pair in pairs))
    assert (started(here, ts), outside(root)) == (ran, before)
    await deny(here, ts)
    assert (started(here, ts), outside(root)) == (ran, before)


@pytest.mark.across
async def test_a_folder_that_becomes_a_link_takes_its_grant_nowhere(here: World) -> None:
    root = here.workspace
    stage(root)
    ts = await grant(here, write(here, "notes/deep/a.txt"), "folder:0")
    (root / "notes" / "deep").rename(root / "notes" / "moved")
    (root / "notes" / "deep").symlink_to(root / "notes-evil")
    ran = started(here, ts)
    waiting = await again(here, ts, write(here, "notes/moved/b.txt"), write(here, "notes/deep/../../secret.txt"))
    assert (started(here, ts), len(waiting)) == (ran, 1)
    assert (root / "secret.txt").read_text() == SECRET
    await deny(here, ts)


@pytest.mark.parametrize("path", ["notes/s.txt", "secret/s.txt"])
async def test_a_grant_does_not_follow_its_folder_to_where_a_link_in_its_place_leads(here: World, path: str) -> None:
    root = here.workspace
    for name in ("notes", "secret"):
        (root / name).mkdir()
    (root / "secret" / "s.txt").write_text(SECRET)
    ts = await grant(here, write(here, "notes/a.txt"), "folder:0")
    (root / "notes").rename(root / "old")
    (root / "notes").symlink_to(root / "secret")
    ran = started(here, ts)
    waiting = await again(here, ts, write(here, path))
    assert (started(here, ts), len(waiting)) == (ran, 1)
    assert (root / "secret" / "s.txt").read_text() == SECRET
    await deny(here, ts)
    (root / "notes").unlink()
    (root / "old").rename(root / "notes")
    assert await again(here, ts, write(here, "notes/b.txt")) == [], "it is the folder that it was given for again"


async def test_a_grant_for_a_file_covers_that_file_and_nothing_else(here: World) -> None:
    root = here.workspace
    stage(root)
    before = outside(root)
    ts = await grant(here, write(here, "notes/a.txt"), "file")
    assert [(scope, value) for _, scope, value, _ in grants(here)] == [("file", f"{root}/notes/a.txt")]
    same = {"path": f"{root}/private/../notes/a.txt", "content": "once more"}
    assert await again(here, ts, call("filesystem__write_file", same)) == []
    assert (root / "notes" / "a.txt").read_text() == "once more"
    ran = started(here, ts)
    others = ["notes/b.txt", "notes/A.txt", "notes/a.txt ", "notes/a.txt/x", "notes/deep/a.txt", "a.txt", "NOTES/a.txt"]
    paths = [*(path(root) for path in PATHS.values()), *(f"{root}/{path}" for path in others)]
    for some_paths in (paths[:10], paths[10:]):
        await again(here, ts, *(call("filesystem__write_file", {"path": each, "content": "no"}) for each in some_paths))
        assert (outside(root), started(here, ts)) == (before, ran)
        await deny(here, ts)
    # A link in its place leads to another file.
    (root / "notes" / "a.txt").unlink()
    (root / "notes" / "a.txt").symlink_to(root / "secret.txt")
    await again(here, ts, write(here, "notes/a.txt"))
    assert (outside(root), started(here, ts)) == (before, ran)
    await deny(here, ts)


async def test_a_grant_for_the_telling_arguments_covers_no_other_place(here: World) -> None:
    ts = await grant(here, call(R + "note", {"words": "1", "channel": "general"}), "part")
    assert await again(here, ts, call(R + "note", {"words": "2", "channel": "general"})) == []
    others: list[dict[str, object]] = [
        {"channel": "General"},
        {"channel": "general "},
        {"channel": ["general"]},
        {"channel": "general", "to": "mallory"},
        {"channel": "general", "repo": ""},
        {"Channel": "general"},
        {},
    ]
    await again(here, ts, *(call(R + "note", {"words": "no", **more}) for more in others))
    assert journal(here) == ["1", "2"]
    await deny(here, ts)
    assert len(await again(here, ts, call(R + "harmless", {"words": "no", "channel": "general"}))) == 1
    await deny(here, ts)
    assert len(await again(here, ts, call(R + "note", {"words": "no", "channel": "general"}), by=here.bob)) == 1
    his = next(reply for reply in here.replies(ts) if "Deny" in reply.buttons)
    await here.slack.click(his, "Deny", by=here.bob)
    await here.quiet()
    root, card = await ask(here, call(R + "note", {"words": "no", "channel": "general"}))
    assert started(here, root) == 0, "another thread"
    await here.slack.click(card, "Deny", by=here.alice)
    await here.quiet()
    assert journal(here) == ["1", "2"]


async def test_a_grant_for_exactly_these_arguments_covers_no_others(here: World) -> None:
    ts = await grant(here, call(R + "note", {"words": "this"}), "same")
    assert await again(here, ts, call(R + "note", {"words": "this"})) == []
    others = [
        {"words": "that"},
        {"words": "this", "more": 1},
        {"words": ["this"]},
        {"Words": "this"},
        {"words": "this "},
    ]
    await again(here, ts, *(call(R + "note", arguments) for arguments in others))
    assert journal(here) == ["this", "this"]
    await deny(here, ts)
    assert journal(here) == ["this", "this"]


@pytest.mark.parametrize("where", ["thread", "mine"])
async def test_a_grant_is_nobody_elses_and_of_no_other_tool(here: World, where: str) -> None:
    ts = await grant(here, call(R + "note", {"words": "1"}), "any", where)
    assert await again(here, ts, call(R + "note", {"words": "2"})) == []
    assert len(await again(here, ts, call(R + "harmless", {"words": "no"}))) == 1
    await deny(here, ts)
    assert len(await again(here, ts, call(R + "note", {"words": "no"}), by=here.bob)) == 1
    his = next(reply for reply in here.replies(ts) if "Deny" in reply.buttons)
    await here.slack.click(his, "Deny", by=here.bob)
    await here.quiet()
    for person in (here.alice, here.bob):
        if where == "mine" and person is here.alice:
            continue
        root, card = await ask(here, call(R + "note", {"words": "no"}), by=person)
        assert started(here, root) == 0
        await here.slack.click(card, "Deny", by=person)
        await here.quiet()
    assert journal(here) == ["1", "2"]


async def turn(here: World, what: str) -> None:
    """Have the hostile server change its tools, and wait until the bot has read them."""
    listed = here.bot.log.count("has changed its tools")
    _, turned = await ask(here, call(R + "turn", {"what": what}))
    await here.slack.click(turned, "Approve", by=here.alice)

    def recorded() -> bool:
        shown = now(here, turned).plain
        return f"<@{here.alice.id}> approved" in shown and "in progress" not in shown

    await here.until(recorded, what="the record")
    await here.until(lambda: here.bot.log.count("has changed its tools") > listed, what="the tools", poll=0.02)


@pytest.mark.parametrize("what", some(["schema", "description", "annotations", "twin"], across=["schema"]))
async def test_a_tool_that_turns_into_another_loses_its_grant(here: World, what: str) -> None:
    name = f"{R}pinned_{what}"
    ts = await grant(here, call(name, {"words": "as it was"}), "any", "mine")
    await turn(here, what)
    await here.quiet()
    for _ in range(2):
        root, card = await ask(here, call(name, {"words": "turned"}))
        assert started(here, root) == 0
        assert decision(here, carried(card)[0]) == "awaiting"
        await here.slack.click(card, "Deny", by=here.alice)
        await here.quiet()
    assert journal(here) == ["as it was"]
    assert grants(here)[0][3] == "void"
    assert started(here, ts) == 1
    here.model.prefix_breaks.clear()  # other tools are offered now


async def test_a_tool_that_turns_into_another_before_the_click_does_not_run(here: World) -> None:
    name = f"{R}pinned_schema"
    ts, card = await ask(here, call(name, {"words": "shown"}))
    await turn(here, "back")
    request, _ = carried(card)
    await here.quiet()
    await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: decision(here, request) == "drifted", what="drifted", poll=0.02)
    await here.quiet()
    assert journal(here) == []
    await deny(here, ts)
    assert journal(here) == []
    here.model.prefix_breaks.clear()


@pytest.mark.parametrize("into", some(["link", "folder", "nothing", "link above"], across=["link"]))
async def test_a_file_that_is_swapped_after_the_card_is_not_written(here: World, into: str) -> None:
    root = here.workspace
    stage(root)
    target = root / "private" / "target.txt"
    target.write_text("as shown")
    ts, card = await ask(here, write(here, "private/target.txt"))
    before = outside(root)
    target.unlink()
    match into:
        case "link":
            target.symlink_to("../secret.txt")
        case "folder":
            target.mkdir()
        case "link above":
            (root / "private").rename(root / "was-private")
            (root / "private").symlink_to("NOTES")
        case _:
            pass
    request, _ = carried(card)
    await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: decision(here, request) == "drifted", what="drifted", poll=0.02)
    await here.quiet()
    await deny(here, ts)
    assert (root / "secret.txt").read_text() == SECRET
    assert not (root / "NOTES" / "target.txt").exists()
    assert "hello" not in outside(root).values()
    assert before["secret.txt"] == SECRET


async def test_two_spellings_of_one_name_are_two_files_and_each_is_asked_about(here: World) -> None:
    (here.workspace / NFD).mkdir()
    ts, card = await ask(here, write(here, f"{NFD}/a.txt"), write(here, f"{unicodedata.normalize('NFC', NFD)}/b.txt"))
    assert started(here, ts) == 0
    await here.slack.click(card, "Deny all", by=here.alice)
    await here.quiet()
    assert list((here.workspace / NFD).iterdir()) == []


async def test_an_untrusted_server_that_calls_itself_harmless_is_asked_about(here: World) -> None:
    ts, card = await ask(here, call(R + "harmless", {"words": "no"}))
    await untouched(here, ts, card, request=carried(card)[0])
