"""Reads tool calls that a model has written as Python: Gemini's `tool_code`, and lists as Llama 4 writes them. Pure."""

from __future__ import annotations

import ast
import re
from typing import Final

from bot.model.call_arguments import MAX_LITERAL_CHARS, text_of
from bot.model.offered_tools import OfferedTools

_LIKE_CALLS: Final = re.compile(r"\s*\[?\s*(?:print\(\s*)?[A-Za-z_][\w.]{0,200}\(.*\)\s*\]?\s*", re.DOTALL)


def read(text: str, tools: OfferedTools) -> list[tuple[str, str]]:
    """Return the name and the JSON arguments of each call, if the text is nothing but calls of offered tools whose
    arguments are named and literal; else nothing."""
    if len(text) > MAX_LITERAL_CHARS or _LIKE_CALLS.fullmatch(text) is None:
        return []
    try:
        body = ast.parse(text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[tuple[str, str]] = []
    for statement in body:
        value = statement.value if isinstance(statement, ast.Expr) else None
        for each in value.elts if isinstance(value, ast.List) else [value]:
            call = _call(each, tools)
            if call is None:
                return []
            found.append(call)
    return found


def _call(node: ast.expr | None, tools: OfferedTools) -> tuple[str, str] | None:
    if not isinstance(node, ast.Call):
        return None
    inner = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if isinstance(node.func, ast.Name) and node.func.id == "print" and inner is not None:
        return _call(inner, tools)
    name = tools.resolve(ast.unparse(node.func))
    if name is None or node.args or any(each.arg is None for each in node.keywords):
        return None
    try:
        return name, text_of({str(each.arg): ast.literal_eval(each.value) for each in node.keywords})
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
