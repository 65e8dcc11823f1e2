"""The Web API methods, one module a family; importing this package registers them all."""

from bot.sandbox.methods import agents, auth, chat, conversations, files, reactions, streams, users, views
from bot.sandbox.methods.registry import METHODS, Args, Method, Slack

__all__ = [
    "METHODS",
    "Args",
    "Method",
    "Slack",
    "agents",
    "auth",
    "chat",
    "conversations",
    "files",
    "reactions",
    "streams",
    "users",
    "views",
]
