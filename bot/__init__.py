"""A chat agent for Slack: threads as conversations, MCP tools, approvals with buttons."""

__version__ = "0.1.0"
