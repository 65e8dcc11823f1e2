"""Steps of a scenario that people take in Slack, and what they find there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox.model import Message, Person, View
from slack_sandbox.trial import sample_workspace
from slack_sandbox.trial.scenario import Step
from slack_sandbox.trial.scenario_context import ScenarioContext, StepFailed, last_texts, quoted, short


async def say(step: Step, context: ScenarioContext) -> None:
    """Somebody writes."""
    slack, by = context.team.slack, context.person(step)
    thread_ts: str | None = None
    if "thread" in step.given:
        channel, thread_ts = context.threads[step.given["thread"]]
    else:
        place = step.given.get("in", "#general")
        channel = slack.open_dm(by) if place == "dm" else context.team.channels[place[1:]]
    ts = await slack.say(channel, by, _mentions(step.what, context), thread_ts=thread_ts)
    context.channel, context.thread = channel, thread_ts or ts
    context.last_said[channel.id, context.thread] = ts
    if "name" in step.given:
        context.threads[step.given["name"]] = channel, context.thread


def _mentions(words: str, context: ScenarioContext) -> str:
    def mention(found: re.Match[str]) -> str:
        if found[1] == sample_workspace.APP:
            return "<@BOT>"
        person = context.team.people.get(found[1])
        return f"<@{person.id}>" if person else found[0]

    return re.sub(r"@(\w+)", mention, words)


async def wait(step: Step, context: ScenarioContext) -> None:
    """Wait for a message."""
    words, buttons, without = step.texts("wait"), step.texts("buttons"), step.texts("without")
    named = context.messages.get(step.given.get("on", ""))
    who = context.team.people[step.given["from"]].id if "from" in step.given else context.team.slack.bot_user_id

    def fitting() -> Message | None:
        for message in reversed(context.since(step) if named is None else [named]):
            plain = message.plain
            if message.user == who and all(word in plain for word in words):
                labels = [label for label, _, _ in _choices(message.blocks)]
                if all(label in labels for label in buttons) and not any(word in plain for word in without):
                    return message
        return None

    wanted = quoted(words) + (f", with the buttons {quoted(buttons)}" if buttons else "")
    wanted += f", without {quoted(without)}" if without else ""
    found = await context.until(step, fitting, f"a message with {wanted}", lambda: last_texts(context.posts(step)))
    if "name" in step.given:
        context.messages[step.given["name"]] = found


async def absent(step: Step, context: ScenarioContext) -> None:
    """Nobody has said this."""
    for message in context.posts(step):
        if found := [word for word in step.texts("absent") if word in message.plain]:
            raise StepFailed(f"{quoted(found)} should not be there, but it is: {last_texts([message])}")


async def whisper(step: Step, context: ScenarioContext) -> None:
    """Wait for a message that one person sees."""
    slack, to = context.team.slack, context.team.people[step.given.get("to", "Alice")]

    def fitting() -> bool:
        shown = [message.plain for message in slack.ephemerals(to)]
        return any(all(word in plain for word in step.texts("whisper")) for plain in shown)

    wanted = f"a message that only {to.name} sees, with {quoted(step.texts('whisper'))}"
    await context.until(step, fitting, wanted, lambda: last_texts(slack.ephemerals(to)))


async def click(step: Step, context: ScenarioContext) -> None:
    """Press a button, or an entry of a menu."""
    slack, by, nth = context.team.slack, context.person(step), int(step.given.get("nth", 1))

    def fitting() -> tuple[Message | View, str, str | None] | None:
        for place in _places(step, context, by):
            found = [(action, option) for label, action, option in _choices(place.blocks) if label == step.what]
            if len(found) >= nth:
                return place, *found[nth - 1]
        return None

    def there() -> str:
        places = _places(step, context, by)
        labels = [label for place in places for label, _, _ in _choices(place.blocks)]
        return f"the buttons {quoted(labels)}" if labels else "no button at all"

    place, action, option = await context.until(step, fitting, f"a button “{step.what}”", there)
    acknowledged = await slack.click(place, action, by=by, option=option)
    if acknowledged is None and not step.given.get("unanswered", False):
        raise StepFailed("the bot did not acknowledge the click within 3 seconds")


def _places(step: Step, context: ScenarioContext, by: Person) -> list[Message | View]:
    """Where a click may be meant, the likeliest first."""
    slack, on = context.team.slack, step.given.get("on", "")
    if on == "home":
        home = slack.home(by)
        return [home] if home is not None else []
    if on == "window":
        return list(slack.modals(by)[-1:])
    named = context.messages.get(on)
    if named is not None:
        return [named]
    # Those that only one sees stand in no thread.
    seen = [*context.posts(step), *slack.ephemerals(by)]
    return [message for message in reversed(seen) if on in message.plain]


def _choices(blocks: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Buttons and entries of menus: the text, the action_id, the entry's value."""
    found: list[tuple[str, str, str | None]] = []
    for element in texts.elements(blocks):
        if element["type"] == "button":
            found.append((element["text"]["text"], element["action_id"], None))
        elif element["type"] == "overflow":
            options = element["options"]
            found += [(option["text"]["text"], element["action_id"], option["value"]) for option in options]
    return found


