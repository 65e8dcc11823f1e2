"""The pages that people read first: short, with links that lead somewhere, and examples that the bot accepts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.config import bot_toml, mcp_entry, mcp_json, settings
from bot.core.limits import Limits
from tests.pages import PAGES, ROOT, blocks

MAX_WORDS = 700
MAX_LINK_LENGTH = 2_048
"""Characters that every browser, proxy and server takes in an address; what is in use today takes far more."""
FORM = "https://api.slack.com/apps"
NEEDS_MORE = {
    # A network, a Slack workspace with tokens, or a terminal that somebody sits at.
    "README.md": {
        "git clone <this repository> slack-mcp-agent",
        "cd slack-mcp-agent",
        "make try",
        "cp .env.example .env",
        "make run",
    },
    "CONTRIBUTING.md": {"make check", "make test ARGS='tests/unit -k policy'"},
    "docs/operations.md": {
        "make run",
        ".venv/bin/python -m bot",
        ".venv/bin/python -m bot mcp tracker",
        ".venv/bin/python -m bot mcp https://tracker.example.com/mcp --json",
        ".venv/bin/python -m bot mcp -- npx -y @modelcontextprotocol/server-everything",
        "git pull",
    },
    "docs/policy.md": {"make try ARGS='--bot-config bot.toml'"},
    "docs/bench.md": {"make test ARGS='tests/browser/test_height.py -s'"},
    "docs/try.md": {"make try ARGS='--folder ../trial'"},
}


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def links(page: str) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL))


def anchors(page: str) -> set[str]:
    """The headings, as GitHub names them."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_the_readme_is_short() -> None:
    assert len(text("README.md").split()) <= MAX_WORDS


def test_the_link_to_slack_carries_the_manifest_as_it_is() -> None:
    [link] = [each for each in links("README.md") if each.startswith(f"{FORM}?")]
    query = parse_qs(urlsplit(link).query, strict_parsing=True)
    assert query == {"new_app": ["1"], "manifest_yaml": [text("manifest.yml")]}
    assert len(link) <= MAX_LINK_LENGTH
    # A bracket would end the link in Markdown, and a space or a quotation mark the address.
    assert re.fullmatch(r"[\w.~%/:?=&-]+", link)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_are_there(page: str) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(str(target.resolve().relative_to(ROOT))), link


def test_the_files_that_the_architecture_names_are_there() -> None:
    named = set(re.findall(r"[\w./]+\.py\b", text("docs/architecture.md")))
    assert len(named) > 50
    ours = [path.relative_to(ROOT) for top in ("bot", "slack_sandbox", "tests") for path in ROOT.glob(f"{top}/**/*.py")]
    files = {each.as_posix() for each in ours}
    # Of a file beside one that is named in full, the page gives the name alone.
    known = files | {name.removeprefix("bot/") for name in files} | {each.name for each in ours}
    assert named - known == set()


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(links("README.md"))
    named = {page for page in PAGES if page.startswith("docs/") and page.count("/") == 1}
    assert named - linked == set()


@pytest.mark.parametrize("page", PAGES)
def test_shell_commands_are_run_by_the_tests_or_are_listed_here(page: str) -> None:
    listed: set[str] = set()
    for language, marks, body in blocks(page):
        if language in ("sh", "bash", "shell", "console"):
            assert (language, marks) in (("sh", "run"), ("sh", "slack"), ("sh", "slow")), body
            listed |= set(body.strip().splitlines()) if marks == "slack" else set()
    assert listed == NEEDS_MORE.get(page, set())


def test_commands_that_take_minutes_name_scripts_and_options_that_there_are() -> None:
    """What they do is tried, with small figures, by tests/bench."""
    commands = [
        line for page in PAGES for _, marks, body in blocks(page) if marks == "slow" for line in body.splitlines()
    ]
    assert len(commands) > 5
    shared = "".join(path.read_text("utf-8") for path in ROOT.glob("bench/common*.py"))
    for command in commands:
        program, script, *words = command.partition("#")[0].split()
        assert program == ".venv/bin/python"
        source = (ROOT / script).read_text("utf-8") + shared
        for word in words:
            assert not word.startswith("--") or f'"{word}"' in source, command


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_configuration_are_accepted(page: str, tmp_path: Path) -> None:
    for language, _, body in blocks(page):
        if language == "toml" and "steps" not in tomllib.loads(body):  # else it is a scenario
            (tmp_path / "bot.toml").write_text(body)
            bot_toml.load(tmp_path / "bot.toml")
        if language == "json":
            (tmp_path / "mcp.json").write_text(body)
            assert mcp_json.load(tmp_path / "mcp.json", None, {}).servers


AGENT = ("prompt", "channels.C….prompt", "instructions", "privacy", "answer_missed_minutes")


def test_every_setting_is_explained() -> None:
    page, policy = text("docs/settings.md"), text("docs/policy.md")
    for name in (*settings.NAMES, *(each.name for each in fields(Limits)), *AGENT, "redact"):
        assert f"| `{name}` |" in page, name
    for name in mcp_entry.SERVER_KEYS:
        assert f"`{name}`" in page, name
    for name in ("approvers", "needed", "no_self", "grants", "remind_hours", "undo_minutes", "grant_days"):
        assert f"`{name}`" in policy, name


def test_the_defaults_of_the_limits_are_told_as_they_are() -> None:
    page = text("docs/settings.md")
    for each in fields(Limits):
        if each.name == "pollers":
            assert (Limits().pollers, "| `pollers` | none |" in page) == ((), True)
            continue
        assert f"| `{each.name}` | `{getattr(Limits(), each.name):g}` |" in page, each.name
    assert f"| `timeout` | `{mcp_entry.CALL_SECONDS:g}` |" in page
    assert f"| `OPENROUTER_MODEL` | `{settings.DEFAULT_MODEL}` |" in page


def test_the_license_is_the_one_that_the_package_names() -> None:
    assert tomllib.loads(text("pyproject.toml"))["project"]["license"] == "MIT"
    assert text("LICENSE").startswith("MIT License\n")
