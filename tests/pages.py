"""The pages of the documentation, and what is in fences on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(path.name for path in ROOT.glob("*.md")),
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
]
_FENCE = re.compile(r"^```([a-z]*) ?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """(language, what stands behind it, text) of each fenced block of a page."""
    for found in _FENCE.finditer((ROOT / page).read_text("utf-8")):
        yield found[1], found[2].strip(), found[3]