async def window(step: Step, context: ScenarioContext) -> None:
    """Wait for a window."""
    await _open_window(step, context, step.texts("window"))


async def _open_window(step: Step, context: ScenarioContext, words: list[str]) -> View:
    slack, by = context.team.slack, context.person(step)

    def fitting() -> View | None:
        found = slack.modals(by)[-1:]
        return found[0] if found and all(word in found[0].plain for word in words) else None

    def there() -> str:
        found = slack.modals(by)[-1:]
        return short(found[0].plain) if found else "no window at all"

    wanted = f"a window of {by.name}" + (f" with {quoted(words)}" if words else "")
    return await context.until(step, fitting, wanted, there)


async def submit(step: Step, context: ScenarioContext) -> None:
    """Send the window on top."""
    slack, by, wanted = context.team.slack, context.person(step), step.texts("errors")
    view = await _open_window(step, context, [])
    acknowledged = await slack.submit(by, view, _values(view, step.what))
    if acknowledged is None:
        raise StepFailed("the bot did not acknowledge the window within 3 seconds")
    said = " ".join(str(error) for error in view.errors.values())
    if wanted and not all(word in said for word in wanted):
        raise StepFailed(f"the window should complain with {quoted(wanted)}; it said: {said or 'nothing'}")
    if said and not wanted:
        raise StepFailed(f"the window was not taken: {said}")


def _values(view: View, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values by block and action, from values by label or block_id."""
    inputs = {block["block_id"]: block for block in view.blocks if block["type"] == "input"}
    labels = {block["label"]["text"]: block_id for block_id, block in inputs.items()}
    values: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        block_id = labels.get(name, name)
        if block_id not in inputs:
            raise StepFailed(f"the window has no field {name!r}; it has {quoted(list(labels))}")
        values[block_id] = {inputs[block_id]["element"]["action_id"]: value}
    return values


async def close(step: Step, context: ScenarioContext) -> None:
    """Close the window on top."""
    by = context.team.people[step.what]
    found = context.team.slack.modals(by)
    if not found:
        raise StepFailed(f"{by.name} has no window open")
    await context.team.slack.close_modal(by, found[-1])


async def home(step: Step, context: ScenarioContext) -> None:
    """Open the App Home and wait for words in it."""
    slack, by = context.team.slack, context.person(step)
    await slack.open_home(by)

    def fitting() -> bool:
        home = slack.home(by)
        return home is not None and all(word in home.plain for word in step.texts("home"))

    def there() -> str:
        home = slack.home(by)
        return short(home.plain) if home is not None else "nothing"

    await context.until(step, fitting, f"{quoted(step.texts('home'))} in {by.name}'s App Home", there)
