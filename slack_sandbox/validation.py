"""What Slack checks in a message or a view before it takes it.

Shapes and single limits are in `block_kit.schema.json` (docs.slack.dev/reference/block-kit). The rules here cross
blocks: unique ids, cumulative lengths, what needs what. Sources stand at the rules.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from slack_sandbox import block_rules
from slack_sandbox import text as texts
from slack_sandbox.errors import ApiError
from slack_sandbox.model import Json
from slack_sandbox.schema import block_kit

TEXT_LIMIT = 40_000
MAX_BLOCKS = 50
MARKDOWN_LIMIT = 12_000
ATTACHMENT_LIMIT = 100
VIEW_LIMIT = 250_000
METADATA_LIMIT = 16_000

# Slack refuses a message whose blocks hold too much text altogether (msg_blocks_too_long) and documents no number.
# The figures are fitted to reports in slackapi/bolt-js issues 2509 and 2867: 13,297 characters of markdown alone pass,
# 9,597 in 50 blocks pass, 11,341 in 45 blocks do not.
BLOCKS_TEXT_LIMIT = 13_300
BLOCK_OVERHEAD = 50


class Arguments(Protocol):
    """What this module needs of a call's arguments."""

    def text(self, name: str, default: str = "") -> str: ...

    def flag(self, name: str, *, default: bool = False) -> bool: ...

    def has(self, name: str) -> bool: ...

    def structure(self, name: str, error: str) -> Any: ...


@dataclass(slots=True)
class Content:
    """The checked content of a message, block ids filled in."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    metadata: Json | None = None
    link_names: bool = False


def message_content(args: Arguments, new_id: Callable[[], str]) -> Content:
    """Check `text`, `markdown_text`, `blocks`, `attachments` and `metadata` of a call that posts or updates a message.

    Raises ApiError: no_text, msg_too_long, markdown_text_conflict, invalid_blocks, invalid_blocks_format,
    msg_blocks_too_long, invalid_attachments, too_many_attachments, invalid_metadata_format, invalid_metadata_schema,
    metadata_too_large.
    """
    text = args.text("text")
    markdown = args.text("markdown_text")
    given = args.structure("blocks", "invalid_blocks_format")
    attachments = args.structure("attachments", "invalid_attachments") or []
    if markdown and (text or given):
        raise ApiError("markdown_text_conflict")
    if not (text.strip() or markdown.strip() or given or attachments):
        raise ApiError("no_text")
    if len(text) > TEXT_LIMIT or len(markdown) > MARKDOWN_LIMIT:
        raise ApiError("msg_too_long")
    blocks = message_blocks(given, new_id)
    if markdown:
        text, blocks = markdown, [{"type": "markdown", "text": markdown, "block_id": new_id()}]
    link_names = args.flag("link_names") or args.text("parse") == "full"
    return Content(text, blocks, _attachments(attachments, new_id), message_metadata(args), link_names)


def message_blocks(given: Any, new_id: Callable[[], str], error: str = "invalid_blocks") -> list[Json]:
    """Check the blocks of a message; returns them with every block_id filled in."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise ApiError("invalid_blocks_format")
    report: list[str] = []
    if not _all_known(given):
        block_kit().checker("message_blocks")(given, "/blocks", report)
        if not report:
            _known.update(map(json.dumps, given))
    if not report:
        _unique_ids(given, "/blocks", report)
        _markdown_total(given, report)
        block_rules.check(given, "message", "/blocks", report)
    if report:
        raise ApiError(error, report)
    if len(block_rules.tables(given)) > 1:  # table block reference; Slack itself puts tables into an attachment
        raise ApiError("invalid_attachments", ["only_one_table_allowed"])
    if sum(_text_length(block) + BLOCK_OVERHEAD for block in given) > BLOCKS_TEXT_LIMIT + BLOCK_OVERHEAD:
        raise ApiError("msg_blocks_too_long")
    return _with_ids(given, new_id)


_known: set[str] = set()
"""Blocks that have passed the schema. Most blocks of an update are in the message already, and to write one as JSON
takes a tenth of checking it."""
MAX_KNOWN = 2_000


def _all_known(given: list[Any]) -> bool:
    """Whether each of these has passed the schema, and nothing is left to check but how many there are."""
    if len(_known) > MAX_KNOWN:
        _known.clear()
    return 0 < len(given) <= MAX_BLOCKS and all(json.dumps(block) in _known for block in given)


