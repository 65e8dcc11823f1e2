"""The kinds of messages that change after they were posted: for each, how its body is rendered.

To add one, put its name and a `Kind` into `KINDS`, or hand them to `Outbox`: posting, changing at Slack's rate, and
what follows when Slack refuses or a person deletes it are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.slack.blocks import question_blocks


@dataclass(frozen=True, slots=True)
class Kind:
    """How messages of one kind come to their bodies."""

    render: Callable[[Post], JsonObject | None]
    """What Slack is to show of a message now, with `text` and `blocks`; None when it is to go away."""
    offer: Callable[[int], Draft | None] | None = None
    """For what is not recorded before it is shown: the message that a thread is to have now, while it has none."""
    prerendered: bool = False
    """What is recorded is its first body; `render` is asked once that has changed."""
    needs_blocks: bool = False
    """Without its buttons it would be a question that nobody can answer, so it is never posted as text alone."""


KINDS: Mapping[str, Kind] = {
    "card": Kind(lambda post: question_blocks.redrawn(post.about, post.payload), prerendered=True, needs_blocks=True),
    "parked": Kind(lambda post: question_blocks.redrawn(post.about, post.payload), prerendered=True),
}
"""The kinds whose bodies follow from what is recorded."""
