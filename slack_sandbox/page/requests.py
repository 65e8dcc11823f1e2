"""What a page asks for, done as the person it acts as: `Requests` of `web/src/types.ts`.

Everything that a page sends is checked here before it reaches the sandbox. Raises ImpossibleAction with a sentence.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, File, Json, Message, Person, View
from slack_sandbox.page import membership
from slack_sandbox.page.controls import BotCommand, Controls, FaultSource
from slack_sandbox.page.facts import Watched
from slack_sandbox.page.read_state import ReadState
from slack_sandbox.page.request_fields import RequestFields
from slack_sandbox.page.traffic import Traffic
from slack_sandbox.page.visibility import actor, channel_for, joined, message_for, view_for
from slack_sandbox.slack import SlackSandbox

MAX_MESSAGE_CHARS = 40_000
"""Characters of a message (docs.slack.dev/changelog/2018-truncating-really-long-messages)."""
MAX_FILES = 10
MAX_SHOWN = 2000

UNANSWERED = (
    "The app did not answer within 3 seconds, so Slack shows a warning sign. The app may be busy, stopped or not "
    "connected; what was asked of it may still be done."
)


@dataclass(slots=True)
class Raw:
    """An answer that is JSON text already."""

    text: str


@dataclass(frozen=True, slots=True)
class PageSession:
    """What requests work on."""

    slack: SlackSandbox
    read_state: ReadState
    traffic: Traffic
    sources: list[FaultSource]
    controls: Controls | None


Handler = Callable[[PageSession, Person, RequestFields], Awaitable[Any]]
_HANDLERS: dict[str, Handler] = {}


async def serve(session: PageSession, fields: RequestFields, watched: Watched) -> Any:
    """Do one request; returns the value of its answer. `watch` changes `watched`."""
    wanted = fields.text("do")
    if wanted == "watch":
        return _watch(session, fields, watched)
    handler = _HANDLERS.get(wanted)
    if handler is None:
        raise ImpossibleAction(f"The sandbox knows no request {wanted[:40]!r}.")
    return await handler(session, actor(session.slack, fields.text("as")), fields)


def _watch(session: PageSession, fields: RequestFields, watched: Watched) -> None:
    person, channel, thread = fields.text("person"), fields.maybe("channel"), fields.maybe("thread")
    top_level, inspector = fields.count("earlier", 50), fields.flag("inspector")
    watched.person, watched.channel, watched.thread = person, channel, thread
    watched.top_level, watched.inspector = min(top_level or 50, MAX_SHOWN), inspector
    acting = actor(session.slack, person)
    if channel:
        channel_for(session.slack, acting, channel)


def _does(name: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _HANDLERS[name] = handler
        return handler

    return register


@_does("say")
async def _say(session: PageSession, person: Person, fields: RequestFields) -> str:
    channel = joined(session.slack, person, fields.text("channel"))
    thread_ts, text = fields.maybe("thread_ts") or None, fields.text("text", empty=True)
    files = [_file(session, person, file_id) for file_id in fields.texts("files")]
    if not text.strip() and not files:
        raise ImpossibleAction("There is nothing to send.")
    if len(text) > MAX_MESSAGE_CHARS:
        raise ImpossibleAction(f"A message may have {MAX_MESSAGE_CHARS:,} characters; this one has {len(text):,}.")
    if len(files) > MAX_FILES:
        raise ImpossibleAction(f"A message may have {MAX_FILES} files.")
    broadcast = "thread_broadcast" if thread_ts and fields.flag("broadcast") and not files else None
    return await session.slack.say(
        channel, person, text, thread_ts=thread_ts, files=files, subtype=broadcast, encoded=True
    )


def _file(session: PageSession, person: Person, file_id: str) -> File:
    file = session.slack.workspace.files.get(file_id)
    if file is None or file.user != person.id or file.shared:
        raise ImpossibleAction("The file is not there to be sent: attach it again.")
    return file


@_does("edit")
async def _edit(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel, text = joined(session.slack, person, fields.text("channel")), fields.text("text")
    if len(text) > MAX_MESSAGE_CHARS:
        raise ImpossibleAction(f"A message may have {MAX_MESSAGE_CHARS:,} characters; this one has {len(text):,}.")
    await session.slack.edit(channel, fields.text("ts"), person, text, encoded=True)


@_does("delete")
async def _delete(session: PageSession, person: Person, fields: RequestFields) -> None:
    await session.slack.delete(joined(session.slack, person, fields.text("channel")), fields.text("ts"), person)


@_does("react")
async def _react(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel = joined(session.slack, person, fields.text("channel"))
    await session.slack.react(channel, fields.text("ts"), person, membership.emoji(fields.text("name")))


def _target(session: PageSession, person: Person, fields: RequestFields) -> Message | View:
    if view_id := fields.maybe("view_id"):
        return view_for(session.slack, person, view_id)
    channel = joined(session.slack, person, fields.text("channel"))
    return message_for(session.slack, person, channel.id, fields.text("ts"))


@_does("act")
async def _act(session: PageSession, person: Person, fields: RequestFields) -> None:
    target = _target(session, person, fields)
    block, action, values = fields.text("block_id", empty=True), fields.text("action_id"), fields.values("values")
    ack = await session.slack.click(target, action, by=person, option=fields.get("value"), values=values, block=block)
    _acknowledged(ack)


@_does("submit")
async def _submit(session: PageSession, person: Person, fields: RequestFields) -> Json:
    slack, view = session.slack, view_for(session.slack, person, fields.text("view_id"))
    ack = _acknowledged(await slack.submit(person, view, fields.values("values")))
    if slack.rejected and slack.rejected[-1].args is ack and ack:
        raise ImpossibleAction(f"Slack cannot use the app's answer: {_reasons(slack.rejected[-1].response)}.")
    return {"closed": view not in slack.modals(person)}


def _reasons(response: Json) -> str:
    messages: list[str] = (response.get("response_metadata") or {}).get("messages") or []
    return "; ".join([str(response.get("error")), *(message.removeprefix("[ERROR] ") for message in messages)])


@_does("close")
async def _close(session: PageSession, person: Person, fields: RequestFields) -> None:
    await session.slack.close_modal(person, view_for(session.slack, person, fields.text("view_id")))


@_does("options")
async def _options(session: PageSession, person: Person, fields: RequestFields) -> Json:
    target, query = _target(session, person, fields), fields.text("query", empty=True)
    ack = _acknowledged(
        await session.slack.suggest(target, fields.text("action_id"), query, by=person, block=fields.text("block_id"))
    )
    return {"options": ack.get("options") or [], "option_groups": ack.get("option_groups") or []}


@_does("command")
async def _command(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel, command = joined(session.slack, person, fields.text("channel")), fields.text("command")
    if command not in session.slack.commands:
        raise ImpossibleAction(f"{command[:40]} is not a command of an app here.")
    ack = await session.slack.command(person, channel, command, fields.text("text", empty=True))
    if ack is None:
        raise ImpossibleAction(f"{command} failed because the app did not answer within 3 seconds (operation_timeout).")
    if session.slack.rejected and session.slack.rejected[-1].args is ack and ack:
        raise ImpossibleAction(f"Slack cannot use the app's answer: {_reasons(session.slack.rejected[-1].response)}.")


@_does("shortcut")
async def _shortcut(session: PageSession, person: Person, fields: RequestFields) -> None:
    message = None
    if ts := fields.maybe("ts"):
        channel = channel_for(session.slack, person, fields.text("channel"))
        message = message_for(session.slack, person, channel.id, ts)
    if await session.slack.shortcut(person, fields.text("callback_id"), message) is None:
        raise ImpossibleAction(UNANSWERED)


def _acknowledged(ack: Json | None) -> Json:
    if ack is None:
        raise ImpossibleAction(UNANSWERED)
    return ack


@_does("home")
async def _home(session: PageSession, person: Person, fields: RequestFields) -> None:
    await session.slack.open_home(person, fields.choice("tab", ("home", "messages")))


@_does("stop")
async def _stop(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel = joined(session.slack, person, fields.text("channel"))
    await session.slack.press_stop(channel, fields.text("thread_ts"), person)


@_does("read")
async def _read(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel = channel_for(session.slack, person, fields.text("channel"))
    session.read_state.mark(person, channel, fields.maybe("thread_ts"))
    session.slack.touch()


@_does("dismiss")
async def _dismiss(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel_for(session.slack, person, fields.text("channel"))
    session.slack.dismiss(person, fields.text("ts"))


@_does("join")
async def _join(session: PageSession, person: Person, fields: RequestFields) -> None:
    membership.join(session.slack, person, channel_for(session.slack, person, fields.text("channel")))


@_does("invite")
async def _invite(session: PageSession, person: Person, fields: RequestFields) -> None:
    channel: Channel = joined(session.slack, person, fields.text("channel"))
    membership.invite(session.slack, person, channel, fields.maybe("person"))


@_does("create_channel")
async def _create_channel(session: PageSession, person: Person, fields: RequestFields) -> Json:
    return {"id": membership.channel(session.slack, person, fields.text("name"), private=fields.flag("private")).id}


@_does("create_person")
async def _create_person(session: PageSession, person: Person, fields: RequestFields) -> Json:
    return {"id": membership.person(session.slack, fields.text("name")).id}


@_does("fault")
async def _fault(session: PageSession, person: Person, fields: RequestFields) -> None:
    kind, number = fields.text("kind"), fields.number("number")
    for source in session.sources:
        offer = next((offer for offer in source.offers() if offer.kind == kind), None)
        if offer is None:
            continue
        if offer.unavailable:
            raise ImpossibleAction(offer.unavailable)
        field = offer.number
        if field is not None and number is not None and not field.least <= number <= field.most:
            raise ImpossibleAction(f"{field.label}: between {field.least:g} and {field.most:g} {field.unit}.")
        await source.switch_on(kind, number if field is not None else None)
        return
    raise ImpossibleAction(f"There is no fault {kind[:40]!r} here.")


@_does("clear_fault")
async def _clear_fault(session: PageSession, person: Person, fields: RequestFields) -> None:
    wanted = fields.maybe("fault") or None
    for source in session.sources:
        source.switch_off(wanted)


@_does("bot")
async def _bot(session: PageSession, person: Person, fields: RequestFields) -> None:
    what: BotCommand = fields.choice("what", ("start", "stop", "restart", "kill"))  # type: ignore[assignment]
    if session.controls is None or session.controls.bot() is None:
        raise ImpossibleAction("The app was started elsewhere: it cannot be steered from here.")
    await session.controls.control_bot(what)


@_does("entry")
async def _entry(session: PageSession, person: Person, fields: RequestFields) -> Raw:
    whole = session.traffic.whole(fields.count("number", 0))
    if whole is None:
        raise ImpossibleAction("This entry is not kept any more.")
    return Raw(whole)


@_does("clear_journal")
async def _clear_journal(session: PageSession, person: Person, fields: RequestFields) -> None:
    session.traffic.clear()
    session.slack.touch()
