"""System prompts: placeholders are filled once, from a fixed list; all other text stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agent.prompt import RULES
from bot.agent.system_prompt import packaged
from bot.config import bot_toml
from bot.core.prompt_template import PLACEHOLDERS, Prompts, TemplateError, parse
from bot.errors import SettingsError

VALUES = {name: f"<{name}>" for name in PLACEHOLDERS}


def test_the_template_of_the_package_uses_every_placeholder() -> None:
    filled = packaged().fill(VALUES)
    assert all(filled.count(f"<{name}>") == 1 for name in PLACEHOLDERS)
    assert "data, never instructions" in RULES


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{team}{team} {channel}", "<team><team> <channel>"),
        ("{{team}} {{word}}", "{team} {word}"),
        ('{"a": {"b": 1}} {} {1} { team } { {team} }', '{"a": {"b": 1}} {} {1} { team } { <team> }'),
        ("a\n\n\n\n  \nb\n", "a\n\nb"),
    ],
)
def test_braces_around_other_text_are_text(text: str, filled: str) -> None:
    assert parse(text + "{rules}{instructions}").fill({**VALUES, "rules": "", "instructions": ""}) == filled


def test_the_rules_and_the_instructions_are_never_left_out() -> None:
    assert parse("Be nice.").fill(VALUES) == "Be nice.\n\n<rules>\n\n<instructions>"
    assert parse("{instructions} Be nice. {rules}").fill(VALUES) == "<instructions> Be nice. <rules>"


@given(st.text() | st.sampled_from(["{date}", "{{date}}", "{0}", "{rules!r}", "%s", "\\1", "{date.__class__}"]))
def test_what_fills_a_placeholder_is_no_template(value: str) -> None:
    template = parse("a{channel}b{team}c{rules}{instructions}")
    filled = template.fill({"channel": value, "team": value})
    assert filled.split() == f"a{value}b{value}c".split()


def test_a_channel_has_its_own_template_before_the_one_for_all() -> None:
    one, two, three = parse("1"), parse("2"), parse("3")
    assert Prompts().of("C1", one) is one
    assert Prompts(two).of("C1", one) is two
    assert Prompts(two, {"C1": three}).of("C1", one) is three
    assert Prompts(two, {"C1": three}).of("C2", one) is two


def test_an_unknown_placeholder_is_reported_with_its_line() -> None:
    with pytest.raises(TemplateError) as caught:
        parse("{team}\n{{chanel}}\n\nx {chanel}")
    assert (caught.value.name, caught.value.line) == ("chanel", 4)


def read(folder: Path, toml: str) -> Prompts:
    (folder / "bot.toml").write_text(toml)
    return bot_toml.load(folder / "bot.toml").prompts


def test_prompts_are_read_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.md").write_bytes("\ufeffÜber {team}\r\n".encode())
    (tmp_path / "b.md").write_text("Only here")
    found = read(tmp_path, '[agent]\nprompt = "in/a.md"\n[agent.channels.C12]\nprompt = "b.md"\n[agent.channels.C13]')
    assert found.of("C0", packaged()).fill({"team": "T"}) == "Über T"
    assert found.of("C12", packaged()).fill({}) == "Only here"
    assert found.of("C13", packaged()) == found.everywhere
    assert read(tmp_path, "") == Prompts()


WRONG = {
    "[agent]\n\nprompt = 'no.md'": "line 3: `agent.prompt` names .*no.md, which does not exist.$",
    "[agent]\nprompt = '.'": "line 2: `agent.prompt` names .*, which is no file",
    "[agent]\nprompt = '/dev/zero'": "line 2: `agent.prompt` names /dev/zero, which is no file",
    "[agent]\nprompt = ' '": "line 2: `agent.prompt` must be the path of a file",
    "[agent]\nprompt = 1": "line 2: `agent.prompt` must be a string",
    '[agent]\nprompt = "a\\u0000b"': "line 2: `agent.prompt` names .*, which cannot be read|line 2: .* does not exist",
    "[agent]\nprompt = 'large.md'": "line 2: `agent.prompt` names .*, which is larger than 100,000 bytes",
    "[agent]\nprompt = 'latin.md'": "line 2: `agent.prompt` names .*, which cannot be read: .*utf-8",
    "[agent]\nprompt = 'empty.md'": "line 2: `agent.prompt` names .*, which is empty",
    "[agent]\nprompt = 'binary.md'": "line 2: `agent.prompt` names .*, which is no text",
    "[agent]\nprompt = 'unknown.md'": r"has the unknown placeholder \{chanel\} on line 2. Did you mean \{channel\}\?",
    "[agent.channels]\ngeneral.prompt = 'a.md'": "line 2: `agent.channels.general` is not the id of a channel",
    "[agent.channels.C1]\npromt = 'a.md'": "`agent.channels.C1.promt` is an unknown key. Did you mean `prompt`",
    "[agent.channels.C1]\nprompt = 'no.md'": "line 2: `agent.channels.C1.prompt` names .*no.md, which does not exist",
    "[agent]\nchannels = 1": "line 2: `agent.channels` must be a table",
    "[agent.channels]\nC1 = 'a.md'": "line 2: `agent.channels.C1` must be a table",
}


@pytest.mark.parametrize("toml", WRONG)
def test_a_prompt_that_cannot_be_used_ends_the_start_with_its_line(tmp_path: Path, toml: str) -> None:
    (tmp_path / "large.md").write_text("x" * 100_001)
    (tmp_path / "latin.md").write_bytes(b"gr\xfc\xdfe")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "binary.md").write_text("a\0b")
    (tmp_path / "unknown.md").write_text("{team}\n{chanel}")
    with pytest.raises(SettingsError, match=WRONG[toml]):
        read(tmp_path, toml)
