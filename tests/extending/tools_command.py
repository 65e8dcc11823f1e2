"""A slash command that the bot does not have: `/tools` says which tools there are, to whoever asks."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.approval_handler import ApprovalHandler

COMMAND = "/tools"


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to the command."""

    async def on_command(ack: AsyncAck) -> None:
        names = ", ".join(f"`{tool.name}`" for tool in handler.toolset.tools())
        await ack(f"My tools: {names}." if names else "I have no tools at the moment.")

    app.command(COMMAND)(on_command)
