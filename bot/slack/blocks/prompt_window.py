"""The window in which people choose a prompt of a tool server and enter its arguments, and the note about it. Pure.

The private metadata comes back from Slack and is untrusted: who may use the server is checked again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import groupby
from typing import Literal

from bot.core.json_text import JsonObject
from bot.core.posts import Draft
from bot.core.server_offers import MAX_VALUE, PromptOffer, PromptRef, PromptsFound
from bot.core.untrusted import mapping, parsed, text
from bot.slack.blocks.elements import (
    Block,
    modal,
    one_line,
    option,
    plain_text,
    remark,
    sentence,
)
from bot.slack.blocks.messages import draft
from bot.slack.blocks.question_windows import text_field
from bot.slack.text import escaped, harmless

SHORTCUT = "use_prompt"
"""The callback id of the shortcut in the menu beside the message field."""
MESSAGE_SHORTCUT = "use_prompt_here"
"""The same for the one in the menu of a message."""
SHORTCUTS: Sequence[tuple[str, str, Literal["global", "message"], str]] = (
    (SHORTCUT, "Use a prompt", "global", "From a tool server"),
    (MESSAGE_SHORTCUT, "Use a prompt here", "message", "From a tool server"),
)
"""As the manifests have them: id, name, kind and description."""
WINDOW = "prompt.use"
CHOOSE = "prompt.choose"
"""The action of the menu of prompts."""
MENU = "prompt.menu"
"""The block of the menu."""
MAX_CHOICES = 100
"""Slack's limit of the options of a menu, and of its groups
(docs.slack.dev/reference/block-kit/block-elements/select-menu-element)."""
TITLE = "Use a prompt"
LOOKING = "Asking the tool servers for their prompts…"
NONE = "The tool servers that you can use here offer no prompts."
GONE = "The prompt that you chose is not offered now."
_LABEL = 75
_LONG_LABEL = 150


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the shortcut was used, and what was chosen."""

    channel: str = ""
    """The conversation of the message; empty for a new thread."""
    thread_ts: str = ""
    server: str = ""
    name: str = ""
    title: str = ""
    origin: str = ""
    """Identifies the configuration of the server that offers it."""
    at: str = ""
    """When the shortcut, or later the menu, was used: Slack's time, which it does not say when a window is sent."""
    ahead: str = ""
    """Seconds by which Slack's clock was ahead of ours at that time; empty if it is not known."""

    def seal(self) -> str:
        """Return the private metadata of the window."""
        # Not as ASCII: escapes of up to 12 characters for one would not fit. What cannot be encoded is no name.
        sealed = json.dumps(list(astuple(self)), separators=(",", ":"), ensure_ascii=False)
        return sealed.encode("utf-8", "replace").decode()


def unseal(view: Mapping[str, object]) -> Opened:
    """Return what `seal` put into a window. Raises ValueError if it is not one of ours."""
    match parsed(view.get("private_metadata")):
        case [str(channel), str(ts), str(server), str(name), str(title), str(origin), str(at), str(ahead)]:
            return Opened(channel, ts, server, name, title, origin, at, ahead)
        case _:
            raise ValueError("not a window of ours")


def clocked(opened: Opened, at: str, now: float) -> Opened:
    """Return what a window carries after the shortcut or the menu was used. at, now: when that was, by Slack's clock
    (empty if it did not say) and by ours."""
    try:
        return replace(opened, at=at, ahead=f"{float(at) - now:.6f}")
    except ValueError:
        return opened


def sent_at(opened: Opened, now: float) -> str:
    """Return the time by Slack's clock, at which a window is sent; empty if it is not known. What was written while the
    window was open was written before. now: by our clock."""
    try:
        return f"{now + float(opened.ahead):.6f}"
    except ValueError:
        return ""


def looking(opened: Opened) -> JsonObject:
    """Return the window as it is opened: Slack allows that for three seconds, and servers may take longer."""
    return _window([remark(LOOKING)], opened)


