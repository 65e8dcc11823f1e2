"""Standing grants for resources."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bot.agent.authorization import CallAuthorizer
from bot.core import resource_tools
from bot.core.calls import Call, CallState
from bot.core.json_text import canonical
from bot.core.questions import scope
from bot.core.questions.grant import Grant

pytestmark = pytest.mark.anyio
TOOL = resource_tools.TOOLS[1]


def call(server: str) -> Call:
    arguments = canonical({"server": server, "uri": "note://a"})
    return Call(
        *(0, 0, 0, "c", TOOL.name, TOOL.server, TOOL.remote_name, arguments, TOOL.digest),
        repeatable=False,
        state=CallState.AWAITING,
    )


@pytest.mark.parametrize(
    ("kind", "value", "server", "covered"),
    [
        (scope.SAME, call("notes").arguments, "notes", True),
        (scope.SAME, call("notes").arguments, "other", False),
        (scope.ANY, "", "notes", False),
        (scope.TARGET, "{}", "notes", False),
    ],
)
async def test_a_grant_for_a_resource_covers_only_the_same_call(
    kind: str, value: str, server: str, covered: bool
) -> None:
    grant = Grant(1, "U1", 0, "", TOOL.name, TOOL.server, TOOL.remote_name, TOOL.digest, kind, value, 0.0, 1.0)
    covers = cast("Any", CallAuthorizer)._covers  # pyright: ignore[reportPrivateUsage]
    assert await covers(cast("Any", None), grant, call(server), TOOL) is covered
