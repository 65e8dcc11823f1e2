"""What people say for the folder that everything is in, and for one in it that has a name."""

from __future__ import annotations

from typing import Any

import pytest

from slack_sandbox.offline import OfflineModel
from slack_sandbox.offline.grammar import NotUnderstood, understand
from tests.sandbox.offline.helpers import made, request, user, wanted

respond = OfflineModel(pace=0).respond
ROOT = ("list_directory", {"path": "."})
FILES = "[FILE] a.md\n[DIR] docs"

VERBS = ("list", "list me", "show", "show me", "display", "print", "see", "get me", "let me see", "give me a list of")
THINGS = ("the files", "all files", "all the files", "all my files", "my files", "every file", "everything")
PLACES = (
    *("", "here", "in here", "in the folder", "in this folder", "in my folder", "in the directory", "of this folder"),
    *("in the workspace", "in my workspace", "in this workspace", "in workspace", "inside the workspace"),
    *("from our workspace", "in the whole workspace", "in our shared workspace", "within the workspace folder"),
    *("in the current folder", "in the current directory", "in the root", "in the root folder", "at the top level"),
    *("in the current working directory", "in .", "in the top-level folder", "in it"),
)
QUESTIONS = (
    *("what files are", "which files are", "what documents are", "what files are there", "which files are there"),
    *("what is there", "are there files", "are there any files", "is there anything", "what are the files"),
    *("which files do you have", "what files can you see", "do you have any files", "do you see any files"),
    *("tell me what files there are", "can you tell me which files there are", "show me what files there are"),
)
OTHERS = (
    *("list", "ls", "dir", "ls .", "list the workspace", "list workspace", "list this folder", "list the folder"),
    *("list the contents of the folder", "list the contents of the workspace", "show the contents of this folder"),
    *("show the workspace", "show me the whole workspace", "show me the folder", "show me the whole folder"),
    *("open the workspace", "open the folder", "look around", "look in the folder", "have a look at the workspace"),
    *("what is here", "what's here?", "what's in here?", "what's in there?", "what is in it", "what's inside?"),
    *("what is in the folder", "what is in this folder?", "what's in the workspace?", "what is in my workspace?"),
    *("what do you see?", "what do you see here?", "what do we have?", "what have you got?", "what is there?"),
    *("what does the folder contain?", "what does the workspace contain?", "what does this folder hold?"),
    *("what files does the folder contain?", "which files does the workspace contain?", "find all files"),
    *("find files in the workspace", "files", "all files", "my files", "everything", "the files, please"),
    *("the files in the workspace", "list everything that is in the folder", "show me all there is"),
    *("Hi! Show me everything here, please.", "Hello Colleague, could you please list the files in the workspace?"),
    *("<@U123> what is in the folder", "LIST THE FILES IN THE WORKSPACE", "List files in my workspace, please!"),
)
ASKED = (
    *(f"{verb} {thing} {place}".strip() for verb in VERBS[:3] for thing in THINGS for place in PLACES[::9]),
    *(
        f"{verb} {THINGS[number % len(THINGS)]} {place}".strip()
        for at, verb in enumerate(VERBS)
        for number, place in enumerate(PLACES)
        if (number + at) % 3 == 0
    ),
    *(f"{question} {place}?" for question in QUESTIONS for place in ("in the folder", "in the workspace")),
    *(f"{question} here?" for question in QUESTIONS if not question.endswith("there")),
    *OTHERS,
)


def test_whatever_words_people_have_for_it_the_folder_that_everything_is_in_is_listed() -> None:
    for number, said in enumerate(sorted(set(ASKED))):
        talk = [user(said)]
        reply = respond(request(*talk))
        assert wanted(reply) == [ROOT], said
        if number % 4:
            continue  # what it says of a folder does not depend on how it was asked
        answer = respond(request(*talk, *made(reply, FILES)))
        assert not answer.calls, said
        assert "The folder: 1 folder and 1 file." in answer.text, said


