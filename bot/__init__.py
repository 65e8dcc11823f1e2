"""A chat agent for Slack: threads as conversations, MCP tools, approvals with buttons."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 11, 3):
    from bot import timeouts

    timeouts.repair()