def _with_ids(blocks: list[Json], new_id: Callable[[], str]) -> list[Json]:
    """Blocks as Slack keeps them: each with a block_id, each interactive element with an action_id."""
    kept: list[Json] = []
    for block in blocks:
        copied = {**block}
        # "block_id is ignored in markdown blocks and will not be retained" (markdown block reference)
        if block["type"] == "markdown" or not block.get("block_id"):
            copied["block_id"] = new_id()
        for key in ("elements", "actions"):
            if block["type"] in ("actions", "card", "context_actions") and key in block:
                copied[key] = [_with_action_id(element, new_id) for element in block[key]]
        for key in ("accessory", "element"):
            if key in block:
                copied[key] = _with_action_id(block[key], new_id)
        for key in ("child_blocks", "elements"):
            if block["type"] in ("container", "carousel") and key in block:
                copied[key] = _with_ids(block[key], new_id)
        kept.append(copied)
    return kept


def _with_action_id(element: Json, new_id: Callable[[], str]) -> Json:
    return element if element.get("action_id") or element["type"] == "image" else {**element, "action_id": new_id()}


def _unique_ids(blocks: Sequence[Json], pointer: str, report: list[str]) -> None:
    """No block_id twice; no action_id twice in a message, in a view none twice in one block.

    The button element reference asks for unique action_ids in the containing block. Across a message this is stricter
    than the reference, on purpose: there the action_id of a click would not say which it was.
    """
    view = pointer.startswith("/view")
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block["type"] != "markdown":
            if block_id in seen:
                at = f"[json-pointer:{pointer}/{index}/block_id]"
                report.append(f'`block_id` "{block_id}" already exists for another block {at}')
            seen.add(block_id)
    actions: set[str] = set()
    for index, block in enumerate(blocks):
        if view:
            actions.clear()
        for element in texts.elements([block]):
            action_id = str(element["action_id"])
            if action_id in actions:
                at = f"[json-pointer:{pointer}/{index}]"
                report.append(f'`action_id` "{action_id}" already exists for another element {at}')
            actions.add(action_id)


def _markdown_total(blocks: Sequence[Json], report: list[str]) -> None:
    """ "The cumulative limit for all markdown blocks in a single payload is 12,000 characters" (markdown block
    reference).
    """
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_LIMIT:
        report.append(
            f"must be less than {MARKDOWN_LIMIT + 1} characters in all markdown blocks [json-pointer:/blocks]"
        )


def _text_length(node: Any) -> int:
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(_text_length(value) for value in node.values() if isinstance(value, dict | list))
    return sum(_text_length(value) for value in node) if isinstance(node, list) else 0


def _attachments(given: Any, new_id: Callable[[], str]) -> list[Json]:
    if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
        raise ApiError("invalid_attachments")
    if len(given) > ATTACHMENT_LIMIT:
        raise ApiError("too_many_attachments")
    return [
        {**part, "blocks": message_blocks(part["blocks"], new_id, "invalid_attachments")} if "blocks" in part else part
        for part in given
    ]


def message_metadata(args: Arguments) -> Json | None:
    """Check `metadata`: an object of event_type and event_payload (docs.slack.dev/messaging/message-metadata)."""
    given = args.structure("metadata", "invalid_metadata_format")
    if given is None:
        return None
    report: list[str] = []
    block_kit().checker("metadata")(given, "/metadata", report)
    if report:
        raise ApiError("invalid_metadata_format" if not isinstance(given, dict) else "invalid_metadata_schema", report)
    if len(json.dumps(given)) > METADATA_LIMIT:
        raise ApiError("metadata_too_large")
    return given


def view(given: Any, new_id: Callable[[], str]) -> Json:
    """Check a modal or Home view; returns it with every block_id filled in.

    Raises ApiError: invalid_arguments with Slack's reasons, view_too_large.
    """
    report: list[str] = []
    block_kit().checker("view")(given, "/view", report)
    if not report:
        _unique_ids(given["blocks"], "/view/blocks", report)
        block_rules.check(given["blocks"], given["type"], "/view/blocks", report)
        for index, block in enumerate(given["blocks"]):
            if block["type"] == "input" and given["type"] == "modal" and "submit" not in given:
                at = f"[json-pointer:/view/blocks/{index}/input]"
                report.append(f"must define `submit` to use an `input` block in modals {at}")
    if report:
        raise ApiError("invalid_arguments", report)
    if len(json.dumps(given)) > VIEW_LIMIT:
        raise ApiError("view_too_large")
    return {**given, "blocks": _with_ids(given["blocks"], new_id)}


def chunks(args: Arguments, new_id: Callable[[], str]) -> list[Json]:
    """Check the `chunks` of a streaming call; returns them with the ids of their blocks filled in.

    Source: docs.slack.dev/reference/methods/chat.appendStream. Raises ApiError: invalid_chunks, and for the blocks in
    them what `message_blocks` raises.
    """
    given = args.structure("chunks", "invalid_chunks")
    if given is None:
        return []
    report: list[str] = []
    block_kit().checker("chunks")(given, "/chunks", report)
    if report:
        raise ApiError("invalid_chunks", report)
    return [
        {**chunk, "blocks": message_blocks(chunk["blocks"], new_id)} if chunk["type"] == "blocks" else chunk
        for chunk in given
    ]
