"""Names the durable boundaries at which tests kill a process, and lists those that have tests of their own."""

from __future__ import annotations

from collections.abc import Iterable


def around(*effects: str) -> list[str]:
    """Before and after each of them; the first time when no number is given."""
    numbered = [effect if "#" in effect else f"{effect}#1" for effect in effects]
    return [f"{side} {effect}" for effect in numbered for side in ("before", "after")]


def commits(*names: str) -> list[str]:
    return around(*(f"commit: {name}" for name in names))


def names(points: Iterable[str]) -> set[str]:
    """Without the number: which time it was."""
    return {point.partition("#")[0] for point in points}


GONE = [*commits("close_thread"), *around("remove turn")]
"""When the thread is gone: test_gone.py."""
RATED = commits("rate", "explain")
"""When somebody says what they think of an answer: test_rated.py."""
STREAMED = [*commits("lost"), *around("start stream", "append stream", "stop stream")]
"""Of a message that is streamed: test_streams.py, in process."""
ASKING, WRITING = (
    [point.partition("#")[0] for point in commits(name)] for name in ("ask for input", "answer in writing")
)
"""Of questions whose answer a call waits for: test_input.py, in process."""
TASKS = [*commits("keep the task")]
"""Of a call of which its server made a task: test_server_tasks.py, in process."""
SESSIONS = [*around("session status"), *commits("session_shown", "stop_in")]
"""Of what Slack shows of a session: test_sessions.py."""


SPENDING = ["after commit: begin_request#1", *commits("cut_off", "settle_request")]
"""Of the ledger of costs: test_spending.py."""
BEGINNING = "before commit: begin_request#1"
"""Killed here, a request counts as nothing."""
NEWS = commits("see_tools", "server_back")
"""Of what is told about tool servers: test_server_news.py."""
PROMPTED = [point.partition("#")[0] for point in (*commits("ask"), *around("post beginning"))]
"""Of a prompt of a server that somebody uses: test_prompts.py, in process."""
OPENING = commits("open the turn")
"""When files of a request are read: test_files.py."""
WAITING_FOR_MORE = commits("wait for more budget")
"""When a budget is used up: test_spending.py."""
SIGNING_IN = [
    point.partition("#")[0]
    for point in [
        *around("register a client"),
        *commits("keep_oauth_client", "ask to sign in", "receive_code"),
        *around("exchange a code"),
        *commits("renew_sign_in", "finish_sign_in", "keep_tools"),
        *around("refresh a token"),
        *commits("refreshed"),
    ]
]
SIGNING_OUT = [
    point.partition("#")[0]
    for point in [*commits("end_sign_in"), *around("revoke a token"), *commits("forget_sign_in")]
]
"""Of signing in to a server: test_sign_in.py, in process."""
STOPPED, FAILED = commits("count what was cut off"), commits("count what has failed")
REFUSED = commits("leave out refused files")
"""Of requests that were stopped, that failed, or whose files were refused: test_spending.py."""
ELSEWHERE = (
    *(*GONE, *RATED, *STREAMED, *ASKING, *WRITING, *TASKS, *SESSIONS, *SPENDING, BEGINNING, *NEWS, *PROMPTED),
    *(*OPENING, *WAITING_FOR_MORE, *SIGNING_IN, *SIGNING_OUT, *STOPPED, *FAILED, *REFUSED),
)
"""All of these."""
