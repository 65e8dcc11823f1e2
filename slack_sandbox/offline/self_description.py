"""What the offline model says about itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from slack_sandbox.offline.phrasing import code
from slack_sandbox.offline.tool_catalog import ToolCatalog

WHO: Final = "I am the offline model: no AI, only fixed rules for simple requests in English."
FOOTNOTE: Final = f"_{WHO} Say “help” for what I understand._"
TOO_LONG: Final = (
    f"{WHO} That was too long for it: say one thing at a time in a short sentence, with longer texts in quotation "
    "marks or in a code block."
)
_FILE: Final = re.compile(r"(?<!\S)[\w/-][\w./-]{0,80}\.[a-z]{1,5}\b")
_SENTENCES: Final = (
    (("list_directory", "list_directory_with_sizes"), "list", ("list the files", "list the files in meetings")),
    (("directory_tree",), "tree", ("show the tree",)),
    (("read_text_file", "read_file"), "read", ("read plan.md", "what is in plan.md?")),
    (("search_files",), "search", ("find files named plan",)),
    (("get_file_info",), "info", ("info about plan.md",)),
    (("write_file",), "write", ('write "hello" to hello.txt',)),
    (("edit_file",), "append, replace, tick off", ()),
    (("edit_file",), "", ('add "call the printer" to notes.md', 'replace "2.3" with "2.4" in config/website.toml')),
    (("edit_file",), "", ('tick off "tag" in release.md',)),
    (("move_file",), "move", ("rename notes.md to old-notes.md", "move plan.md into the folder meetings")),
    (("create_directory",), "create a folder", ("create a folder named archive",)),
)


def answer(verb: str, catalog: ToolCatalog) -> str:
    """The answer to something that needs no tool."""
    if verb == "thanks":
        return "You are welcome."
    if verb == "again":
        return "I keep nothing between answers, so I do not know what to go on with. Say once more what is to be done."
    if verb == "stop":
        return "Nothing is running, so there is nothing to stop."
    if verb == "undo":
        return (
            "I cannot take anything back by myself. Press **Undo** below the change; it is also in the menu of my "
            "message, under “What changed in this thread…”."
        )
    if verb == "hello":
        return f"Hello! {WHO} For instance:\n{_examples(catalog)}"
    return _help(catalog)


def not_understood(catalog: ToolCatalog, said: str) -> str:
    """Honest words on a sentence that is none of the grammar's; about a file, if it names one."""
    examples = "\n".join(f"- {code(example)}" for example in _about_file(catalog, said)) or _examples(catalog)
    return f"I did not understand that. {WHO} {_understood(catalog)} For instance:\n{examples}"


def _about_file(catalog: ToolCatalog, said: str) -> list[str]:
    """Return what can be said about the file that a sentence names; nothing if it names none."""
    found = _FILE.search(said)
    if found is None:
        return []
    sentences = (
        (("read_text_file", "read_file"), f"read {found[0]}"),
        (("edit_file",), f'replace "these words" with "other words" in {found[0]}'),
        (("edit_file",), f'add "a line" to {found[0]}'),
    )
    return [sentence for tools, sentence in sentences if catalog.has(*tools)]


def attached(files: Sequence[str]) -> str:
    """What came with a message, as the app describes it to a model."""
    lines = "\n".join(f"- {' '.join(file.split())[:300]}" for file in files)
    return f"I have no use for attached files. A real model would have read them:\n{lines}"


def _understood(catalog: ToolCatalog) -> str:
    verbs = [verb for tools, verb, _ in _SENTENCES if verb and catalog.has(*tools)]
    return f"I understand {', '.join(verbs)}." if verbs else "There are no tools for me to use at the moment."


def _examples(catalog: ToolCatalog) -> str:
    found = [examples[0] for tools, _, examples in _SENTENCES if examples and catalog.has(*tools)]
    chosen = [found[0], found[len(found) // 3], found[len(found) // 2]] if len(found) > 3 else found
    return "\n".join(f"- {code(example)}" for example in dict.fromkeys(chosen)) or "- `help`"


def _help(catalog: ToolCatalog) -> str:
    if not catalog.names:
        return f"{WHO} No tools are offered to me at the moment, so there is nothing that I can do."
    lines = [
        f"- {' or '.join(code(example) for example in examples)}"
        for tools, _, examples in _SENTENCES
        if examples and catalog.has(*tools)
    ]
    others = [name for name in catalog.names if not any(catalog.find(*tools) == name for tools, _, _ in _SENTENCES)]
    lines.append(f"- any tool by its name: {code(f'call {(others or catalog.names)[0]} with ' + '{…}')}")
    return (
        f"{WHO} What I call is run by the same tools, and asked about in the same way, as with a real model. "
        "I understand:\n" + "\n".join(lines) + "\n\nJoin two with “and” to do them side by side, with “then” to do one "
        "after the other. Put texts and names with spaces in quotation marks, longer texts in a code block."
    )
