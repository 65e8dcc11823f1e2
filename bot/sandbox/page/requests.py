"""What a page asks for, done as the person it acts as: `Requests` of `web/src/types.ts`.

Everything that a page sends is checked here before it reaches the sandbox. Raises ImpossibleAct with a sentence.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ImpossibleAct
from bot.sandbox.model import Channel, File, Json, Message, Person, View
from bot.sandbox.page import founding
from bot.sandbox.page.controls import Controls, FaultSource, Steering
from bot.sandbox.page.facts import Watched
from bot.sandbox.page.given import Given
from bot.sandbox.page.reading import Reading
from bot.sandbox.page.seeing import actor, channel_for, joined, message_for, view_for
from bot.sandbox.page.traffic import Traffic
from bot.sandbox.slack import SlackSandbox

LONGEST = 40_000
"""Characters of a message (docs.slack.dev/changelog/2018-truncating-really-long-messages)."""
MOST_FILES = 10
MOST_SHOWN = 2000

UNANSWERED = (
    "The app did not answer within 3 seconds, so Slack shows a warning sign. The app may be busy, stopped or not "
    "connected; what was asked of it may still be done."
)


@dataclass(slots=True)
class Raw:
    """An answer that is JSON text already."""

    text: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What requests work on."""

    slack: SlackSandbox
    reading: Reading
    traffic: Traffic
    sources: list[FaultSource]
    controls: Controls | None


Handler = Callable[[Desk, Person, Given], Awaitable[Any]]
_HANDLERS: dict[str, Handler] = {}


async def serve(desk: Desk, given: Given, watched: Watched) -> Any:
    """Do one request; returns the value of its answer. `watch` changes `watched`."""
    wanted = given.text("do")
    if wanted == "watch":
        return _watch(desk, given, watched)
    handler = _HANDLERS.get(wanted)
    if handler is None:
        raise ImpossibleAct(f"The sandbox knows no request {wanted[:40]!r}.")
    return await handler(desk, actor(desk.slack, given.text("as")), given)


def _watch(desk: Desk, given: Given, watched: Watched) -> None:
    person, channel, thread = given.text("person"), given.maybe("channel"), given.maybe("thread")
    top_level, inspector = given.count("earlier", 50), given.flag("inspector")
    watched.person, watched.channel, watched.thread = person, channel, thread
    watched.top_level, watched.inspector = min(top_level or 50, MOST_SHOWN), inspector
    acting = actor(desk.slack, person)
    if channel:
        channel_for(desk.slack, acting, channel)


