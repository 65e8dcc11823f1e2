"""The built page that is in the package: made of the sources beside it, whole, and without an address outside."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "slack_sandbox" / "page"
WEB = PAGE / "web"
STATIC = PAGE / "static"

ADDRESS = re.compile(r"""(?:https?|wss?):(?:\\?/){2}(?=[\w\[])[^\s"'`<>(){}\\|]+""", re.IGNORECASE)
LINKED = re.compile(r'(?:src|href)="([^"]*)"')
STYLED = re.compile(r"""url\(\s*["']?([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']""")

NAMED_ONLY = {
    "http://www.w3.org/": "names of XML namespaces, which nothing is loaded from",
    "https://react.dev/errors/": "the place that React's error messages point to",
    "https://github.com/syntax-tree/hast-util-to-jsx-runtime": "the same of the markdown renderer",
    "https://app.slack.com/block-kit-builder": "a link that slack-blocks-to-jsx can show, which the page does not use",
}
"""Addresses that are texts in the libraries, by how they begin, and why each is there."""


def digest() -> str:
    """What `records.js` writes into built.json: a SHA-256 over the names and the digests of all sources, sorted by
    name, without regard to line ends."""
    files = [*(path for path in WEB.iterdir() if path.is_file()), *(WEB / "src").rglob("*")]
    names = {path.relative_to(WEB).as_posix(): path for path in files if path.is_file()}
    whole = hashlib.sha256()
    for name in sorted(names):
        if not any(part.startswith(".") for part in name.split("/")):
            text = names[name].read_bytes().replace(b"\r\n", b"\n")
            whole.update(f"{hashlib.sha256(text).hexdigest()}  {name}\n".encode())
    return whole.hexdigest()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def links(path: Path) -> list[str]:
    """What a browser loads for a page or a style sheet."""
    text = path.read_text("utf-8")
    return [*LINKED.findall(text), *(url or other for url, other in STYLED.findall(text))]


def test_the_built_page_is_made_of_the_sources_as_they_are() -> None:
    built = json.loads((STATIC / "built.json").read_text("utf-8"))
    assert built["sources"] == digest(), "the page's sources have changed since it was built: run `make page`"


def test_everything_that_the_page_names_is_there() -> None:
    named: set[Path] = set()
    for path in (STATIC / "index.html", *STATIC.rglob("*.css")):
        named |= {path.parent / name for name in links(path) if not name.startswith("data:")}
    assert {path.suffix for path in named} >= {".js", ".css", ".woff2"}
    assert [str(path) for path in named if not path.is_file()] == []


def test_nothing_of_the_built_page_is_at_an_address_outside() -> None:
    for path in (path for path in STATIC.rglob("*") if path.suffix in {".html", ".css", ".js"}):
        text = path.read_text("utf-8")
        found = set(ADDRESS.findall(text))
        assert {address for address in found if not address.startswith(tuple(NAMED_ONLY))} == set(), path.name
        if path.suffix != ".js":
            assert [name for name in links(path) if name.startswith(("//", "http:", "https:"))] == [], path.name
        assert "sourceMappingURL=" not in text, path.name


def test_every_package_in_the_page_has_its_licence_beside_it() -> None:
    licences = (STATIC / "licences.txt").read_text("utf-8")
    packages = json.loads((WEB / "package.json").read_text("utf-8"))["dependencies"]
    for name, version in packages.items():
        assert f"\n{name} {version}: " in licences, name
    assert "see below" not in licences


def test_the_lock_file_names_versions_and_digests_but_no_registry() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    wanted = json.loads((WEB / "package.json").read_text("utf-8"))
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version, "versions are exact"


@pytest.mark.timeout(300)
def test_building_the_page_again_gives_the_same_bytes(tmp_path: Path) -> None:
    if not os.environ.get("CHECK_PAGE_BUILD"):
        pytest.skip("CHECK_PAGE_BUILD is not set: building takes npm, a package registry and half a minute")
    npm = shutil.which("npm")
    assert npm, "CHECK_PAGE_BUILD is set, but there is no npm"
    web = tmp_path / "web"
    shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules", ".*"))
    for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build"]):
        done = subprocess.run([npm, *command], cwd=web, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    built, kept = tree(tmp_path / "static"), tree(STATIC)
    assert sorted(built) == sorted(kept)
    assert [name for name in sorted(kept) if built[name] != kept[name]] == []
