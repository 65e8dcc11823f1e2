"""What axe-core has to say about a page, and whether everything has room on it."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe

from tests.browser.pages import Visitor

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 400, "height": 800}
GRAVE = ("serious", "critical")
AXE = Axe().axe_script


async def fits(at: Visitor) -> None:
    """Nothing is wider than the page."""
    too_wide = "document.scrollingElement.scrollWidth - innerWidth"
    assert await at.page.evaluate(too_wide) <= 0, "the page scrolls sideways"


async def sound(at: Visitor, scene: str) -> None:
    """What is shown now has no serious fault, and needs no more room than there is."""
    await fits(at)
    if not await at.page.evaluate("'axe' in window"):
        await at.page.evaluate(AXE)
    found = await at.page.evaluate("axe.run({resultTypes: ['violations']}).then(all => all.violations)")
    grave = [
        f"{scene}: {violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
        f" {node['failureSummary'][:300]}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"][:3]
    ]
    assert grave == []
