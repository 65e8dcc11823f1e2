"""The Web API methods, one module a family; importing this package registers them all."""

from slack_sandbox.methods import agents, auth, chat, conversations, files, reactions, streams, users, views
from slack_sandbox.methods.registry import METHODS, Args, Method, MethodContext

__all__ = [
    "METHODS",
    "Args",
    "Method",
    "MethodContext",
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
