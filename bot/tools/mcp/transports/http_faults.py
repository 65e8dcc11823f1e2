"""What an HTTP response, or its absence, says about a request: whether the server took it, and what people read."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

import httpx2
from mcp_types import CONNECTION_CLOSED, METHOD_NOT_FOUND, JSONRPCError, JSONRPCMessage

from bot.tools.text import line

NOT_TAKEN: Final = frozenset({401, 403, 404, 405, 406, 407, 410, 411, 413, 414, 415, 417, 421, 426, 429, 431})
"""Statuses with which a server, or what is in front of it, refuses a request unread (RFC 9110, section 15.5; RFC 6585).
The call has certainly not run."""
UNDECIDED: Final = frozenset({408, 409, 423, 424, 425, 499})
"""Client errors that do not say whether anything was done."""
GONE_CODES: Final = frozenset({-32000, -32001, -32600})
"""The codes with which servers say that they do not know a session; the specification leaves this open."""

_WORDS: Final = {
    401: "did not accept the bot's credentials",
    403: "does not allow the bot to do this",
    404: "is not at its address",
    405: "is not at its address",
    407: "cannot be reached, because a proxy wants credentials",
    413: "does not take requests of this size",
    429: "takes no more requests for now",
    502: "cannot be reached by what is in front of it",
    503: "is not available",
    504: "did not answer what is in front of it",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request has no answer."""

    words: str
    """Completes "The tool server … .": `cannot be reached (connection refused)`. Nothing of what the server wrote."""
    taken: bool = True
    """Whether the server may have taken the request. If so, what came of it is unknown."""
    unreachable: bool = False
    """No connection to the server could be made."""
    session_gone: bool = False
    """The server has forgotten the session, so every other request in it would fail as well."""
    refused: bool = False
    """The server has answered that it does not carry out the request: it counts as answered."""


SESSION_GONE: Final = Fault("has forgotten the session", taken=False, session_gone=True)


def of_status(status: int) -> Fault:
    """Return the fault of a response with an error status and without a message in it."""
    words = _WORDS.get(status, "failed" if status >= 500 else "refused the request")
    refused = 400 <= status < 500 and status not in NOT_TAKEN | UNDECIDED
    return Fault(f"{words} (HTTP {status})", taken=status not in NOT_TAKEN, refused=refused)


DENIED: Final = (of_status(401), of_status(403))
"""Why a server does not talk to us at all, whatever it says to the requests that follow."""


def of_redirect(status: int) -> Fault:
    """Return the fault of a redirect that is not followed: to another origin, which must not get the credentials, or
    with another method, which would lose the message."""
    return Fault(f"redirects to another address, which is not followed (HTTP {status})", taken=status == 303)


def of_error(problem: Exception) -> Fault:
    """Return the fault of an exception of the HTTP client. Whether the request was taken is known otherwise: by how
    much of it was written."""
    match problem:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return Fault("cannot be reached (it does not answer)", unreachable=True)
        case httpx2.ConnectError():
            return Fault(f"cannot be reached ({_reason(problem)})", unreachable=True)
        case httpx2.ProxyError():
            return Fault("cannot be reached (the proxy refuses to connect)", unreachable=True)
        case httpx2.TimeoutException():
            return Fault("did not answer in time")
        case httpx2.RemoteProtocolError() | httpx2.DecodingError():
            return Fault("broke the connection off before it answered")
        case _:
            return Fault("went away before it answered")


def refusal(problem: BaseException, fault: Fault | None) -> str | None:
    """Return why a server could not be used, if it was a fault of HTTP; None otherwise. In: what was raised, and the
    newest fault of the connection."""
    if isinstance(problem, httpx2.InvalidURL | UnicodeError):
        return "its address is not valid"
    answered = getattr(problem, "code", CONNECTION_CLOSED) not in (CONNECTION_CLOSED, METHOD_NOT_FOUND)
    return None if fault is None or (answered and fault not in DENIED) else f"it {fault.words}"


def is_gone(status: int, reply: JSONRPCMessage | None) -> bool:
    """Return whether an error says that the server does not know the session: 404 by the specification, and 400 with a
    message about it by the SDK's examples, which many servers are made from."""
    if not isinstance(reply, JSONRPCError):
        return status == 404
    if reply.error.code not in GONE_CODES or status not in (400, 404):
        return False
    return status == 404 or "session" in reply.error.message.lower()


def _reason(problem: BaseException) -> str:
    """Return why no connection could be made, from the system's error behind that of the HTTP client."""
    cause: BaseException | None = problem
    for _ in range(8):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {line(cause.verify_message or 'unknown reason', 100)}"
            case ssl.SSLError():
                return "no encrypted connection could be made"
            case ConnectionRefusedError():
                return "connection refused"
            case OSError() if cause.strerror:
                return line(cause.strerror, 100)
            case None:
                break
            case _:
                cause = cause.__cause__ or cause.__context__
    return "no connection"
