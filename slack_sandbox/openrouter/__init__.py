"""A model server on loopback that speaks OpenRouter's API: as strict as the original, and as unreliable when asked.

`ModelSandbox` is the server; the functions beside it write the answers that it gives.
"""

from slack_sandbox.openrouter.request import ChatRequest, PrefixBreak
from slack_sandbox.openrouter.script import Answer, Call, Completion, Failure, call, calls, empty, failure, text
from slack_sandbox.openrouter.server import ModelSandbox

__all__ = [
    "Answer",
    "Call",
    "ChatRequest",
    "Completion",
    "Failure",
    "ModelSandbox",
    "PrefixBreak",
    "call",
    "calls",
    "empty",
    "failure",
    "text",
]
