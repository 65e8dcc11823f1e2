"""The official conformance suite of MCP: what a revision requires of a client, the bot's client does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mcp.client.session
import pytest

from tests.conformance import host, suite

WAITING = {
    "sep-2322-client-request-state": "elicitation",
    "elicitation-sep1034-client-defaults": "elicitation",
}
"""What required scenarios need that the bot does not have yet. An entry that passes must be removed."""
SIGN_IN = "auth/"
"""How the names of the scenarios begin that need a sign-in with OAuth."""

pytestmark = pytest.mark.anyio


@pytest.mark.skipif(bool(suite.missing()) and "CONFORMANCE_REQUIRED" not in os.environ, reason=suite.missing())
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_the_client_does_what_a_revision_requires(
    revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not suite.missing()
    # On a busy machine forty servers at once may take longer to answer than the SDK's ten seconds.
    monkeypatch.setattr(mcp.client.session, "DISCOVER_TIMEOUT_SECONDS", suite.SECONDS)

    def waits(scenario: str) -> bool:
        return scenario in WAITING or scenario.startswith(SIGN_IN)

    outcome = await suite.run(revision, tmp_path, waits)

    assert {name: words for name, words in outcome.failed.items() if not waits(name)} == {}
    assert {name for name in outcome.passed if waits(name)} == set(), "these pass now"
    assert {name for name in outcome.passed if outcome.codes[name]} == set()


def test_the_host_is_a_program_that_says_why_a_server_cannot_be_used() -> None:
    done = subprocess.run(
        [sys.executable, host.__file__, "http://127.0.0.1:1/mcp"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "cannot be reached (connection refused)" in done.stderr
