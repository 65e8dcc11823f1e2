"""The kinds of messages that change after they have been posted, and how each is rendered.

To add one, put its name and a `Kind` into `KINDS`, or pass them to `Outbox`. Posting, updating at Slack's rate, and the
handling of refused and deleted messages are the same for all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.slack.blocks import question_blocks


@dataclass(frozen=True, slots=True)
class Kind:
    """How messages of one kind are rendered."""

    render: Callable[[Post], JsonObject | None]
    """Return the `text` and `blocks` that Slack should show now; None to remove the message."""
    offer: Callable[[int], Draft | None] | None = None
    """For messages that are not recorded before they are shown: returns the message that a thread without one should
    have now."""
    prerendered: bool = False
    """The recorded payload is the first body; `render` is called only after a change."""
    needs_blocks: bool = False
    """Never post it as text alone: without its buttons nobody could answer it."""


KINDS: Mapping[str, Kind] = {
    "card": Kind(lambda post: question_blocks.redrawn(post.about, post.payload), prerendered=True, needs_blocks=True),
    "parked": Kind(lambda post: question_blocks.redrawn(post.about, post.payload), prerendered=True),
}
"""The kinds that are rendered from what is recorded."""
