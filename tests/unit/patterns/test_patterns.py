"""Regular expressions of operators and servers keep their meaning on an engine that cannot be made to hang."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.patterns import TextTooLongError, UnsupportedPatternError, compile_ecma, compile_python
from tests.machine import is_allowed

OPERATORS = [
    *(r"\d+", r"\w+\Z", r"(?P<a>x)y", r"[^\W_]+", r"[]a]+", r"[^]a]", r"[\w.-]+", r"[a\]-]+", "(?i)strasse", r"\u00e9"),
    *("(?x) a b # c\n c", r"\N{BULLET}", r"\x41\101", "a{,3}", "(?s:.)x", ".", "a|b|", "(?#c)a"),
    *(r"git (status|log)( [\w./-]+)*", r"[\s\S]*", r"[^\S\n]*", "[+-.]", r"\-\ \#", "{}", "a{x}", r"\0", r"(?a)\w+"),
    *(
        r"[\D]+",
        "x$",
        "^a$",
        "(?m)^a$\n^b$",
        r"\bfoo\b",
        r"\\",
        r"[\\]",
        r"[\b]",
        "é+",
        "[à-ü]+",
        "(?:a|b)+?c",
    ),
    *("(?i:A)b", "(?i)[A-F]+", "", "()", "(|a)", "[a-]", "[-a]", r"[\n-\r]", r"\.", "(?s).*secret.*", "a{2}"),
]
TEXTS = [
    *("", "a", "ab", "abc", "é", "٣", "12", "_", "xy", "x", "a b", "a\nb", "\n", " ", "•", "éAA", "aaa", "aaaa", "]"),
    *("a]", "-", ".", "straße", "STRASSE", "foo", "git log x-y", "{}", "a{x}", "\0", "\\", "\x08", "&", "b", "+", ","),
    *("- #", "ü", "[:", "\u2003", "½", "中", "\x1c", "\x85", "BEEF", "aB", "abac", "a\nsecret\n"),
]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("text", OPERATORS)
def test_an_operators_expression_matches_what_pythons_re_matches(text: str, strict: bool) -> None:
    pattern = compile_python(text, strict=strict)
    python = re.compile(text, re.NOFLAG if strict else re.DOTALL)
    for each in TEXTS:
        assert pattern.fullmatch(each) == (python.fullmatch(each) is not None), each


def test_brackets_within_a_class_are_members_of_it_as_in_python() -> None:
    assert compile_python("[[:alpha:]]+", strict=True).fullmatch("[]]")
    assert not compile_python("[[:alpha:]]+", strict=True).fullmatch("z")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a(?=b)", "lookahead"),
        ("a(?!b)", "a separate rule above this one"),
        ("(?<!x)a", "lookahead and lookbehind"),
        (r"(a)\1", "backreference"),
        ("(?P<n>a)(?P=n)", "backreference"),
        ("a++", "possessive"),
        ("(?>a)", r"write (?:…)"),
        ("(a)?(?(1)b|c)", "a condition"),
        ("(", "unterminated"),
        ("(a{1000}){1000}", "repetition"),
    ],
)
def test_an_unsupported_expression_is_rejected_with_what_to_write_instead(text: str, said: str) -> None:
    with pytest.raises(UnsupportedPatternError, match=re.escape(said)):
        compile_python(text, strict=True)


def test_a_dollar_never_makes_a_rule_that_allows_match_more_or_one_that_denies_match_less() -> None:
    assert not compile_python("a$\\s*", strict=True).fullmatch("a\n")
    assert compile_python("a$\\s*", strict=False).fullmatch("a\n")


SERVERS = [
    *((r"^\/x$", "/x", "x"), (r"\u00e9", "é", "e"), ("[^]", "\n", ""), ("^[^]]+$", "ab", "a]"), (r"^\cJ$", "\n", "J")),
    *((r"^\d+$", "12", "٣"), ("^(?<y>a)$", "a", "b"), (r"^\p{L}+$", "é", "1"), (r"^\p{Script=Greek}$", "α", "a")),
    *((r"^a\Z", "a", "aZ"), ("(?i)^A$", "a", "b"), (r"^[\w-.]+$", "a-.", "é"), (r"^\ud83d\ude00$", "😀", "x")),
    *((r"^\u{1F600}$", "😀", "u"), (r"^[\u{1F600}-\u{1F64F}]$", "😀", "x"), (r"^[\s\S]*$", "\n x", None)),
    *((r"^[^\S]$", "\u2003", "a"), ("^.$", "a", "\u2028"), ("^a{,2}$", "aa", "aaa"), (r"^\-\_\@$", "-_@", "-")),
    *(
        ("^[]abc]+$", "a]", "d"),
        (r"^\x41$", "A", "x41"),
        (r"^\w$", "a", "é"),
        (r"^\s$", "\ufeff", "x"),
        ("a$", "a", "a\n"),
    ),
    *(("[]", None, "x"), (r"^[\b]$", "\b", "b"), ("^[a-z]+:.*$", "http://x", "1"), (r"^(?P<n>\w+)$", "a", "-")),
]


@pytest.mark.parametrize(("text", "fits", "not_fits"), SERVERS)
def test_a_servers_expression_has_the_meaning_that_its_author_intended(
    text: str, fits: str | None, not_fits: str | None
) -> None:
    pattern = compile_ecma(text)
    assert pattern is not None
    assert fits is None or pattern.search(fits)
    assert not_fits is None or not pattern.search(not_fits)


BROKEN = r"(?=a) (a)\1 \k<a> ( [ a{2000} (a{1000}){1000} \ \u \u{ \ud83d \p{ \x (? (?< (?P< (?: (?# [\ [a- [^ * ) (?i"


@pytest.mark.parametrize("text", [*BROKEN.split(), "[z-a]", r"\Q", "\ud800", r"\p{Foo}", "x" * 5000])
def test_an_unsupported_expression_of_a_server_is_left_to_the_server(text: str) -> None:
    assert compile_ecma(text) is None


PIECES = [*r"\()[]{}*+?|^$.-,:=!<>#ab19dwsDWSpPuxkZ/é", "(?", "{1,9}", "{100}", "[^", "(?<"]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_no_expression_of_a_server_raises_or_takes_long(text: str) -> None:
    began = time.thread_time()
    pattern = compile_ecma(text)
    if pattern is not None:
        pattern.search("ab19é" * 20)
    assert is_allowed(time.thread_time() - began, 0.05)


def test_no_text_makes_an_expression_take_long() -> None:
    for expression in ("^(a+)+$", "(a|aa)+$", "(x+x+)+y", r"^(\w+\s?)*$", "(a*)*b"):
        pattern = compile_ecma(expression)
        assert pattern is not None
        began = time.thread_time()
        assert not pattern.search("a" * 50_000 + "!") or expression == "(x+x+)+y"
        assert is_allowed(time.thread_time() - began, 0.05)
    with pytest.raises(TextTooLongError):
        compile_python("(?s).*a.{50}b.*", strict=False).fullmatch("a" * 1_000_000)


def test_a_lone_surrogate_in_a_text_neither_matches_nor_raises() -> None:
    pattern = compile_ecma("^a$")
    assert pattern is not None
    assert not pattern.search("\ud800")
