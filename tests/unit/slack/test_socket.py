"""What Slack's socket does when it is gone."""

from __future__ import annotations

import asyncio
import logging

import pytest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.slack import app as slack_app
from bot.slack.socket import Socket
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio


async def test_an_ack_that_comes_after_the_connection_has_closed_is_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with SlackSandbox() as slack:
        these = slack_app.clients(slack.api_url, slack.bot_token, slack.app_token)
        identity, url = await slack_app.preflight(these)
        socket = Socket(slack_app.bolt(these, lambda app: None), these, {}, identity)
        await socket.open(url)
        await socket.stop_intake()
        client = socket.client
        await asyncio.wait_for(client.send_socket_mode_response(SocketModeResponse(envelope_id="E1")), 5)
        await socket.close()
        await these.session.close()
    assert "Slack will deliver it again" in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
