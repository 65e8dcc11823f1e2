"""What people may ask, as Slack offers it in a new conversation with an app that is declared an agent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.core.own_tools import is_own
from bot.core.tools import Tool
from bot.slack.text import speaker

MAX_PROMPTS = 4
"""Slack's limit (docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts)."""
_LIST, _FIND, _NOTE = "list_directory", "search_files", "write_file"
_FILES = {
    _LIST: ("Show me the files", "List the files"),
    _FIND: ("Find my notes", 'Search for "*.md"'),
    _NOTE: ("Start a notes file", "Create the file notes/ideas.md with the text: Ideas"),
}
"""By the name of a tool of the filesystem server, what to offer for it: the title, and the message that is sent."""
ALWAYS = ("What can you do?", "What can you do for me here, and what do you ask about before you do it?")


def suggested(tools: Sequence[Tool]) -> Sequence[Mapping[str, str]]:
    """Return the prompts that follow from the tools that there are, at most `MAX_PROMPTS`."""
    names = {tool.remote_name for tool in tools if tool.server == "filesystem"}
    files = [offer for name, offer in _FILES.items() if name in names]
    servers = dict.fromkeys(tool.server for tool in tools if tool.server != "filesystem" and not is_own(tool))
    others = [_about(server) for server in servers]
    room = MAX_PROMPTS - 1
    kept = [*files[: max(1, room - len(others))], *others][:room]
    return [{"title": title, "message": message} for title, message in _distinct([*kept, ALWAYS])]


def _about(server: str) -> tuple[str, str]:
    name = speaker(server)
    return f"Work with {name}", f"What can you do with the {name} tools? Give me three examples."


def _distinct(offers: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    return list(dict.fromkeys(offers))