def choosing(found: PromptsFound, opened: Opened, *, gone: bool = False) -> JsonObject:
    """Return the window with the menu of prompts. gone: the one that was chosen is offered no more."""
    offered = found.prompts[:MAX_CHOICES]
    opened = replace(opened, server="", name="", title="", origin="")
    notes = [remark(GONE)] if gone else []
    notes += [remark(one_line(each)) for each in found.problems[:10]]
    if len(found.prompts) > MAX_CHOICES:
        notes.append(remark(f"{len(found.prompts) - MAX_CHOICES} more prompts do not fit here."))
    return _window([*([_menu(offered)] if offered else [remark(NONE)]), *notes], opened)


def chosen(found: PromptsFound, prompt: PromptOffer, opened: Opened) -> JsonObject:
    """Return the window with the fields of the prompt that was chosen."""
    opened = replace(opened, server=prompt.server, name=prompt.name, title=prompt.title, origin=prompt.origin)
    blocks: list[Block] = [_menu(found.prompts[:MAX_CHOICES], prompt)]
    if prompt.about:
        blocks.append(remark(one_line(prompt.about, 500)))
    for each in prompt.arguments:
        label, hint = sentence(each.title or each.name, _LONG_LABEL), sentence(each.about, _LONG_LABEL)
        # Its own block id: what was entered for another prompt must not appear in it.
        blocks.append(
            text_field(
                f"{prompt.id[:8]}.{each.name}",
                label,
                longest=MAX_VALUE,
                multiline=True,
                hint=hint,
                optional=not each.required,
            )
        )
    where = "in this thread" if opened.channel else "in a new conversation with me"
    blocks.append(remark(f"I answer {where}. The words come from the tool server {one_line(prompt.server, 80)}."))
    return _window(blocks, opened, submit="Use")


def picked(action: Mapping[str, object]) -> str:
    """Return the id of the prompt that somebody has chosen in the menu."""
    return text(mapping(action.get("selected_option")).get("value"))


def in_menu(view: Mapping[str, object]) -> str:
    """Return the id of the prompt that the menu of a submitted window shows; empty if Slack does not say."""
    return picked(mapping(mapping(mapping(mapping(view.get("state")).get("values")).get(MENU)).get(CHOOSE)))


def entered(values: Mapping[str, str], prompt: str) -> dict[str, str]:
    """Return the arguments among what was entered in the fields. prompt: the id of the prompt."""
    first = f"{prompt[:8]}."
    return {name.removeprefix(first): value for name, value in values.items() if name.startswith(first)}


def notice(prompt: PromptRef, user: str, key: str) -> Draft:
    """Return the message that says who uses which prompt of which server."""
    title, server = one_line(prompt.title or prompt.name, 150), one_line(prompt.server, 80)
    said: Block = {"type": "mrkdwn", "text": f"<@{user}> uses a prompt of the tool server {_plain(server)}:"}
    block: Block = {"type": "context", "elements": [said, plain_text(title)]}
    return draft("notice", [block], f"A prompt of {server}: {title}", key)


def _plain(words: str) -> str:
    return escaped(harmless(words))


def _menu(offered: Sequence[PromptOffer], initial: PromptOffer | None = None) -> Block:
    """Return the menu of prompts, grouped by server."""
    element: Block = {
        "type": "static_select",
        "action_id": CHOOSE,
        "placeholder": plain_text("Choose a prompt"),
        "option_groups": [
            {"label": plain_text(one_line(server, _LABEL - 1)), "options": [_option(each) for each in group]}
            for server, group in groupby(offered, lambda each: each.server)
        ],
    }
    if initial is not None and initial in offered:
        element["initial_option"] = _option(initial)
    return {"type": "actions", "block_id": MENU, "elements": [element]}


def _option(prompt: PromptOffer) -> Block:
    return option(sentence(prompt.title or prompt.name, _LABEL - 1), prompt.id)


def _window(blocks: Sequence[Block], opened: Opened, *, submit: str = "") -> JsonObject:
    more = {"submit": plain_text(submit)} if submit else {}
    return modal(TITLE, blocks, close="Cancel", callback_id=WINDOW, private_metadata=opened.seal(), **more)
