"""How much room a conversation takes in the side panel: the figures of docs/bench.md.

CONVERSATION_TURNS=10 measures as many turns as the documentation has figures for; by default there are two.
"""

from __future__ import annotations

import os

import pytest
from playwright.async_api import expect

from tests.browser.pages import BOT, Visitor
from tests.browser.trial import Trial

pytestmark = pytest.mark.anyio

TURNS = int(os.environ.get("CONVERSATION_TURNS", "2"))
"""Every other one ticks off a box, which has to be approved."""
BOXES = ("release notes", "version", "tag", "build signed", "announcement")
RELEASE = "\n".join(
    [
        *("# Release 2.4", "", "Owner: Alice. Planned for Thursday.", ""),
        *(f"- [ ] {box}" for box in BOXES),
        *("", "Roll back by setting the download link to 2.3 again.", ""),
    ]
)
PERSON, READ, APPROVED = 52, 156, 210
"""Pixels that a message of a person, an answer without the file that it repeats, and a turn with an approval may take.
"""
ROOM = """list => [...list.querySelectorAll("article")].map(each => {
  const file = each.querySelector("pre");
  return [each.matches(".grouped") || !!each.querySelector(".tag"), each.offsetHeight, file ? file.offsetHeight : 0];
})"""
PANEL = "list => [list.querySelector('.scroll').scrollHeight, list.querySelector('.scroll').clientHeight]"


async def test_a_conversation_takes_little_room(at: Visitor, running: Trial) -> None:
    path = running.file("height.md", RELEASE)
    await at.ask("read height.md")
    good = at.thread.get_by_role("button", name="Good answer")
    for number in range(1, TURNS + 1):
        await expect(good).to_have_count(number)
        if number == TURNS:
            break
        if number % 2:
            box = BOXES[number // 2 % len(BOXES)]
            await at.reply(f'@{BOT} tick off "{box}" in height.md')
            card = await at.asked()
            await at.press("Approve", card)
            await running.until(lambda box=box: f"[x] {box}" in path.read_text(), f"a tick at {box}")
            await expect(at.button("Undo", card)).to_have_count(1)
        else:
            await at.reply(f"@{BOT} read height.md")
    rows: list[tuple[bool, int, int]] = await at.thread.evaluate(ROOM)
    height, shown = await at.thread.evaluate(PANEL)
    people = [tall for bot, tall, _ in rows if not bot]
    reading = [tall - file for bot, tall, file in rows if bot and file]
    others = [tall for bot, tall, file in rows if bot and not file]
    print(
        f"{TURNS} turns: {len(rows) - len(people)} messages of the bot, {height / shown:.1f} screens of {shown} pixels;"
        f" of {height} pixels {sum(people)} are people's messages, {sum(file for *_, file in rows)} content of files"
    )
    approvals = TURNS // 2
    assert len(rows) - len(people) == TURNS + approvals
    assert max(people) <= PERSON
    assert max(reading[1:] or [0]) <= READ
    assert sum(others) <= approvals * APPROVED
