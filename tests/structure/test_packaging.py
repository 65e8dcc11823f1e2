"""What pyproject.toml promises: every import is declared, the base install has no parser, private parts are bounded."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.cli import main
from tests import sources

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME = re.compile(r"[A-Za-z0-9._-]+")


def distribution(requirement: str) -> str:
    """The normalized name of a distribution that a requirement is about."""
    found = NAME.match(requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


BASE = {distribution(each): each for each in PROJECT["dependencies"]}
TRY = {distribution(each): each for each in PROJECT["optional-dependencies"]["try"]}


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Where what is imported: a file's path below the checkout, and the first part of a module's name."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in sources.nodes(path):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from ((path.relative_to(ROOT).as_posix(), name.partition(".")[0]) for name in names)


def test_every_library_that_is_imported_is_declared_and_every_declared_one_is_imported() -> None:
    found = {name for package in ("bot", "slack_sandbox") for _, name in imports(package)}
    libraries = found - set(sys.stdlib_module_names) - {"bot", "slack_sandbox"}
    known = packages_distributions()
    assert {distribution(known[name][0]) for name in libraries} == set(BASE) | set(TRY)


def test_only_the_offline_model_and_the_trial_need_the_extra() -> None:
    assert set(TRY) == {"lark"}
    assert not set(TRY) & set(BASE)
    assert {path for path, name in imports("slack_sandbox") if name == "lark"} == {"slack_sandbox/offline/grammar.py"}
    assert {path for path, name in imports("bot") if name in ("lark", "slack_sandbox")} == {"bot/commands/try_.py"}


@pytest.mark.parametrize("library", ["aiosqlite", "openai"])
def test_a_library_whose_private_parts_are_used_has_an_upper_bound(library: str) -> None:
    assert ",<" in BASE[library]


def test_without_the_extra_try_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "lark", None)  # as if it were not installed
    assert main(["try", "--no-open"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "try: it needs the package lark, which is not installed. Run `pip install 'slack-mcp-agent[try]'`, "
        "or in a checkout `make try`.\n"
    )


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"slack-mcp-agent {bot.__version__}\n"


def test_both_packages_tell_type_checkers_that_they_are_typed() -> None:
    assert [(ROOT / package / "py.typed").is_file() for package in ("bot", "slack_sandbox")] == [True, True]
