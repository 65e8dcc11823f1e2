"""Names of tools: fit for the strictest provider, and found back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.tools.mcp import names

FIT = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
KEYS = st.text(min_size=1, max_size=40).map(names.prefix).filter(lambda key: 0 < len(key) <= names.MAX_PREFIX_LENGTH)
REMOTE = st.one_of(st.text(min_size=1, max_size=130), st.from_regex(r"[a-z_]{1,6}", fullmatch=True))


def test_a_name_that_is_allowed_stays_as_it_is() -> None:
    assert names.offered("filesystem", ["read_text_file"]) == {"read_text_file": "filesystem__read_text_file"}


def test_a_name_that_is_not_allowed_gets_a_hash_and_does_not_depend_on_its_neighbours() -> None:
    alone = names.offered("git", ["log.show"])["log.show"]
    assert re.fullmatch(r"git__log_show_[0-9a-f]{8}", alone)
    assert names.offered("git", ["log_show", "log/show", "log.show", "x" * 128])["log.show"] == alone


def test_a_name_that_looks_like_anothers_hash_makes_the_hash_longer() -> None:
    clash = names.offered("git", ["a.b"])["a.b"]
    both = names.offered("git", ["a.b", clash.removeprefix("git__")])
    assert both[clash.removeprefix("git__")] == clash
    assert re.fullmatch(r"git__a_b_[0-9a-f]{16}", both["a.b"])


@given(KEYS, st.lists(REMOTE, max_size=20))
def test_every_name_is_fit_and_leads_back_to_one_tool(key: str, remote: list[str]) -> None:
    offered = names.offered(key, remote)
    assert set(offered) == set(remote)
    assert len(set(offered.values())) == len(offered)
    assert all(FIT.fullmatch(name) for name in offered.values())
    assert offered == names.offered(key, reversed(remote))


@given(KEYS, KEYS, REMOTE, REMOTE)
def test_two_servers_never_offer_the_same_name(one: str, other: str, tool: str, other_tool: str) -> None:
    if one != other:
        assert names.offered(one, [tool])[tool] != names.offered(other, [other_tool])[other_tool]


def test_a_name_begins_with_a_letter_whatever_its_server_is_called() -> None:
    for key in ("1password", "-x", "_x", "42", "__9"):
        assert FIT.fullmatch(names.offered(names.prefix(key), ["9.lives"])["9.lives"]), key
    assert names.prefix("1password") == "server_1password"
    assert names.prefix("7") == "server_7"
