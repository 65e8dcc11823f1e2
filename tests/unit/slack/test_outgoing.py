"""What a model writes is shown as it was meant, and notifies nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.json_text import JsonObject
from bot.core.turn_message import Text, TurnMessage
from bot.slack.blocks import messages, turn_message
from bot.slack.blocks.outgoing import outgoing
from slack_sandbox.text import pings

URL = "https://example.com/a/x_1?y=2&z=(3)#f"
FRAMES = ["**{}**", "*{}*", "_{}_", "__{}__", "***{}***", "**_{}_**", "~~{}~~", "~{}~", "**see {}**", "*see {}*, ok"]
AROUND = [
    "{}",
    "({})",
    "{}.",
    "{}, and",
    "{}!",
    "{}：次",
    "{}。",
    "「{}」",
    "> {}",
    "- {}: yes",
    "1. {}",
    "# {}",
    "{}\nnext",
]
LINKS = [
    ("**https://a.b/x/**", "**<https://a.b/x/>**"),
    ("**https://a.b/x.**", "**<https://a.b/x>.**"),
    ("**https://a.b/x:** text", "**<https://a.b/x>:** text"),
    ("[https://a.b]", "[<https://a.b>]"),
    ("_https://a.b/__tests__/a_b_", "_<https://a.b/__tests__/a_b>_"),
    ("**https://a.b/Foo_(bar)**", "**<https://a.b/Foo_(bar)>**"),
    ("_https://a.b/Foo_(bar)_", "_<https://a.b/Foo_(bar)>_"),
    ("**<https://a.b/x**>", "**<https://a.b/x>**"),
    ("\\*https://a.b/x\\*", "\\*<https://a.b/x>\\*"),
    ("**see https://a.b**(x)", "**see <https://a.b>**(x)"),
    ("~~see https://a.b~~x", "~~see <https://a.b>\u200b~~x"),
    ("**a** https://a.b/**/*.js **b**", "**a** https://a.b/**/*.js **b**"),
    ("_https://a.b_- x", "_<https://a.b>_- x"),
    ("__https://a.b__(x)", "__<https://a.b>__(x)"),
    ("https://a.b!見**https://c.d**", "<https://a.b>!見**\u200b<https://c.d>**"),
    ("これは**https://a.b/x**です", "これは**\u200b<https://a.b/x>\u200b**です"),
    ("**https://a.b/x**is", "**<https://a.b/x>\u200b**is"),
    ("请看https://a.b/x查看", "请看<https://a.b/x>查看"),
    ("https://a.b、https://c.d。", "<https://a.b>、<https://c.d>。"),
    ("**www.a.b/x**", "**[www.a.b/x](http://www.a.b/x)**"),
    ("_ops@a.b_", "_<ops@a.b>_"),
    (
        "| a | b |\n|---|---|\n| **https://a.b**|https://c.d|",
        "| a | b |\n|---|---|\n| **<https://a.b>**|<https://c.d>|",
    ),
    ("**https://a.b** and **https://c.d**", "**<https://a.b>** and **<https://c.d>**"),
    ("<https://a.b/x|the page>", "[the page](https://a.b/x)"),
    ("<https://a.b/(x)|a [b]>", "[a \\[b\\]](https://a.b/%28x%29)"),
    ("<https://a.b|https://a.b>", "<https://a.b>"),
    ("<mailto:a@b.c|a@b.c> <mailto:a@b.c|Ann>", "<a@b.c> [Ann](mailto:a@b.c)"),
    ("<tel:+4912|+4912>", "+4912"),
    ("<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"),
    ("![](https://a.b/x.png)", "![https://a.b/x.png](https://a.b/x.png)"),
    ("a\r\nb\rc\0d\ud800", "a\nb\nc\ufffdd\ufffd"),
    ("<@U1> `<@U1>` <!here> `<!here>`", "@Ann `<\u200b@U1>` @here `<\u200b!here>`"),
]
UNCHANGED = [
    "https://a.b/x",
    "See https://a.b/x, https://a.b/y. (https://a.b/z)",
    "(see https://a.b/x_(y))",
    "https://a.b/**/*.js https://github.com/g/__tests__/x.ts",
    "[https://a.b](https://a.b) [**https://a.b**](https://a.b) **[x](https://a.b)** [`x`](https://a.b_)",
    "[![x](https://a.b/i.png)](https://a.b) ![Logo](https://a.b/i.png)",
    "[ref]: https://a.b/x_\n[^1]: note https://a.b",
    "<https://a.b/x> **<https://a.b/x>**",
    "`**https://a.b/x**` ``` `<https://a.b|x>` ```",
    "```\n**https://a.b/x** <https://a.b|x> ![](x)\n```",
    "text\n\n    **https://a.b/x**\n",
    "npm i @here/x, ops@here.com, `@channel`, **@everyone**",
    "$1 $& $$ ${x} \\1 \\g<0> %s {0}",
    "AT&T &amp; &lt;b&gt; `&amp;` &copy;",
    "C:\\dir\\new \\*no\\* \\\\",
    "List<String> Map<K, V> vector<int>::size() a<b>c List<@NonNull T>",
    "# One\n## Two\n- [ ] todo\n- [x] done\n  - nested\n    1. deep\n\n---\n> quote\n> > more",
    "A footnote[^1].\n\n[^1]: Here.",
    "$$\\frac{a_1}{b^2}$$ and $x_i$",
    ":smile: 10:30:45 :not_an_emoji:",
    "zero\u200bwidth \u200d\ufe0f 👩\u200d👩\u200d👧 e\u0301",
    "<b>bold</b> <br/> <!-- comment --> <!DOCTYPE html>",
    "<#C1> a <- b -> c <= d => e",
    "x" * 9_000,
]
PIECES = [
    "<",
    ">",
    "!",
    "@",
    "<!channel>",
    "<@U123>",
    "|",
    "x",
    "\n",
    "`",
    "```",
    "<!here|x>",
    "[",
    "](",
    ")",
    "https://a.b",
    "\\",
    "\u200b",
]


def targets(markdown: str) -> list[str]:
    """The addresses of the links in Markdown, as every parser reads them."""
    return [one or other for one, other in re.findall(r"<(https?://[^<>|\s]*)>|\]\((https?://[^\s()]*)\)", markdown)]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("frame", FRAMES)
def test_an_address_in_emphasis_is_a_link_to_that_address(frame: str, around: str) -> None:
    text = around.format(frame.format(URL))
    assert targets(outgoing(text)) == [URL]
    assert outgoing(text).replace(f"<{URL}>", URL).replace("\u200b", "") == text


@given(st.lists(st.sampled_from(["**", "*", "_", "~~", " ", "\n", "。", "見", "(", ")", "x", ".", "https://a.b/c"])))
def test_no_address_takes_emphasis_along(pieces: list[str]) -> None:
    text = "".join(pieces)
    made = outgoing(text)
    assert not [each for each in targets(made) if each.endswith(("*", "_", "~", ".", "。"))]
    assert re.sub(r"<(https?://[^<>]*)>|\u200b", r"\1", made) == text


@pytest.mark.parametrize(("text", "made"), LINKS)
def test_what_would_be_read_in_another_way_is_written_out(text: str, made: str) -> None:
    assert outgoing(text, {"U1": "Ann"}) == made


@pytest.mark.parametrize("text", UNCHANGED)
def test_everything_else_is_sent_as_it_was_written(text: str) -> None:
    assert outgoing(text) == text
    [piece] = messages.said(text, 10_000, 4).pieces
    assert piece == text.strip("\n")


def shown(text: str, note: str = "", names: Mapping[str, str] | None = None) -> list[JsonObject]:
    """The messages in which this is said."""
    pieces = messages.said(text, 10_000, 4, names).pieces
    parts = [TurnMessage(1, number, parts=(Text(piece),), note=note) for number, piece in enumerate(pieces, 1)]
    return [made for part in parts if (made := turn_message.render(part, (), note)) is not None]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_in_an_answer_notifies_anybody(text: str) -> None:
    for payload in [*shown(text, note=text), *(json.loads(draft.payload) for draft in messages.notice(text, ""))]:
        assert pings(payload["text"], payload["blocks"]) == []


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_sent(text: str) -> None:
    for payload in shown(text):
        json.dumps(payload, ensure_ascii=False).encode()


@given(st.text(alphabet="ab\n |`~#>-*<@!1U.", max_size=300))
def test_code_is_left_as_it_is(code: str) -> None:
    block = f"`````\n{code.replace('`', '')}\n`````"
    assert outgoing(f"https://a.b\n{block}\n**https://a.b**").replace("\u200b", "") == (
        f"https://a.b\n{block}\n**<https://a.b>**"
    )


def test_a_long_answer_mentions_nobody_where_it_is_cut() -> None:
    text = "<@U1> <!here> `<!channel>` " * 1_200
    payloads = shown(text, names={"U1": "Ann"})
    assert len(payloads) > 2
    for payload in payloads:
        assert pings(payload["text"], payload["blocks"]) == []
        assert "@Ann" in payload["text"]


def test_a_file_with_a_long_answer_has_it_as_the_model_wrote_it() -> None:
    text = "**https://a.b** <!here>\n\n" * 5_000
    made = messages.said(text, 10_000, 4)
    [said], [file] = made.pieces, made.files
    assert json.loads(file.payload)["content"] == text
    assert "**<https://a.b>** @here" in said
