"""Rules of Block Kit that no schema of a single block can say: what fits together in an element, a block, a surface.

Each rule is a sentence of docs.slack.dev/reference/block-kit; the page stands at the rule. Slack's words for most of
these refusals are not documented; these follow the form of those that are.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

Json = dict[str, Any]
Surface = Literal["message", "modal", "home"]

TABLE_TEXT_LIMIT = 10_000
TABLES = ("table", "data_table")
PLAN_BESIDE_TASKS = "a plan and task cards outside of it exclude each other"


def check(blocks: Sequence[Json], surface: Surface, pointer: str, report: list[str]) -> None:
    """Append to `report` what is wrong in blocks that have passed the schema; `pointer` leads to the array."""
    focused = 0
    for at, node, block in _nodes(blocks, pointer):
        kind = node.get("type")
        _options(node, at, report)
        if node.get("focus_on_load"):
            focused += 1
        if kind == "file_input" and surface != "modal":  # block-elements/file-input-element: in modals
            report.append(f"unsupported type: file_input [json-pointer:{at}/type]")
        in_modal_input = surface == "modal" and block["type"] == "input"
        if node.get("response_url_enabled") and not in_modal_input:  # "only works with menus in input blocks in modals"
            report.append(f"response_url_enabled needs an input block in a modal [json-pointer:{at}]")
        if kind == "card" and "icon" in node and "slack_icon" in node:  # blocks/card-block
            report.append(f"must define either `icon` or `slack_icon` [json-pointer:{at}]")
        if kind == "container" and node.get("default_collapsed") and not node.get("is_collapsible"):
            report.append(f"default_collapsed requires is_collapsible [json-pointer:{at}]")  # blocks/container-block
        if kind == "data_table":
            _data_table(node, at, report)
    if focused > 1:  # every element's focus_on_load: "Only one element can be set to true"
        report.append(f"no more than 1 element may set focus_on_load [json-pointer:{pointer}]")
    if plan_beside_tasks(blocks):
        report.append(f"{PLAN_BESIDE_TASKS} [json-pointer:{pointer}]")
    length = sum(_length(block["rows"]) for block in tables(blocks))
    if length > TABLE_TEXT_LIMIT:  # blocks/data-table-block; held for tables too, whose page gives no number
        report.append(
            f"must be less than {TABLE_TEXT_LIMIT + 1} characters in all table cells [json-pointer:{pointer}]"
        )


def plan_beside_tasks(blocks: Sequence[Json]) -> bool:
    """Whether there is a plan and also a task card outside of it, of which a message takes only either (reported by
    users, and not documented).
    """
    return {"plan", "task_card"} <= {block["type"] for block in blocks}


def tables(blocks: Sequence[Json]) -> list[Json]:
    """The tables and data tables, those within containers too."""
    children = [child for block in blocks if block["type"] == "container" for child in block["child_blocks"]]
    return [block for block in [*blocks, *children] if block["type"] in TABLES]


def has_video(blocks: Sequence[Json]) -> bool:
    """Whether a video is among the blocks: it needs the scope links.embed:write (blocks/video-block)."""
    return any(node.get("type") == "video" for _, node, _ in _nodes(blocks, ""))


def _nodes(blocks: Sequence[Json], pointer: str) -> Iterator[tuple[str, Json, Json]]:
    """Every object within the blocks, with its pointer and the block that it is in."""
    for index, block in enumerate(blocks):
        found: list[tuple[str, Json]] = []
        _collect(block, f"{pointer}/{index}", found)
        for at, node in found:
            yield at, node, block


def _collect(node: Any, pointer: str, found: list[tuple[str, Json]]) -> None:
    if isinstance(node, dict):
        found.append((pointer, node))
        for key, value in node.items():
            if isinstance(value, dict | list):
                _collect(value, f"{pointer}/{key}", found)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            if isinstance(value, dict | list):
                _collect(value, f"{pointer}/{index}", found)


def _options(node: Json, at: str, report: list[str]) -> None:
    """A menu has options or groups of them, and its initial ones are among them (block-elements/select-menu-element:
    "This option must exactly match one of the options").
    """
    if "options" not in node and "option_groups" not in node:
        return
    if "options" in node and "option_groups" in node:
        report.append(f"must define either `options` or `option_groups` [json-pointer:{at}]")
        return
    offered = node.get("options") or [option for group in node["option_groups"] for option in group["options"]]
    for key in ("initial_option", "initial_options"):
        given = node.get(key, [])
        for initial in given if isinstance(given, list) else [given]:
            if initial not in offered:
                report.append(f"must match one of the options [json-pointer:{at}/{key}]")
                return


def _data_table(node: Json, at: str, report: list[str]) -> None:
    """ "rich_text cannot be used for header cells. … All rows must have the same number of values"."""
    header, *rows = node["rows"]
    if any(cell["type"] == "rich_text" for cell in header):
        report.append(f"unsupported type: rich_text [json-pointer:{at}/rows/0]")
    for index, row in enumerate(rows, 1):
        if len(row) != len(header):
            report.append(f"must have as many cells as the first row [json-pointer:{at}/rows/{index}]")


def _length(node: Any) -> int:
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(_length(value) for value in node.values() if isinstance(value, dict | list))
    return sum(_length(value) for value in node) if isinstance(node, list) else 0
