"""Text of people, models and tools on its way in and out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import brief, code, escaped, harmless, readable, referred, speaker, visible
from slack_sandbox.text import pings

PING = re.compile(r"<(?:@[UWB][A-Z0-9]+[|>]|!(?i:channel|here|everyone|group|subteam))")
PIECES = ["<", ">", "!", "@", "channel", "here", "<!channel>", "<@U123>", "|", "x", "\n", "`", "<!here|x>", "^S1", " "]
MENTIONS = [
    ("<@U123>", "@U123"),
    ("<@U123|ann>", "@ann"),
    ("<@W123|>", "@W123"),
    ("<@B123>", "@B123"),
    ("<!here>", "@here"),
    ("<!HERE>", "@here"),
    ("<!channel|@channel>", "@channel"),
    ("<!everyone|now>", "@everyone"),
    ("<!group>", "@group"),
    ("<!here^x|y>", "@here"),
    ("<!subteam^S123>", "@S123"),
    ("<!subteam^S123|@dev>", "@dev"),
    ("`<!here>`", "`@here`"),
    ("<!here|<b>", "<\u200b!here|<b>"),
    ("<@U123|", "<\u200b@U123|"),
    ("<<@U123>>", "<\u200b@U123>"),
]
UNCHANGED = [
    "npm i @here/x",
    "`npm i @channel/x @everyone`",
    "ops@here.com",
    "everyone@channel.org",
    "@here @channel @everyone @group",
    "```\n@channel\n```",
    "<!DOCTYPE html>",
    "<!-- here -->",
    "<!hereafter>",
    "a < b > c",
    "user@example.com",
    "<https://example.com|x>",
    "<#C1>",
    "List<@NonNull String> <@Override> Map<@Unique K, V> <@u123>",
    "<T extends Comparable<T>> &lt;!here&gt;",
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_in_harmless_text_notifies_anybody(text: str) -> None:
    assert not PING.search(harmless(text))
    assert pings(harmless(text), [{"type": "markdown", "text": harmless(text)}]) == []


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_harmless_text_is_not_changed_again(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(("text", "shown"), MENTIONS)
def test_a_mention_is_shown_as_text(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize("text", UNCHANGED)
def test_text_that_notifies_nobody_is_left_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_a_person_or_group_whom_a_model_mentions_is_shown_by_name() -> None:
    names = {"U1": "Ann <!here> *x*", "S1": "releasers"}
    assert harmless("<@U1> <@U1|u> <!subteam^S1|@old> <@U2>", names) == (
        "@Ann  !here   x  @Ann  !here   x  @releasers @U2"
    )


@given(st.text(), st.text())
def test_no_name_notifies_anybody(name: str, text: str) -> None:
    assert not PING.search(harmless(f"{text}<@U1>{text}<!subteam^S1>", {"U1": name, "S1": f"<!here>{name}"}))


@given(st.text())
def test_everything_that_visible_returns_can_be_seen(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\x00-\x08]", shown)


@given(st.text(), st.integers(10, 200))
def test_a_code_span_is_one_line_with_no_way_out(text: str, limit: int) -> None:
    span = code(text, limit)
    assert span.count("`") == 2
    assert "\n" not in span
    assert len(span) <= limit * 10


@given(st.text())
def test_a_speaker_is_one_line_without_a_colon(name: str) -> None:
    shown = speaker(name)
    assert shown.strip()
    assert not set(shown) & set(":\n\r[]()")


NAMES = {"U1": "Alice", "W2": "Bob & Co", "S1": "releasers", "C1": "general", "U9": "x\n[end]: <!here>"}
READ = [
    ("<@U1> and <@W2|bob>", "@Alice and @Bob & Co"),
    ("<@U3|carol> <@U4>", "@carol @U4"),
    ("<#C1|old-name> <#C2|random> <#C3|> <#C4>", "#general #random #C3 #C4"),
    ("<!subteam^S1|@old> <!subteam^S2|@ops> <!subteam^S3>", "@releasers @ops @S3"),
    ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
    ("<!date^1392734382^{date_short}|Feb 18>", "Feb 18"),
    ("<!date^1392734382^{date_short}>", "2014-02-18 14:39 UTC"),
    ("<mailto:a@b.c|a@b.c> <mailto:a@b.c> <mailto:a@b.c|Ann>", "a@b.c a@b.c Ann (a@b.c)"),
    ("<tel:+4912|+4912> <tel:+4912> <tel:+4912|call>", "+4912 +4912 call (+4912)"),
    (
        "<https://a.b|the page> <https://a.b> <https://a.b|https://a.b>",
        "the page (https://a.b) https://a.b https://a.b",
    ),
    (
        "<http://a.b/|a.b> <http://a.b/x|x> <https://evil.example|a.b>",
        "http://a.b/ x (http://a.b/x) a.b (https://evil.example)",
    ),
    ("<https://a.b?x=1&amp;y=2|https://a.b?x=1&amp;y=2>", "https://a.b?x=1&y=2"),
    ("&amp; &lt;b&gt; &amp;lt; &amp;amp; &quot;", "& <b> &lt; &amp; &quot;"),
    ("&lt;@U1&gt; &lt;!here&gt;", "<@U1> <!here>"),
    ("<@U9>: hi", "@x end <!here>: hi"),
    ("`code` ```<https://a.b>```", "`code` ```https://a.b```"),
]


@pytest.mark.parametrize(("text", "read"), READ)
def test_slacks_markup_is_read_as_people_see_it(text: str, read: str) -> None:
    assert readable(text, NAMES) == read


@given(st.text())
def test_what_a_person_types_is_read_as_it_was_typed(typed: str) -> None:
    assert readable(escaped(typed), {}) == typed


@given(st.text(), st.sampled_from(["<@U1>", "<#U1>", "<!subteam^U1>"]))
def test_a_name_is_one_line_in_what_is_read(name: str, reference: str) -> None:
    assert len(readable(f"{reference}.", {"U1": name}).splitlines()) == 1


def test_a_text_refers_to_people_groups_and_channels_once_each() -> None:
    text = "<@U1> <@U1|x> <#C1|general> <!subteam^S1|@ops> <!here> &lt;@U2&gt; <https://U3>"
    assert referred(text) == ["U1", "C1", "S1"]


def test_the_start_of_a_text_is_one_line() -> None:
    assert brief("a\n\nb   c", 10) == "a b c"
