"""Builds the window behind Always…, in which a person gives a standing grant: for which calls, where, how long. Pure.

What comes back from Slack is untrusted: the submitted choice is compared with what is offered for the request then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.json_text import JsonObject, sha256
from bot.core.questions import scope
from bot.core.questions.question import Approval
from bot.core.questions.scope import Offer, Offers
from bot.core.tool_words import tool_title
from bot.slack.blocks import forms
from bot.slack.blocks.elements import Block, code, modal, one_line, option, plain, plain_text, remark, rich, section
from bot.slack.blocks.field_blocks import OPTION
from bot.slack.blocks.fields import ACTION
from bot.slack.blocks.forms import Opened

ALWAYS = "approval.always"
MAX_FOLDERS = 8
DIGEST = 32
"""Characters of the digest of a file or folder."""
TITLE = 80
"""Characters of the title of a tool."""
HOUR = 3_600.0
DAY = 24 * HOUR
DURATIONS: tuple[tuple[float, str], ...] = ((DAY, "a day"), (7 * DAY, "a week"), (30 * DAY, "30 days"))
THREAD, MINE = "thread", "mine"
"""Where a grant holds: in the thread of the request, or wherever the person asks for something."""


@dataclass(frozen=True, slots=True)
class AlwaysChoice:
    """The choice that a person submitted."""

    scope: str
    value: str
    """The digest of the file or folder; empty for other scopes."""
    where: str
    seconds: float


def always(approval: Approval, action: str, offers: Sequence[Offer], longest_days: float, opened: Opened) -> JsonObject:
    """Return the window. In: what is allowed, as `action_of` says it, and the choices, the narrowest first."""
    longest = longest_days * DAY
    kept, sealed = _sealed(opened, offers, longest)
    long = [number for number, offer in enumerate(kept) if len(_label(offer)) > OPTION]
    labels = [_short(offer, number) for number, offer in enumerate(kept)]
    which = [option(label, name) for label, name in zip(labels, _names([each.scope for each in kept]), strict=True)]
    times = [option(words, name) for name, _, words in periods(longest)]
    note = (
        "I'll do this without asking until the time is over or the tool changes. "
        "You can revoke it at any time, here or in my Home tab."
    )
    blocks = [
        *(rich(section(plain(f"Choice {number + 1}: "), code(_label(kept[number]), 10**4))) for number in long),
        _radio("scope", f"Allow {one_line(action, 150)}:", which),
        _radio("time", "For:", times),
        remark(note),
    ]
    return modal(
        "Always allow",
        blocks,
        close="Cancel",
        submit=plain_text("Approve, and always"),
        callback_id=ALWAYS,
        private_metadata=sealed,
    )


def always_given(view: Mapping[str, Any]) -> AlwaysChoice:
    """Return the submitted choice. Raises ValueError for anything that the window did not offer."""
    _, extra = forms.unseal(view)
    state = forms.values(view)
    which, time = _picked(state, "scope"), _picked(state, "time")
    offers, longest = extra.get("offers"), extra.get("longest")
    if not isinstance(offers, list) or isinstance(longest, bool) or not isinstance(longest, int | float):
        raise ValueError("not a window of ours")
    period = next((each for each in periods(float(longest)) if each[0] == time), None)
    if period is None:
        raise ValueError("not a choice of ours")
    sealed: list[tuple[str, str]] = []
    for offer in offers:
        match offer:
            case [str(name), str(value)] if name in scope.SCOPES:
                sealed.append((name, value))
            case _:
                raise ValueError("not a window of ours")
    for name, (kind, value) in zip(_names([kind for kind, _ in sealed]), sealed, strict=True):
        if name == which:
            return AlwaysChoice(kind, value, period[0].partition(":")[0], period[1])
    raise ValueError("not a choice of ours")


def chosen(choice: AlwaysChoice, offers: Sequence[Offer]) -> Offer | None:
    """Return the offer that a person chose, if it is still made."""
    return next((each for each in offers if (each.scope, _bound(each)) == (choice.scope, choice.value)), None)


def action_of(approval: Approval, known: Offers) -> str:
    """Return what a grant allows, as the beginning of a sentence: `edits to`, `“Create issue”`."""
    title = (approval.preview.title if approval.preview else "") or tool_title("", approval.call.remote_name)
    return scope.action(known, one_line(title, TITLE))


def periods(longest: float) -> list[tuple[str, float, str]]:
    """Return for how long a grant may hold and where: a name, seconds, and words, none longer than the longest."""
    found = [(seconds, words) for seconds, words in DURATIONS if seconds <= longest]
    if not found:
        minutes = max(1, int(longest // 60))
        hours = f"{minutes // 60} hour{'' if minutes < 120 else 's'}"
        words = hours if minutes % 60 == 0 else f"{minutes} minute{'' if minutes == 1 else 's'}"
        found = [(minutes * 60.0, words)]
    first, words = found[0]
    here = "this thread today" if first == DAY else f"this thread, for {words}"
    everywhere = [(f"{MINE}:{int(each)}", each, f"everywhere, for what I ask, for {words}") for each, words in found]
    return [(f"{THREAD}:{int(first)}", first, here), *everywhere]


def _names(scopes: Sequence[str]) -> list[str]:
    """Return the values of the options for offers with these scopes: `file`, `folder:0`, `folder:1`, `any`."""
    names: list[str] = []
    for kind in scopes:
        names.append(kind if kind != scope.FOLDER else f"{kind}:{sum(each.startswith(kind) for each in names)}")
    return names


def _bound(offer: Offer) -> str:
    """Return the digest of a file or folder: no path of the machine gets into a window."""
    return sha256(offer.value)[:DIGEST] if offer.scope in (scope.FILE, scope.FOLDER) else ""


def _sealed(opened: Opened, offers: Sequence[Offer], longest: float) -> tuple[list[Offer], str]:
    """Return the choices that fit, and the private metadata that contains them. The last is the widest."""
    *narrow, widest = offers
    narrow = narrow[:MAX_FOLDERS]
    while True:
        kept = [*narrow, widest]
        try:
            return kept, forms.seal(
                opened, {"offers": [[each.scope, _bound(each)] for each in kept], "longest": longest}
            )
        except ValueError:
            if not narrow:
                raise
            narrow.pop()


def _label(offer: Offer) -> str:
    return one_line(offer.words, 10**4)


def _short(offer: Offer, number: int) -> str:
    label = _label(offer)
    return label if len(label) <= OPTION else f"Choice {number + 1} (see above)"


def _radio(block_id: str, label: str, options: Sequence[Block]) -> Block:
    element = {"type": "radio_buttons", "action_id": ACTION, "options": list(options), "initial_option": options[0]}
    return {"type": "input", "block_id": block_id, "label": plain_text(label), "element": element}


def _picked(state: Mapping[str, Any], name: str) -> Any:
    typed = state.get(name)
    picked = typed.get(ACTION) if isinstance(typed, dict) else None
    option = picked.get("selected_option") if isinstance(picked, dict) else None
    return option.get("value") if isinstance(option, dict) else None
