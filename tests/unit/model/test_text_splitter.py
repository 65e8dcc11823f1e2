"""Reasoning and calls inside the text of a reply are lifted out before a word is shown, however the text is split."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.text_splitter import MAX_ALL_EXAMINED, TextSplitter, split
from tests.machine import is_allowed

OPENED = {
    "think": ("<think>", "</think>"),
    "thinking": ("<thinking>", "</thinking>"),
    "thought": ("<thought>", "</thought>"),
    "reasoning": ("<reasoning>", "</reasoning>"),
    "reflection": ("<reflection>", "</reflection>"),
    "scratchpad": ("<scratchpad>", "</scratchpad>"),
    "monologue": ("<inner_monologue>", "</inner_monologue>"),
    "in capitals": ("<THINK>", "</THINK>"),
    "with a space": ("<think >", "</think >"),
    "with a prefix": ("<seed:think>", "</seed:think>"),
    "another prefix": ("<thinking>", "</thinking>"),
    "two names": ("<think>", "</thinking>"),
    "Mistral": ("[THINK]", "[/THINK]"),
    "Kimi": ("◁think▷", "◁/think▷"),
    "Cohere": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "OpenThinker": ("<|begin_of_thought|>", "<|end_of_thought|>"),
    "Gemma": ("<|channel>thought", "<channel|>"),
    "MedGemma": ("<unused94>thought", "<unused95>"),
    "Harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
}
THOUGHT = "\nThe person wants 4.\n\nSo I say `4`.\n"

READ = {
    "plain text": ("Four.", "Four.", ""),
    "only the end tag": (f"{THOUGHT}</think>\n\nFour.", "Four.", THOUGHT),
    "only the end tag, of another kind": ("hm [/THINK] Four.", "Four.", "hm "),
    "nothing between the tags": ("<think>\n\n</think>\n\nFour.", "Four.", "\n\n"),
    "twice": ("<think>a</think>One.\n<think>b</think>Two.", "One.\nTwo.", "ab"),
    "in the middle of a line": ("Sure! <think>hm</think>Four.", "Sure! Four.", "hm"),
    "never ended": ("<think>The person wants", "", "The person wants"),
    "an end tag with nothing behind it": ("Four.</think>", "Four.", ""),
    "two end tags": ("a</think>b</think>Four.", "Four.", "ab"),
    "code": ("Use `<think>` and `</think>`.", "Use `<think>` and `</think>`.", ""),
    "code with more backticks": ("Use ``a`<think>`` here.", "Use ``a`<think>`` here.", ""),
    "a fence": ("```xml\n<think>x</think>\n```\nDone.", "```xml\n<think>x</think>\n```\nDone.", ""),
    "a fence of tildes": ("~~~\n<think>\n~~~", "~~~\n<think>\n~~~", ""),
    "a fence in a list": ("1. ```\n   <think>x</think>\n   ```", "1. ```\n   <think>x</think>\n   ```", ""),
    "a longer fence": ("````\n```\n<think>x</think>\n```\n````", "````\n```\n<think>x</think>\n```\n````", ""),
    "behind a fence": ("```\na\n```\n<think>x</think>b", "```\na\n```\nb", "x"),
    "behind a backtick that is alone": ("It`s\n<think>x</think>four.", "It`s\nfour.", "x"),
    "a sentence about the tags": ("Write <think> and </think>.", "Write <think> and </think>.", ""),
    "a sentence about one": ("The <think> tag is old.", "The <think> tag is old.", ""),
    "a sentence about the end tag": ("The tag </think> ends it.", "The tag </think> ends it.", ""),
    "a comparison": ("a < b, [c], d <e> and List<String> = x", "a < b, [c], d <e> and List<String> = x", ""),
    "special tokens": ("Four.<|im_end|>", "Four.", ""),
    "Harmony's commentary": ("<|channel|>commentary<|message|>Looking.<|end|>", "Looking.", ""),
}

CALL_TEXT = {
    "Hermes": '<tool_call>\n{"name": "a"}\n</tool_call>',
    "Anthropic": '<function_calls>\n<invoke name="a">',
    "with a prefix": "<function_calls>",
    "without the outer tag": '<invoke name="a">',
    "MiniMax": "<minimax:tool_call>",
    "Llama": "<function=a>{}",
    "DeepSeek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
    "DeepSeek 3.2": "<｜DSML｜function_calls>",
    "Kimi": "<|tool_calls_section_begin|>",
    "Mistral": '[TOOL_CALLS][{"name"',
    "Harmony": "<|channel|>commentary to=functions.a <|constrain|>json<|message|>{}",
    "Harmony without its tokens": "assistantcommentary to=functions.a json{}",
    "Harmony, the address first": "<|start|>assistant to=functions.a<|channel|>commentary json<|message|>{}",
}


class Reader:
    """Somebody who reads a reply while it is written."""

    def __init__(self) -> None:
        self.splitter, self.shown, self.seen = TextSplitter(), "", ""

    def read(self, pieces: list[str]) -> TextSplitter:
        for piece in pieces:
            self._show(self.splitter.feed(piece))
        self._show(self.splitter.finish())
        return self.splitter

    def _show(self, text: str) -> None:
        if self.splitter.withdrawn:
            self.shown, self.splitter.withdrawn = "", False
        self.shown += text
        self.seen += text


def said(splitter: TextSplitter) -> tuple[str, str, str]:
    return "".join(splitter.visible), "".join(splitter.reasoning), "".join(splitter.call_text)


def splits(text: str) -> list[list[str]]:
    """The text in single characters, in pairs, and cut in two at any place."""
    several = [[text[at : at + size] for at in range(0, len(text), size)] for size in (1, 2, 3, 7)]
    return [*several, *([text[:at], text[at:]] for at in range(1, len(text)))]


@pytest.mark.parametrize("name", OPENED)
def test_reasoning_between_tags_is_never_shown(name: str) -> None:
    begin, end = OPENED[name]
    text = f"{begin}{THOUGHT}{end}\n\nIt is **4**."
    for pieces in splits(text):
        reader = Reader()
        assert said(reader.read(pieces)) == ("It is **4**.", THOUGHT, ""), pieces
        assert reader.seen == "It is **4**.", pieces


@pytest.mark.parametrize("name", READ)
def test_a_text_is_read_as_it_was_meant_however_it_is_split(name: str) -> None:
    text, visible, reasoning = READ[name]
    for pieces in splits(text):
        reader = Reader()
        assert said(reader.read(pieces)) == (visible, reasoning, ""), pieces
        assert reader.shown == visible, pieces


@pytest.mark.parametrize("name", CALL_TEXT)
def test_a_call_that_is_written_as_text_is_held_back(name: str) -> None:
    for before in ("", "I look.\n"):
        text = f"{before}{CALL_TEXT[name]}"
        for pieces in splits(text):
            reader = Reader()
            visible, _, call_text = said(reader.read(pieces))
            assert (visible, call_text) == (before, CALL_TEXT[name]), pieces
            assert reader.shown == before, pieces
            assert reader.splitter.call_begins_line


@pytest.mark.parametrize("name", [name for name in CALL_TEXT if not CALL_TEXT[name].startswith("assistant")])
def test_a_call_in_code_is_text(name: str) -> None:
    for text in (f"```\n{CALL_TEXT[name]}\n```", *([f"`{CALL_TEXT[name]}`"] if "\n" not in CALL_TEXT[name] else [])):
        assert said(split(text)) == (text, "", "")


@pytest.mark.parametrize("text", ['{"name": "a"}', '  [\n {"name": "a"}]', "{}"])
def test_a_reply_that_begins_like_json_is_held_back_until_it_is_whole(text: str) -> None:
    for pieces in splits(text):
        reader = Reader()
        assert said(reader.read(pieces))[2].strip() == text.strip()
        assert reader.seen.strip() == ""


TOKENS = [
    "<think>",
    "</think>",
    "`",
    "```",
    "\n",
    " ",
    "a",
    "<",
    "[",
    "=functions.",
    "to",
    "<tool_call>",
    "{",
    "</",
    "|>",
]


@given(st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=30).map("".join), st.data())
def test_any_split_gives_the_same_and_nothing_is_lost(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edges = [0, *cuts, len(text)]
    whole, reader = split(text), Reader()
    reader.read([text[start:end] for start, end in itertools.pairwise(edges)])
    assert said(reader.splitter) == said(whole)
    assert reader.shown == "".join(whole.visible)
    if not any(mark in text for mark in "<[◁="):
        assert text.strip() in ("".join(whole.visible).strip(), "".join(whole.call_text).strip())


@pytest.mark.parametrize("piece", ["<", "`", "<think></think>", "</think>x", "[", "<|channel|>", "=functions.", "a<b "])
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    splitter = TextSplitter()
    for at in range(0, len(text), 50_000):
        began = time.thread_time()
        splitter.feed(text[at : at + 50_000])
        assert is_allowed(time.thread_time() - began, 0.03)
    splitter.finish(MAX_ALL_EXAMINED)
    everything = sum(map(len, (*splitter.visible, *splitter.reasoning, *splitter.call_text)))
    assert everything > 0
