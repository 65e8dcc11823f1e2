"""Tools are found by words of their names, titles, descriptions and arguments, the best first."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from bot.core import indirect_calls
from bot.core.tool_index import ToolIndex, words_of
from bot.core.tools import Tool
from tests.machine import is_allowed
from tests.unit.core.helpers import tool

TOOLS = [
    replace(tool(remote, server, properties=properties), title=title, description=description)
    for remote, server, title, description, properties in (
        ("create_issue", "github", "Create an issue", "Opens a new issue in a repository.", ("owner", "repo", "body")),
        ("list_issues", "github", "", "Lists the issues of a repository, filtered by label.", ("owner", "labels")),
        ("merge_pull_request", "github", "", "Merges a pull request.", ("pull_number", "merge_method")),
        ("searchPages", "wiki", "", "Full text search over all pages.", ("query", "spaceKey")),
        ("send_invoice", "billing", "Send an invoice", "Sends an invoice by e-mail.", ("customer", "amount_cents")),
        ("get_forecast", "weather", "", "The weather of the next days.", ("latitude", "longitude")),
    )
]
EVERY = {each.name for each in TOOLS}


def found(query: str, among: set[str] = EVERY) -> list[str]:
    return [each.remote_name for each in ToolIndex(TOOLS).search(query, among)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("create issue", "create_issue"),
        ("open a ticket or issue in a repository", "create_issue"),
        ("listing issues by label", "list_issues"),
        ("merging pull requests", "merge_pull_request"),
        ("search the wiki", "searchPages"),
        ("space key", "searchPages"),
        ("invoices for a customer", "send_invoice"),
        ("amount", "send_invoice"),
        ("what is the weather", "get_forecast"),
        ("longitude", "get_forecast"),
        ("github__list_issues", "list_issues"),
        ("send_invoice", "send_invoice"),
    ],
)
def test_the_best_tool_comes_first(query: str, first: str) -> None:
    assert found(query)[0] == first


def test_what_may_not_be_used_here_is_not_found() -> None:
    assert found("issue", EVERY - {"github__create_issue"}) == ["list_issues"]
    assert found("issue", set()) == []


def test_words_that_say_nothing_find_nothing() -> None:
    assert found("xylophone") == []
    assert found("") == []


def test_words_have_one_form() -> None:
    assert words_of("Searches searching searched search") == ["search"] * 4
    assert words_of("getPullRequest pull_requests") == ["get", "pull", "request", "pull", "request"]
    assert words_of("policies policy") == ["policy"] * 2


def test_a_thousand_tools_are_searched_in_milliseconds() -> None:
    many = [
        replace(tool(f"tool_{number}_of_things", f"server{number % 9}"), description="does many things " * 40)
        for number in range(1_000)
    ]
    index, names = ToolIndex(many), {each.name for each in many}
    began = time.process_time()
    assert index.search("tool 77 does which many things", names)[0].remote_name == "tool_77_of_things"
    assert is_allowed(time.process_time() - began, 0.5)


def test_a_search_returns_whole_definitions_within_bounds() -> None:
    big = replace(tool("big"), description="b" * 50_000, parameters=_parameters(400))
    tools: list[Tool] = [replace(each, parameters=_parameters(3)) for each in TOOLS] + [big] * 9
    words = indirect_calls.found("issue", tools, [each.name for each in tools])
    assert len(words) < indirect_calls.MAX_CHARS + 2_000
    head, *lines, last = words.split("\n")
    assert "call_tool" in head
    assert last.startswith("Also found, without their arguments here: ")
    definitions = [json.loads(line) for line in lines]
    assert [each["name"] for each in definitions[:6]] == [each.name for each in TOOLS]
    assert definitions[0]["parameters"] == _parameters(3)
    assert definitions[6]["name"] == "files__big", "one that is too long is shortened"


def _parameters(many: int) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {f"p{at}": {"type": "string", "description": "d" * 50} for at in range(many)},
    }
