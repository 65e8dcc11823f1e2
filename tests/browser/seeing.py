"""What axe-core has to say about a page, and whether everything has room on it."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, expect

from tests.browser.pages import Visitor

Theme = Literal["light", "dark"]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 400, "height": 800}
GRAVE = ("serious", "critical")
AXE = Axe().axe_script
COLOURED = ("color-contrast", "link-in-text-block")
"""The rules that look at colours. They take longer than all the others."""
COLOURS, OTHERS = {"runOnly": COLOURED}, {"rules": {rule: {"enabled": False} for rule in COLOURED}}
COMMON = {"resultTypes": ["violations"], "selectors": False, "preload": False}
RUN = "(part, options) => axe.run(part, options).then(all => all.violations)"


async def fits(at: Visitor) -> None:
    """Nothing is wider than the page."""
    too_wide = "document.scrollingElement.scrollWidth - innerWidth"
    assert await at.page.evaluate(too_wide) <= 0, "the page scrolls sideways"


async def sound(at: Visitor, scene: str, fresh: Locator | None = None, *, colours: bool = True) -> None:
    """What is shown now has no serious fault, light or dark, and needs no more room than there is.

    In: the part that no earlier scene had, when there is one: the rest has been looked at, which takes longer than all
    that leads to the scene. And whether its colours are looked at, in both themes.
    """
    await fits(at)
    if not await at.page.evaluate("'axe' in window"):
        await at.page.evaluate(AXE)
    whole = at.page.locator("html")
    part = whole if fresh is None else fresh
    looks: list[tuple[Theme, dict[str, Any]]] = [("light", OTHERS)]
    if colours:
        looks = [("light", {}), ("dark", COLOURS)]
    grave: list[str] = []
    for theme, rules in looks:
        await at.page.emulate_media(color_scheme=theme)
        await expect(whole).to_have_attribute("data-theme", theme)
        found = await part.evaluate(RUN, {**COMMON, **rules})
        grave += _grave(f"{scene}, {theme}", found)
    assert grave == [], "\n".join(grave)


def _grave(scene: str, violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{scene}: {violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
        f" {node['failureSummary'][:300]}"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"][:3]
    ]
