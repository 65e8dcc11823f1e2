"""What the offline model makes of what people write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from slack_sandbox.offline import OfflineModel
from slack_sandbox.offline.grammar import NotUnderstood, Operation, understand
from slack_sandbox.openrouter.script import Completion
from tests.sandbox.offline.helpers import SYSTEM, TOOLS, made, request, tool, user, wanted

respond = OfflineModel(pace=0).respond
LIST = ("list_directory", {"path": "."})


def read(path: str) -> tuple[str, Any]:
    return ("read_text_file", {"path": path})


def write(path: str, content: str) -> tuple[str, Any]:
    return ("write_file", {"path": path, "content": content})


def move(source: str, destination: str) -> tuple[str, Any]:
    return ("move_file", {"source": source, "destination": destination})


def search(words: str, where: str = ".") -> tuple[str, Any]:
    return ("search_files", {"path": where, "pattern": words})


@pytest.mark.parametrize(
    ("said", "calls"),
    [
        ("list", [LIST]),
        ("List the files, please.", [LIST]),
        ("show me the files", [LIST]),
        ("What files are there?", [LIST]),
        ("Hi! Could you list all files in the docs folder?", [("list_directory", {"path": "docs"})]),
        ("what is in the folder docs/2026?", [("list_directory", {"path": "docs/2026"})]),
        ("read plan.md", [read("plan.md")]),
        ("<@U123> read <http://plan.md|plan.md>", [read("plan.md")]),
        ("What's in plan.md?", [read("plan.md")]),
        ("open “my plan.md”", [read("my plan.md")]),
        ("read a.md, b.md and c.md", [read("a.md"), read("b.md"), read("c.md")]),
        ("read plan", [search("**/*plan*")]),
        ("show me the release checklist", [search("**/*release*checklist*")]),
        ("find files named plan in docs", [search("**/*plan*", "docs")]),
        ("search for *.csv", [search("**/*.csv")]),
        ("where is plan.md?", [search("**/*plan.md*")]),
        ("show the tree", [("directory_tree", {"path": "."})]),
        ("info about plan.md", [("get_file_info", {"path": "plan.md"})]),
        ("when was plan.md last changed?", [("get_file_info", {"path": "plan.md"})]),
        ("which folders may you use?", [("list_allowed_directories", {})]),
        ('write "hello" to a.md', [write("a.md", "hello")]),
        ("write hello world to a.md", [write("a.md", "hello world")]),
        ("write `read b and list` to a.md", [write("a.md", "read b and list")]),
        ('write {"a": [1,  2]} to a.json', [write("a.json", '{"a": [1,  2]}')]),
        ("create a.md with: one, then two", [write("a.md", "one, then two")]),
        ("create a.md with:\n# Title\n\n- one\n", [write("a.md", "# Title\n\n- one\n")]),
        ("create a.md with\n```\nx = {}\ny\n```", [write("a.md", "x = {}\ny\n")]),
        ("create a new file called a.md", [("read_text_file", {"path": "a.md"})]),
        ('write "a" to a.md and write "b" to b.md', [write("a.md", "a"), write("b.md", "b")]),
        ("Hello Colleague, add the line `x` to a.md", [read("a.md")]),
        ("@Colleague rename the folder x/a to x/b", [move("x/a", "x/b")]),
        ("add milk and eggs to shopping.md", [read("shopping.md")]),
        ('replace "a" with "b" in plan.md', [read("plan.md")]),
        ('tick off "tag" in list.md', [read("list.md")]),
        ("rename a.md to b.md and list", [move("a.md", "b.md"), LIST]),
        ("move a.md into the folder old", [move("a.md", "old/a.md")]),
        ("copy a.md to b.md", [read("a.md")]),
        ("create a folder named old", [("create_directory", {"path": "old"})]),
        ("list the files. Then read plan.md", [LIST]),
        ("list\nread plan.md", [LIST]),
        ('call forecast with {"city": "Ulm", "days": 2}', [("forecast", {"city": "Ulm", "days": 2})]),
        ('call weather__forecast with {"city": "Ulm"}', [("forecast", {"city": "Ulm"})]),
    ],
)
def test_a_sentence_becomes_calls(said: str, calls: list[tuple[str, Any]]) -> None:
    assert wanted(respond(request(user(said)))) == calls
    assert wanted(respond(request(SYSTEM, user(f"Alice Smith: {said}")))) == calls


@pytest.mark.parametrize("said", ["Bitte zeige mir die Dateien", "juggle", "read", "write x", "edit plan.md"])
def test_what_it_does_not_understand_it_says_with_three_examples(said: str) -> None:
    reply = respond(request(user(said)))
    assert not reply.calls
    assert "no AI" in reply.text
    assert "did not understand" in reply.text
    assert reply.text.count("\n- ") == 3


@pytest.mark.parametrize("said", ["hello", "help", "Who are you?", "what can you do?"])
def test_it_is_honest_about_itself(said: str) -> None:
    assert "I am the offline model: no AI" in respond(request(user(said))).text


def test_the_first_answer_in_a_thread_says_what_it_is_and_later_ones_do_not() -> None:
    first = [user("list")]
    first += made(respond(request(*first)), "[FILE] a.md")
    answer = respond(request(*first))
    assert "offline model" in answer.text
    later = [*first, {"role": "assistant", "content": answer.text}, user("list")]
    assert "offline model" not in respond(request(*later, *made(respond(request(*later)), "[FILE] a.md"))).text


@pytest.mark.parametrize("said", ["hello", "help", "fly me to the moon", "x " * 400])
def test_it_says_once_in_a_thread_what_it_is_whatever_is_said(said: str) -> None:
    messages: list[dict[str, Any]] = []
    answers: list[str] = []
    for _ in range(3):
        messages.append(user(said))
        answers.append(respond(request(*messages)).text)
        messages.append({"role": "assistant", "content": answers[-1]})
    assert ["I am the offline model" in answer for answer in answers] == [True, False, False]
    assert all(answer.strip() and answer[0].isupper() for answer in answers)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("delete a.md", "none of my tools deletes"),
        ('call launch with {"x": 1}', "No tool named `launch` is offered"),
        ('call forecast with {"city": 1}', "does not take these arguments"),
        ('call forecast with "Ulm"', "have to be a JSON object"),
        ("x " * 400, "too long"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_call(said: str, words: str) -> None:
    reply = respond(request(user(said)))
    assert not reply.calls
    assert words in reply.text


def test_without_tools_it_says_so() -> None:
    assert "No tools are offered" in respond(request(user("help"), tools=[])).text
    assert "I cannot list" in respond(request(user("list"), tools=[])).text


def test_a_tool_to_delete_is_used_where_one_is_offered() -> None:
    tools = [tool("trash__delete_file", {"path": {"type": "string"}})]
    assert wanted(respond(request(user("delete a.md"), tools=tools))) == [("delete_file", {"path": "a.md"})]


def test_what_is_said_to_others_is_no_request() -> None:
    others = user("Bob Jones (to others in the thread, not to you): list")
    reply = respond(request(SYSTEM, others, user("Alice Smith: read a.md")))
    assert wanted(reply) == [read("a.md")]


def test_requests_of_several_people_are_done_one_after_the_other() -> None:
    talk = [SYSTEM, user("Alice Smith: read a.md")]
    talk += made(respond(request(*talk)), "one")
    talk += [user("Bob Jones: read b.md")]
    reply = respond(request(*talk))
    assert wanted(reply) == [read("b.md")]
    answer = respond(request(*talk, *made(reply, "two"))).text
    assert "one" in answer
    assert "two" in answer


_WORDS = (
    *("list", "read", "write", "add", "replace", "change", "tick", "off", "move", "copy", "create", "call", "folder"),
    *("workspace", "here", "everything", "show", "what", "is", "are", "there", "info", "tree", "find", "where"),
    *(
        "file",
        "in",
        "to",
        "with",
        "and",
        "then",
        "the",
        "plan.md",
        '"a b"',
        "`x`",
        '{"path":"a"}',
        "```",
        ":",
        ",",
        ".",
    ),
    *("?", "\n", "docs", "*", "{", '"', "Alice:", "<@U1>", "not", "“", "”", "forecast", "please", "\ue0000\ue001"),
)
_TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join))


@settings(max_examples=40, deadline=None)
@given(said=_TEXTS, results=st.lists(st.text(max_size=60), min_size=8, max_size=8), named=st.booleans())
def test_any_text_gives_an_answer_with_calls_that_are_offered_and_valid(
    said: str, results: list[str], named: bool
) -> None:
    schemas = {entry["function"]["name"]: entry["function"]["parameters"] for entry in TOOLS}
    talk = [SYSTEM, user(f"Alice: {said}")] if named else [user(said)]
    for number in range(12):
        reply: Completion = respond(request(*talk))
        assert reply.text or reply.calls
        for call in reply.calls:
            Draft202012Validator(schemas[call.name]).validate(json.loads(call.arguments))
        if not reply.calls:
            return
        talk += made(reply, *(results[(number + n) % 8] for n in range(len(reply.calls))))


def test_an_empty_text_is_a_text() -> None:
    assert understand('replace "old" with "" in a.md') == ((Operation("replace", ("old", "", "a.md")),),)


@pytest.mark.parametrize(
    "said",
    [
        "save notes.md as plan.md",
        "put notes.md into archive",
        "write the contents of plan.md to notes.md",
        "create notes.md with the text from plan.md",
        "write hello to a.txt and world to b.txt",
        "list ..",
    ],
)
def test_what_might_mean_something_else_is_not_done(said: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(said)
