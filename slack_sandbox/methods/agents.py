"""agents.sessions.* and the older assistant.threads.* methods.

Sources: docs.slack.dev/ai/agent-sessions and docs.slack.dev/reference/methods/assistant.threads.setStatus.
"""

import asyncio

from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, bot_in, method, need_scope
from slack_sandbox.model import Channel, Json

SESSION_STATUSES = ("processing", "active", "suspended", "closed")
TITLE_LIMIT = 200
PROMPT_LIMIT = 4
LOADING_LIMIT = 10


def set_session(slack: MethodContext, channel: Channel, thread_ts: str, status: str) -> Json:
    """Set the status of a session, created when it is new."""
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments", ["must be a valid enum value [json-pointer:/status]"])
    session = slack.workspace.sessions.setdefault((channel.id, thread_ts), {"title": ""})
    session["status"] = status
    return session


STATUS_LIFETIME = 120.0


def _is_agent(slack: MethodContext) -> None:
    """Only apps that are declared agents have sessions; that declaration adds the scope."""
    if "assistant:write" not in slack.scopes:
        raise ApiError("not_authorized")


def _place(slack: MethodContext, args: Args) -> tuple[Channel, str]:
    channel = slack.workspace.channel(args.required("channel_id", "channel_not_found"))
    bot_in(slack, channel)
    thread_ts = args.text("thread_ts")
    if thread_ts and thread_ts not in channel.messages:
        raise ApiError("thread_not_found")
    if not thread_ts and channel.kind != "im":
        raise ApiError("invalid_arguments", ["missing required field: thread_ts"])
    return channel, thread_ts


def _legacy_thread(slack: MethodContext, args: Args) -> tuple[Channel, str]:
    """The thread of an assistant.threads method, whose codes differ from those of the sessions."""
    channel = slack.workspace.channel(args.required("channel_id", "channel_not_found"))
    bot_in(slack, channel)
    thread_ts = args.required("thread_ts")
    if thread_ts not in channel.messages:
        raise ApiError("invalid_thread_ts")
    return channel, thread_ts


def _title(args: Args, *, required: bool) -> str:
    title = args.required("title") if required else args.text("title")
    if len(title) > TITLE_LIMIT:
        raise ApiError("invalid_arguments", [f"must be less than {TITLE_LIMIT + 1} characters [json-pointer:/title]"])
    return title


@method("agents.sessions.setStatus", "chat:write", tier=50)
def set_status(slack: MethodContext, args: Args) -> Json:
    """Move a session; without a subscription to agent_session_stopped Slack adds a warning and shows no Stop."""
    _is_agent(slack)
    channel, thread_ts = _place(slack, args)
    title = _title(args, required=False)
    initiator = args.text("initiator_user_id")
    if initiator and initiator not in channel.members:
        raise ApiError("invalid_arguments", ["must be a member of the channel [json-pointer:/initiator_user_id]"])
    if any(args.has(name) for name in ("icon_emoji", "icon_url", "username")):
        need_scope(slack, "chat:write.customize")
    known = (channel.id, thread_ts) in slack.workspace.sessions
    session = set_session(slack, channel, thread_ts, args.required("status"))
    if title and not known:  # "Only used when creating a new session; ignored if the session already exists"
        session["title"] = title
    answer = {"status": session["status"], "title": session["title"]}
    if "agent_session_stopped" not in slack.events.subscriptions:
        warning = "missing_agent_session_stopped_event_subscription"
        return {**answer, "warning": warning, "response_metadata": {"warnings": [warning]}}
    return answer


@method("agents.sessions.rename", "chat:write", tier=50)
def rename(slack: MethodContext, args: Args) -> Json:
    """Give a session another title."""
    _is_agent(slack)
    channel, thread_ts = _place(slack, args)
    title = _title(args, required=True)
    session = slack.workspace.sessions.get((channel.id, thread_ts))
    if session is None:
        raise ApiError("session_not_found")
    session["title"] = title
    return {"title": title}


@method("assistant.threads.setStatus", "assistant:write", "chat:write", tier=600)
def set_thread_status(slack: MethodContext, args: Args) -> Json:
    """Show a status under the thread; empty clears it. "A two minute timeout applies, which will cause the status to be
    removed if no message has been sent".
    """
    channel, thread_ts = _legacy_thread(slack, args)
    if "status" not in args.values:
        raise ApiError("invalid_arguments", ["missing required field: status"])
    loading = args.structure("loading_messages", "invalid_arguments") or []
    if not isinstance(loading, list) or not all(isinstance(line, str) for line in loading):
        raise ApiError("invalid_arguments", ["must provide an array of strings [json-pointer:/loading_messages]"])
    if len(loading) > LOADING_LIMIT:
        raise ApiError(
            "invalid_arguments", [f"no more than {LOADING_LIMIT} items allowed [json-pointer:/loading_messages]"]
        )
    status = {"status": args.text("status"), "loading_messages": loading}
    slack.workspace.statuses[(channel.id, thread_ts)] = status

    def expire() -> None:
        if slack.workspace.statuses.get((channel.id, thread_ts)) is status:
            del slack.workspace.statuses[(channel.id, thread_ts)]
            slack.touch()

    asyncio.get_running_loop().call_later(STATUS_LIFETIME, expire)
    return {}


@method("assistant.threads.setTitle", "assistant:write", tier=100)
def set_thread_title(slack: MethodContext, args: Args) -> Json:
    """Name a thread of the app's messages tab."""
    channel, thread_ts = _legacy_thread(slack, args)
    slack.workspace.sessions.setdefault((channel.id, thread_ts), {"status": "active"})["title"] = args.required("title")
    return {}


@method("assistant.threads.setSuggestedPrompts", "assistant:write", tier=100)
def set_suggested_prompts(slack: MethodContext, args: Args) -> Json:
    """Offer prompts in a direct message. With `thread_ts` on an agent app the call succeeds and nothing is shown."""
    legacy = args.has("thread_ts")
    channel, thread_ts = _legacy_thread(slack, args) if legacy else _place(slack, args)
    prompts = args.structure("prompts", "invalid_arguments")
    if not isinstance(prompts, list) or not prompts:
        raise ApiError("invalid_arguments", ["missing required field: prompts"])
    if len(prompts) > PROMPT_LIMIT:
        raise ApiError("invalid_arguments", [f"no more than {PROMPT_LIMIT} items allowed [json-pointer:/prompts]"])
    for index, prompt in enumerate(prompts):
        if not isinstance(prompt, dict) or not prompt.get("title") or not prompt.get("message"):
            raise ApiError("invalid_arguments", [f"must define title and message [json-pointer:/prompts/{index}]"])
    if not thread_ts:
        slack.workspace.prompts[channel.id] = {"title": args.text("title"), "prompts": prompts}
    return {}
