"""The official conformance suite of MCP: what a revision requires of a client, the bot's client does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mcp.client.session
import pytest

from tests.conformance import host, suite

NOBODY_SIGNS_IN = {
    "auth/iss-normalized",
    "auth/iss-supported-missing",
    "auth/iss-unexpected",
    "auth/iss-wrong-issuer",
    "auth/metadata-issuer-mismatch",
    "auth/resource-mismatch",
    "auth/scope-retry-limit",
}
"""The scenarios in which the server must not be used in the end."""

pytestmark = pytest.mark.anyio


@pytest.mark.skipif(bool(suite.missing()) and "CONFORMANCE_REQUIRED" not in os.environ, reason=suite.missing())
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
async def test_the_client_does_what_a_revision_requires(
    revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not suite.missing()
    # On a busy machine forty servers at once may take longer to answer than the SDK's ten seconds.
    monkeypatch.setattr(mcp.client.session, "DISCOVER_TIMEOUT_SECONDS", suite.SECONDS)

    outcome = await suite.run(revision, tmp_path)

    assert outcome.failed == {}
    assert {name for name in outcome.required if outcome.codes[name]} == NOBODY_SIGNS_IN & set(outcome.required)


def test_the_host_is_a_program_that_says_why_a_server_cannot_be_used() -> None:
    done = subprocess.run(
        [sys.executable, host.__file__, "http://127.0.0.1:1/mcp"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "cannot be reached (connection refused)" in done.stderr
