"""Of our own posts only the newest are remembered."""

from __future__ import annotations

from bot.slack.own_posts import MOST, OwnPosts


def test_only_the_newest_posts_are_remembered() -> None:
    own = OwnPosts()
    for number in range(MOST + 1):
        own.add("C1", str(number))
    assert [own.knows("C1", str(number)) for number in (0, 1, MOST)] == [False, True, True]
