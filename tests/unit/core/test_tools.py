"""The tools that a request offers."""

from __future__ import annotations

from bot.core.tools import Tool, within_budget


def tool(server: str, number: int, description: str = "Reads.") -> Tool:
    name = f"{server}__tool_{number}"
    return Tool(name, server, name, description, {}, {}, False, False, True, False, name)


def test_a_few_tools_are_all_offered_in_their_order() -> None:
    tools = [tool("b", 1), tool("a", 1), tool("b", 2)]
    assert within_budget(tools) is tools
    assert within_budget(tools, 3) is tools


def test_of_too_many_every_server_keeps_its_share() -> None:
    tools = [*(tool("large", number) for number in range(200)), *(tool("small", number) for number in range(10))]
    kept = within_budget(tools)
    assert len(kept) == 128
    assert [each.name for each in kept] == [each.name for each in (*tools[:118], *tools[200:])]


def test_every_server_keeps_something_even_if_there_are_many() -> None:
    tools = [tool(f"s{server:03}", number) for server in range(100) for number in range(3)]
    kept = within_budget(tools)
    assert len(kept) == 128
    assert {each.server for each in kept} == {each.server for each in tools}


def test_an_empty_description_is_left_out() -> None:
    assert "description" not in tool("a", 1, "  ").function()["function"]
    assert tool("a", 1).function()["function"]["description"] == "Reads."
