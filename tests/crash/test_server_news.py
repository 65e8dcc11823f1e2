"""What operators and threads are told about tool servers is told once, whenever the process is killed."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.crash.points import NEWS
from tests.crash.test_crashes import stage

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_changed_tools_and_a_server_that_is_back_are_told_once(tmp_path: Path) -> None:
    async with stage(tmp_path, "safe", "") as here:
        here.model.respond = lambda request: text("It is 42.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
        await here.reply(ts, "It is 42.")
        seen = "SELECT count(*) FROM seen_tools"
        await here.until(lambda: here.bot.rows(seen) != [(0,)], what="the tools", poll=0.02)
        await here.quiet()
        await here.bot.stop()
        (here.bot.home / "bot.toml").write_text(f'[agent]\noperators = ["{here.alice.id}"]\n')
        with closing(sqlite3.connect(here.bot.database)) as connection, connection:
            connection.execute("UPDATE seen_tools SET digest = 'another' WHERE tool = 'filesystem__write_file'")
            connection.execute("INSERT INTO server_waits (server, thread_id) SELECT 'filesystem', id FROM threads")
        for point in [*NEWS, "after post notice#1"]:
            await here.bot.start(CRASH_AT=point)
            assert await here.bot.ended() == -signal.SIGKILL
        await here.bot.start(CRASH_AT="")
        await here.ready()
        await here.reply(ts, "The tools of `filesystem` are back.")
        room = here.slack.open_dm(here.alice)
        await here.until(lambda: room.messages, what="the direct message")
        await here.quiet()
        [told] = room.messages.values()
        assert "has 1 changed tool: `filesystem__write_file`." in told.plain
        assert sum("are back" in reply.plain for reply in here.replies(ts)) == 1
        assert here.bot.rows("SELECT count(*) FROM server_waits") == [(0,)]
