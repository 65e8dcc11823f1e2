"""Builds the window in which people edit a call before it runs, and reads what they submit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.core.untrusted import mapping
from bot.slack.blocks import field_blocks, field_values, form_labels
from bot.slack.blocks.elements import Block, code, modal, plain, plain_text, remark, rich, section
from bot.slack.blocks.fields import Field, Form, form_of
from bot.slack.blocks.form_labels import Path
from bot.slack.blocks.form_schema import Kind
from bot.slack.blocks.forms import EDIT, Opened, about, seal

NOTE = "Nothing runs yet: your version replaces this request and waits for approval."
CHANGED = (
    "The tool was changed while this window was open, so nothing was saved. Press Edit… again to use its new form."
)
MAX_LEFT = 30


class OtherFormError(Exception):
    """The window was built for another version of the tool."""


def edit(approval: Approval, schema: Mapping[str, Any], opened: Opened) -> JsonObject:
    """Return the window with the arguments of a call as fields."""
    form = form_of(approval, schema, field_blocks.weight)
    blocks = [about(approval), remark(NOTE)]
    for field in form.fields:
        blocks += field_blocks.blocks(field)
    if form.left:
        blocks.append(_left(form.left))
    elif not form.fields:
        blocks.append(remark("There is nothing to change here."))
    # Without any field there is nothing to save.
    saving = {"submit": plain_text("Save and ask again")} if form.fields else {}
    sealed = seal(opened)
    return modal("Edit before it runs", blocks, close="Cancel", callback_id=EDIT, private_metadata=sealed, **saving)


def edited(view: Mapping[str, Any], approval: Approval, schema: Mapping[str, Any]) -> tuple[JsonObject, dict[str, str]]:
    """Return the submitted arguments, and a sentence about each invalid value by block id.

    Raises OtherFormError if the window has fields that this version of the tool does not have.
    """
    form = form_of(approval, schema, field_blocks.weight)
    state = mapping(mapping(view.get("state")).get("values"))
    known = {block["block_id"] for field in form.fields for block in field_blocks.blocks(field) if "block_id" in block}
    if any(block_id.startswith("argument-") and block_id not in known for block_id in state):
        raise OtherFormError
    return field_values.arguments(form.tree, state)


def beside(
    problems: Mapping[Path, str], approval: Approval, schema: Mapping[str, Any], *, first: str = ""
) -> dict[str, str]:
    """Return problems by the block id of their field, or of the nearest one; "" if there is none.

    problems: sentences by the path of the value. first: a sentence about all of them together.
    """
    form = form_of(approval, schema, field_blocks.weight)
    errors = {_first(form): first} if first else {}
    for path, words in problems.items():
        field = max(form.fields, key=lambda each: _shared(each.path, path), default=None)
        block_id = field.id if field else ""
        said = f"{_place(field, path)}{words}"
        errors[block_id] = f"{errors[block_id]} {said}" if block_id in errors else said
    return errors


def _first(form: Form) -> str:
    return form.fields[0].id if form.fields else ""


def _shared(one: Path, other: Path) -> int:
    """Return how much two paths have in common; a field that contains the value counts most."""
    count = 0
    for mine, its in zip(one, other, strict=False):
        if mine != its:
            break
        count += 1
    return count * 2 + (count == len(one)) * 1


def _place(field: Field | None, path: Path) -> str:
    if field is None or field.path == path[: len(field.path)]:
        rest = path[len(field.path) :] if field else path
        return form_labels.place(rest, lines=field is not None and field.kind is Kind.LINES)
    # The value has no field of its own: named in full.
    return form_labels.place(path) if path != field.path[: len(path)] else ""


def _left(labels: Sequence[str]) -> Block:
    elements = [plain("Too long for this window, and kept as they are: ")]
    for index, label in enumerate(labels[:MAX_LEFT]):
        elements += [plain(", "), code(label)] if index else [code(label)]
    more = len(labels) - MAX_LEFT
    return rich(section(*elements, plain(f" and {more} more." if more > 0 else ".")))
