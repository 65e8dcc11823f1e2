"""A store is added from outside: it passes the contract, and a bot that is told of it by DATABASE_URL runs on it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from bot import cli
from bot.core.ports.store import AuditLog, Store
from bot.errors import SettingsError
from bot.store.registry import STORES, open_store, register
from slack_sandbox.openrouter import call, calls, text
from tests.contract.backend import audited
from tests.contract.suite import StoreContract
from tests.extending.memory.audit_log import MemoryAuditLog
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk
from tests.inprocess.world import BotInside, inside
from tests.lives import waiting_for_a_person

pytestmark = pytest.mark.anyio


class MemoryBackend:
    """Tables in memory."""

    def __init__(self) -> None:
        self.disk = Disk()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Store]:
        yield MemoryStore(self.disk)

    @contextmanager
    def audit(self) -> Generator[AuditLog]:
        yield MemoryAuditLog(self.disk)


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
async def store(backend: MemoryBackend) -> AsyncGenerator[Store]:
    async with backend.open() as store:
        yield store


@pytest.fixture
def registered(backend: MemoryBackend) -> Iterator[None]:
    register("memory", lambda url, redact: backend.open(), lambda url: backend.audit())
    yield
    del STORES["memory"]


class TestMemory(StoreContract):
    """The suite."""


@pytest.mark.inside
@pytest.mark.usefixtures("registered")
async def test_the_bot_makes_an_approved_call_on_it_and_goes_on_after_a_restart(
    tmp_path: Path, backend: MemoryBackend
) -> None:
    async with inside(tmp_path, start=False, DATABASE_URL="memory:///here") as here:
        bot = cast(BotInside, here.bot)
        bot.store_of = open_store
        await bot.start()
        target = here.workspace / "a.txt"
        write = call("filesystem__write_file", {"path": str(target), "content": "hello"})
        here.model.script(calls(write), text("Written."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        card = await here.reply(ts, "Waiting for you")
        await here.until(lambda: bot.idle, what="nothing left to do")
        await bot.stop()
        await bot.start()
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(ts, "Written.")
        await here.until(lambda: bot.idle, what="nothing left to do")
        assert target.read_text() == "hello"
        assert not (tmp_path / "bot.db").exists()
        kinds = [kind for kind, _ in audited(backend)]
        assert kinds == ["requested", "voted", "decided", "started", "finished"]


@pytest.mark.usefixtures("registered")
async def test_the_audit_command_reads_and_verifies_it(
    backend: MemoryBackend, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "memory:///here")
    assert cli.main(["audit"]) == 0
    assert "No records." in capsys.readouterr().err
    life, [approval] = await waiting_for_a_person(store)
    await life.settle(approval)
    *_, last = backend.disk.tables.audit.values()
    assert cli.main(["audit", "--since", "1h"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == ["requested", "voted", "decided"]
    assert cli.main(["audit", "--json", "--thread", "1.000001"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["audit", "verify", "--head", last.hash]) == 0
    assert f"head {last.hash}: nothing was changed" in capsys.readouterr().out
    backend.disk.tables.audit[2] = replace(last, seq=2)
    assert cli.main(["audit", "verify"]) == 1
    assert "Record 2 was written as record 3" in capsys.readouterr().out


async def test_a_url_of_which_no_store_is_registered_is_refused_in_plain_words() -> None:
    with pytest.raises(SettingsError, match="is not a database that this version can use"):
        async with open_store("nowhere://here"):
            pass