def _does(name: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _HANDLERS[name] = handler
        return handler

    return register


@_does("say")
async def _say(desk: Desk, person: Person, given: Given) -> str:
    channel = joined(desk.slack, person, given.text("channel"))
    thread_ts, text = given.maybe("thread_ts") or None, given.text("text", empty=True)
    files = [_file(desk, person, file_id) for file_id in given.texts("files")]
    if not text.strip() and not files:
        raise ImpossibleAct("There is nothing to send.")
    if len(text) > LONGEST:
        raise ImpossibleAct(f"A message may have {LONGEST:,} characters; this one has {len(text):,}.")
    if len(files) > MOST_FILES:
        raise ImpossibleAct(f"A message may have {MOST_FILES} files.")
    broadcast = "thread_broadcast" if thread_ts and given.flag("broadcast") and not files else None
    return await desk.slack.say(
        channel, person, text, thread_ts=thread_ts, files=files, subtype=broadcast, encoded=True
    )


def _file(desk: Desk, person: Person, file_id: str) -> File:
    file = desk.slack.workspace.files.get(file_id)
    if file is None or file.user != person.id or file.shared:
        raise ImpossibleAct("The file is not there to be sent: attach it again.")
    return file


@_does("edit")
async def _edit(desk: Desk, person: Person, given: Given) -> None:
    channel, text = joined(desk.slack, person, given.text("channel")), given.text("text")
    if len(text) > LONGEST:
        raise ImpossibleAct(f"A message may have {LONGEST:,} characters; this one has {len(text):,}.")
    await desk.slack.edit(channel, given.text("ts"), person, text, encoded=True)


@_does("delete")
async def _delete(desk: Desk, person: Person, given: Given) -> None:
    await desk.slack.delete(joined(desk.slack, person, given.text("channel")), given.text("ts"), person)


@_does("react")
async def _react(desk: Desk, person: Person, given: Given) -> None:
    channel = joined(desk.slack, person, given.text("channel"))
    await desk.slack.react(channel, given.text("ts"), person, founding.emoji(given.text("name")))


def _target(desk: Desk, person: Person, given: Given) -> Message | View:
    if view_id := given.maybe("view_id"):
        return view_for(desk.slack, person, view_id)
    channel = joined(desk.slack, person, given.text("channel"))
    return message_for(desk.slack, person, channel.id, given.text("ts"))


@_does("act")
async def _act(desk: Desk, person: Person, given: Given) -> None:
    target = _target(desk, person, given)
    block, action, values = given.text("block_id", empty=True), given.text("action_id"), given.values("values")
    ack = await desk.slack.click(target, action, by=person, option=given.get("value"), values=values, block=block)
    _acknowledged(ack)


@_does("submit")
async def _submit(desk: Desk, person: Person, given: Given) -> Json:
    slack, view = desk.slack, view_for(desk.slack, person, given.text("view_id"))
    ack = _acknowledged(await slack.submit(person, view, given.values("values")))
    if slack.rejected and slack.rejected[-1].args is ack and ack:
        raise ImpossibleAct(f"Slack cannot use the app's answer: {_reasons(slack.rejected[-1].response)}.")
    return {"closed": view not in slack.modals(person)}


def _reasons(response: Json) -> str:
    messages: list[str] = (response.get("response_metadata") or {}).get("messages") or []
    return "; ".join([str(response.get("error")), *(message.removeprefix("[ERROR] ") for message in messages)])


@_does("close")
async def _close(desk: Desk, person: Person, given: Given) -> None:
    await desk.slack.close_modal(person, view_for(desk.slack, person, given.text("view_id")))


@_does("options")
async def _options(desk: Desk, person: Person, given: Given) -> Json:
    target, query = _target(desk, person, given), given.text("query", empty=True)
    ack = _acknowledged(
        await desk.slack.suggest(target, given.text("action_id"), query, by=person, block=given.text("block_id"))
    )
    return {"options": ack.get("options") or [], "option_groups": ack.get("option_groups") or []}


@_does("command")
async def _command(desk: Desk, person: Person, given: Given) -> None:
    channel, command = joined(desk.slack, person, given.text("channel")), given.text("command")
    if command not in desk.slack.commands:
        raise ImpossibleAct(f"{command[:40]} is not a command of an app here.")
    ack = await desk.slack.command(person, channel, command, given.text("text", empty=True))
    if ack is None:
        raise ImpossibleAct(f"{command} failed because the app did not answer within 3 seconds (operation_timeout).")
    if desk.slack.rejected and desk.slack.rejected[-1].args is ack and ack:
        raise ImpossibleAct(f"Slack cannot use the app's answer: {_reasons(desk.slack.rejected[-1].response)}.")


def _acknowledged(ack: Json | None) -> Json:
    if ack is None:
        raise ImpossibleAct(UNANSWERED)
    return ack


@_does("home")
async def _home(desk: Desk, person: Person, given: Given) -> None:
    await desk.slack.open_home(person, given.choice("tab", ("home", "messages")))


@_does("stop")
async def _stop(desk: Desk, person: Person, given: Given) -> None:
    channel = joined(desk.slack, person, given.text("channel"))
    await desk.slack.press_stop(channel, given.text("thread_ts"), person)


@_does("read")
async def _read(desk: Desk, person: Person, given: Given) -> None:
    channel = channel_for(desk.slack, person, given.text("channel"))
    desk.reading.mark(person, channel, given.maybe("thread_ts"))
    desk.slack.touch()


@_does("dismiss")
async def _dismiss(desk: Desk, person: Person, given: Given) -> None:
    channel_for(desk.slack, person, given.text("channel"))
    desk.slack.dismiss(person, given.text("ts"))


@_does("join")
async def _join(desk: Desk, person: Person, given: Given) -> None:
    founding.join(desk.slack, person, channel_for(desk.slack, person, given.text("channel")))


@_does("invite")
async def _invite(desk: Desk, person: Person, given: Given) -> None:
    channel: Channel = joined(desk.slack, person, given.text("channel"))
    founding.invite(desk.slack, person, channel, given.maybe("person"))


@_does("create_channel")
async def _create_channel(desk: Desk, person: Person, given: Given) -> Json:
    return {"id": founding.channel(desk.slack, person, given.text("name"), private=given.flag("private")).id}


@_does("create_person")
async def _create_person(desk: Desk, person: Person, given: Given) -> Json:
    return {"id": founding.person(desk.slack, given.text("name")).id}


@_does("fault")
async def _fault(desk: Desk, person: Person, given: Given) -> None:
    kind, number = given.text("kind"), given.number("number")
    for source in desk.sources:
        offer = next((offer for offer in source.offers() if offer.kind == kind), None)
        if offer is None:
            continue
        if offer.unavailable:
            raise ImpossibleAct(offer.unavailable)
        field = offer.number
        if field is not None and number is not None and not field.least <= number <= field.most:
            raise ImpossibleAct(f"{field.label}: between {field.least:g} and {field.most:g} {field.unit}.")
        await source.switch_on(kind, number if field is not None else None)
        return
    raise ImpossibleAct(f"There is no fault {kind[:40]!r} here.")


@_does("clear_fault")
async def _clear_fault(desk: Desk, person: Person, given: Given) -> None:
    wanted = given.maybe("fault") or None
    for source in desk.sources:
        source.switch_off(wanted)


@_does("bot")
async def _bot(desk: Desk, person: Person, given: Given) -> None:
    what: Steering = given.choice("what", ("start", "stop", "restart", "kill"))  # type: ignore[assignment]
    if desk.controls is None or desk.controls.bot() is None:
        raise ImpossibleAct("The app was started elsewhere: it cannot be steered from here.")
    await desk.controls.steer(what)


@_does("entry")
async def _entry(desk: Desk, person: Person, given: Given) -> Raw:
    whole = desk.traffic.whole(given.count("number", 0))
    if whole is None:
        raise ImpossibleAct("This entry is not kept any more.")
    return Raw(whole)


@_does("clear_journal")
async def _clear_journal(desk: Desk, person: Person, given: Given) -> None:
    desk.traffic.clear()
    desk.slack.touch()