@pytest.mark.parametrize(
    "said", ["list the files in the workspace", "list workspace", "what's in the workspace folder?"]
)
def test_a_folder_in_it_that_really_has_that_name_is_listed(said: str) -> None:
    talk = [user(said)]
    talk += made(respond(request(*talk)), f"{FILES}\n[DIR] workspace")
    inner = respond(request(*talk))
    assert wanted(inner) == [("list_directory", {"path": "workspace"})]
    assert "`workspace`: 1 file" in respond(request(*talk, *made(inner, "[FILE] b.md"))).text


@pytest.mark.parametrize("listing", ["[FILE] workspace", "[DIR] my workspace", "[DIR] workspace2", ""])
def test_what_only_sounds_like_it_is_not_taken_for_it(listing: str) -> None:
    talk = [user("list the files in the workspace")]
    assert not respond(request(*talk, *made(respond(request(*talk)), listing))).calls


def listed(path: str) -> tuple[str, Any]:
    return ("list_directory", {"path": path})


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("list docs", listed("docs")),
        ("list the files in docs", listed("docs")),
        ("list the docs folder", listed("docs")),
        ("list the contents of docs", listed("docs")),
        ("show me everything in docs", listed("docs")),
        ("what is in the docs folder?", listed("docs")),
        ("what does the docs folder contain?", listed("docs")),
        ("which files are in the folder docs/2026?", listed("docs/2026")),
        ("open the docs folder", listed("docs")),
        ("look into the docs folder", listed("docs")),
        ("list the files in the meeting notes folder", listed("meeting notes")),
        ("list the folder named workspace", listed("workspace")),
        ("list the folder workspace", listed("workspace")),
        ("list the files in the folder called workspace", listed("workspace")),
        ('list the files in "workspace"', listed("workspace")),
        ("list the files in workspace/", listed("workspace/")),
        ("list workspace/docs", listed("workspace/docs")),
        ("what is in plan.md?", ("read_text_file", {"path": "plan.md"})),
        ("what does plan.md contain?", ("read_text_file", {"path": "plan.md"})),
        ("look at plan.md", ("read_text_file", {"path": "plan.md"})),
        ("show me workspace.md", ("read_text_file", {"path": "workspace.md"})),
        ("find plan in the workspace", ("search_files", {"path": ".", "pattern": "**/*plan*"})),
        ("where is plan.md in this folder?", ("search_files", {"path": ".", "pattern": "**/*plan.md*"})),
        ("where is the workspace?", ("search_files", {"path": ".", "pattern": "**/*workspace*"})),
        ("show me the tree of the workspace", ("directory_tree", {"path": "."})),
        ("show the tree of this folder", ("directory_tree", {"path": "."})),
        ("info about the workspace", ("get_file_info", {"path": "."})),
        ("create a folder named workspace", ("create_directory", {"path": "workspace"})),
        ("rename a.md to workspace", ("move_file", {"source": "a.md", "destination": "workspace"})),
        (
            "write list the files in the workspace to a.md",
            ("write_file", {"path": "a.md", "content": "list the files in the workspace"}),
        ),
        ('write "what is in the folder" to a.md', ("write_file", {"path": "a.md", "content": "what is in the folder"})),
    ],
)
def test_what_has_a_name_goes_by_it(said: str, call: tuple[str, Any]) -> None:
    assert wanted(respond(request(user(said)))) == [call]


def test_what_is_moved_to_the_workspace_keeps_its_name() -> None:
    [(name, arguments)] = wanted(respond(request(user("move docs/a.md to the workspace"))))
    assert (name, arguments["source"]) == ("move_file", "docs/a.md")
    assert arguments["destination"].removeprefix("./") == "a.md"


@pytest.mark.parametrize("said", ["write hello to the workspace", "copy a.md to workspace", "add x to my workspace"])
def test_nothing_is_written_to_a_file_of_that_name_by_mistake(said: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(said)
