"""What is said of a call of any tool, from whatever a server and a model wrote."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import tool_words
from bot.core.ports.change_guard import ChangeGuard
from tests.unit.core.helpers import tool

GUARD = ChangeGuard()


def titled(remote: str, title: str, arguments: dict[str, Any]) -> str:
    return GUARD.step(replace(tool(remote, "github", properties=()), title=title), arguments)


def step(remote: str, **arguments: Any) -> str:
    return titled(remote, "", arguments)


@pytest.mark.parametrize(
    ("title", "name", "said"),
    [
        ("", "create_issue", "Create issue"),
        ("", "createIssue", "Create issue"),
        ("", "API-get-page", "API get page"),
        ("", "repo.list/all", "Repo list all"),
        ("create_issue", "create_issue", "Create issue"),
        ("Create an issue", "create_issue", "Create an issue"),
        ("run create_issue now", "x", "Run create issue now"),
        ("", "___", tool_words.SOMETHING),
        ("Add <@U123> to\n<!channel>", "x", "Add ‹@U123› to ‹!channel›"),
    ],
)
def test_a_tool_is_called_by_its_title_or_else_by_its_name_made_readable(title: str, name: str, said: str) -> None:
    assert tool_words.tool_title(title, name) == said


def test_a_step_names_the_place_and_the_argument_that_says_most() -> None:
    issue: dict[str, Any] = {
        "labels": ["bug"],
        "repo": "site",
        "owner": "acme",
        "title": "Installer fails",
        "body": "…",
    }
    assert step("create_issue", **issue) == "Create issue in acme/site: Installer fails"
    assert step("set", key="colour", value="red") == "Set: colour"
    assert step("fetch_page", url="https://example.org/a") == "Fetch page: https://example.org/a"
    assert step("delete_row", table="orders", id=7) == "Delete row in orders: 7"
    assert step("ping") == "Ping"
    assert step("log_in", password="hunter2") == "Log in"
    assert step("post_message", channel="C0123ABCDEF", text="Hello") == "Post message: Hello"
    assert step("upload", path="/srv/team/workspace/report.pdf") == "Upload: report.pdf"


def test_an_outcome_is_said_only_when_a_call_failed_and_in_a_few_words() -> None:
    known = tool()
    assert GUARD.outcome(known, {}, "fine", True) == ""
    assert GUARD.outcome(known, {}, "Error: ENOENT: no such file, open '/srv/x'", False) == "not found"
    assert GUARD.outcome(known, {}, "Traceback in run_tool at /srv/app.py", False) == "failed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["repo", "owner", "title", "path", "url", "password", "folder", "id"]) | st.text(max_size=8)
TITLES = st.text(max_size=300) | st.sampled_from(["read_text_file", "<@U1> *bold*", "a\u202eb", "x" * 5000, "a_b c_d"])


@settings(max_examples=40)
@given(TITLES, st.text(max_size=200), st.dictionaries(NAMES, JSON | st.just("/srv/team/x y.md"), max_size=5), st.text())
def test_whatever_a_server_and_a_model_write_a_step_is_one_bounded_harmless_line(
    title: str, name: str, arguments: dict[str, Any], result: str
) -> None:
    said = titled(name, title, arguments)
    assert said.strip()
    assert len(said) <= tool_words.MAX_TITLE + 3 * tool_words.MAX_VALUE + 10
    assert not {"<", ">", "\n", "\t"} & set(said)
    assert "/srv/team" not in said
    assert all(unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in said)
    assert len(GUARD.outcome(tool(), arguments, result, False)) < 40
    assert "_" not in tool_words.tool_title(title, name).replace(" ", "") or "_" in title
