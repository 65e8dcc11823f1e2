"""The sandbox's page: the local Slack in a browser, for people who try the bot and for tests that do so too."""

from slack_sandbox.page.server import Page

__all__ = ["Page"]
