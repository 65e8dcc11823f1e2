"""What people do with buttons, menus and modals, as the payloads that Slack sends for it.

Sources: docs.slack.dev/reference/interaction-payloads (block_actions, view_submission, view_closed) and
docs.slack.dev/surfaces/modals for what an acknowledgement does to a modal.
"""

import time
from collections.abc import Mapping
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox import validation
from slack_sandbox.errors import ApiError, ImpossibleAction
from slack_sandbox.forms import References, action_body, state_values
from slack_sandbox.journal import ApiCall
from slack_sandbox.model import Channel, Json, Message, Person, View
from slack_sandbox.shortcuts import Shortcuts

Values = Mapping[str, Mapping[str, Any]]


class Interactions(Shortcuts):
    """Clicks, modals, shortcuts and commands; each returns the app's acknowledgement.

    An acknowledgement is `{}` when it had no payload, and None when none came within the acknowledgement timeout,
    where a real person sees a warning sign.
    """

    async def click(
        self,
        target: Message | View,
        action: str,
        *,
        by: Person,
        option: Any = None,
        values: Values | None = None,
        block: str | None = None,
    ) -> Json | None:
        """Use an element of a message or view, named by its button text or action_id, as it is now.

        `option` is what is picked from a menu, by text or value, or put into another element, as in `submit`; `values`
        sets other fields first. `block` names the block by its block_id; then `action` is the action_id. Raises
        ImpossibleAction when the message is gone, has no such element now, or does not show it to this person.
        """
        live = self._live(target, by)
        element = _find(live.blocks, action, block)
        visible = element.get("visible_to_user_ids")
        if visible is not None and by.id not in visible:
            raise ImpossibleAction(f"{by.name} does not see {action!r}")
        references = self._references(live)
        body = action_body(element, option, self.clock.ts(), references)
        if isinstance(live, View):
            return await self._acknowledged(self._view_action(live, by, body, values))
        return await self._acknowledged(self._message_action(live, by, body, values))

    async def click_raw(
        self, source: Message | Json, action: str | Json, *, by: Person, channel: Channel | str | None = None
    ) -> Json | None:
        """Send a click without asking whether it is possible: a stale message snapshot, or anything forged.

        `source` is a snapshot, a message object as JSON (then give `channel`), or a whole payload, which goes out as
        it is. `action` is a button text, an action_id, or the action object to send.
        """
        if isinstance(source, dict) and "actions" in source:
            return await self._acknowledged(source)
        message = source if isinstance(source, Message) else _from_json(source, self._channel(channel or ""))
        body = action if isinstance(action, dict) else action_body(_find(message.blocks, action), None, self.clock.ts())
        payload = self._message_action(message, by, body, None)
        if isinstance(source, dict):
            payload["message"] = source
        return await self._acknowledged(payload)

    async def suggest(
        self, target: Message | View, action: str, query: str, *, by: Person, block: str | None = None
    ) -> Json | None:
        """What the app offers for an external select: its acknowledgement with `options` or `option_groups`.

        `query` is what the person has typed so far. An option that was offered can be picked in `click` and `submit`.
        Raises ImpossibleAction as `click` does, and for an element that asks the app nothing.
        """
        live = self._live(target, by)
        element = _find(live.blocks, action, block)
        if element["type"] not in ("external_select", "multi_external_select"):
            raise ImpossibleAction(f"{action} has its options already")
        channel = None if isinstance(live, View) else self.workspace.channels[live.channel]
        payload = self._payload("block_suggestion", by, channel)
        payload.update(action_id=element["action_id"], block_id=element["_block_id"], value=query)
        if isinstance(live, View):
            payload.update(container={"type": "view", "view_id": live.id}, view=live.data)
        else:
            container: Json = {"type": "message", "message_ts": live.ts, "channel_id": live.channel}
            container["is_ephemeral"] = live.ephemeral_to is not None
            channel = self.workspace.channels[live.channel]
            payload.update(container=container, channel={"id": channel.id, "name": channel.name})
            if live.ephemeral_to is None:
                payload["message"] = live.as_json()
        ack = await self._acknowledged(payload)
        options: list[Json] = [*(ack or {}).get("options", ())]
        for group in (ack or {}).get("option_groups", ()):
            options.extend(group.get("options", ()))
        place = self.workspace.offered.setdefault((_place(live), element["_block_id"], element["action_id"]), {})
        place.update((str(option.get("value")), option) for option in options)
        return ack

    def _references(self, place: Message | View) -> References:
        workspace = self.workspace

        def offered(element: Json) -> list[Json]:
            key = (_place(place), element["_block_id"], element["action_id"])
            options = list(workspace.offered.get(key, {}).values())
            return [*options, *element.get("initial_options", ()), *filter(None, [element.get("initial_option")])]

        def file(file_id: str) -> Json | None:
            found = workspace.files.get(file_id)
            return found.as_json() if found is not None else None

        return References(offered, file)

    async def submit(self, person: Person, view: View, values: Values | None = None) -> Json | None:
        """Press the modal's submit button with these values: `{block_id: {action_id: value}}`.

        A value is a text, or the text or value of an option, a list of them, an id or a date, as the element wants
        it; fields without a value keep their initial one. Raises ImpossibleAction when the modal is not on top or a
        required input is empty. `errors` in the acknowledgement stay on `view.errors`.
        """
        if not self.modals(person) or self.modals(person)[-1] is not view:
            raise ImpossibleAction(f"{person.name} does not have this modal on top")
        state = state_values(view.blocks, values or {}, required=True, references=self._references(view))
        view.data = {**view.data, "state": {"values": state}}
        payload = self._payload("view_submission", person)
        payload.update(trigger_id=self._trigger(person, view.id), view=view.data, response_urls=[])
        ack = await self._acknowledged(payload)
        if ack is not None:
            self._after_submission(person, view, ack)
        return ack

    async def close_modal(self, person: Person, view: View) -> None:
        """Close a modal with its X; delivers view_closed when the view asked for it, and does not wait for the ack.

        With `clear_on_close` the whole stack goes (docs.slack.dev/reference/views).
        """
        if view not in self.modals(person):
            raise ImpossibleAction(f"{person.name} does not have this modal open")
        cleared = bool(view.data.get("clear_on_close"))
        for closing in reversed(self.modals(person)) if cleared else [view]:
            self._close(person, closing)
            if closing.data.get("notify_on_close"):
                payload = self._payload("view_closed", person)
                payload.update(view=closing.data, is_cleared=cleared)
                self.events.deliver(payload)
        self._changes.touch()

    def modals(self, person: Person) -> list[View]:
        """The person's open modals, the visible one last."""
        return list(self.workspace.modals.get(person.id, ()))

    def home(self, person: Person) -> View | None:
        """The Home tab that the app published for the person."""
        return self.workspace.homes.get(person.id)

    def _live(self, target: Message | View, by: Person) -> Message | View:
        if isinstance(target, View):
            if target is not self.home(by) and target not in self.modals(by):
                raise ImpossibleAction(f"{by.name} does not have this view open")
            return target
        if target.ephemeral_to is not None:
            seen = self.workspace.ephemerals.get(by.id, [])
            found = next((message for message in seen if message.ts == target.ts and not message.deleted), None)
        else:
            channel = self.workspace.channels[target.channel]
            if by.id not in channel.members and channel.kind != "channel":
                raise ImpossibleAction(f"{by.name} cannot see this channel")
            found = channel.messages.get(target.ts)
        if found is None or found.deleted:
            raise ImpossibleAction("the message is gone")
        return found

    def _message_action(self, message: Message, by: Person, body: Json, values: Values | None) -> Json:
        channel = self.workspace.channels[message.channel]
        names = {"im": "directmessage", "group": "privategroup"}
        container: Json = {"type": "message", "message_ts": message.ts, "channel_id": channel.id}
        container["is_ephemeral"] = message.ephemeral_to is not None
        if message.thread_ts is not None:
            container["thread_ts"] = message.thread_ts
        payload = self._payload("block_actions", by, channel)
        payload.update(
            container=container,
            trigger_id=self._trigger(by, None),
            channel={"id": channel.id, "name": names.get(channel.kind, channel.name)},
            state={"values": state_values(message.blocks, values or {}, references=self._references(message))},
            response_url=self._response_url(by, channel.id, message),
            actions=[body],
        )
        if message.ephemeral_to is None:  # Slack sends no message object for an ephemeral one
            payload["message"] = message.as_json()
        return payload

    def _view_action(self, view: View, by: Person, body: Json, values: Values | None) -> Json:
        view.data = {
            **view.data,
            "state": {"values": state_values(view.blocks, values or {}, references=self._references(view))},
        }
        payload = self._payload("block_actions", by)
        payload.update(
            container={"type": "view", "view_id": view.id},
            trigger_id=self._trigger(by, view.id if view.data["type"] == "modal" else None),
            view=view.data,
            actions=[body],
        )
        return payload

    def _close(self, person: Person, view: View) -> None:
        view.open = False
        stack = self.workspace.modals.get(person.id, [])
        if view in stack:
            stack.remove(view)

    def _after_submission(self, person: Person, view: View, ack: Json) -> None:
        """What the modal does with the acknowledgement; one that Slack would refuse is put among `rejected`."""
        view.errors = {}
        try:
            match ack.get("response_action"):
                case None:
                    self._close(person, view)
                case "clear":
                    for other in self.modals(person):
                        self._close(person, other)
                case "errors":
                    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
                    if not ack.get("errors") or not set(ack["errors"]) <= inputs:
                        raise ApiError("invalid_arguments", ["errors must name block_ids of input blocks"])
                    view.errors = dict(ack["errors"])
                case "update":
                    self.workspace.replace_view(view, validation.view(ack.get("view"), self._new_block_id))
                case "push":
                    self.workspace.push_view(person.id, validation.view(ack.get("view"), self._new_block_id))
                case other:
                    raise ApiError("invalid_arguments", [f"unknown response_action: {other}"])
        except ApiError as refusal:
            call = ApiCall("view_submission acknowledgement", ack, None, time.monotonic(), refusal.as_json(), 200)
            self.workspace.rejected.append(call)
        self._changes.touch()


def _find(blocks: list[Json], action: str, block: str | None = None) -> Json:
    if block is None:
        found = [e for e in texts.elements(blocks) if action in (e["action_id"], e.get("text", {}).get("text"))]
    else:
        found = [e for e in texts.elements(blocks) if (e["_block_id"], e["action_id"]) == (block, action)]
    if not found:
        offered = [e.get("text", {}).get("text") or e["action_id"] for e in texts.elements(blocks)]
        raise ImpossibleAction(f"no {action!r} here; there is {offered}")
    return found[0]


def _place(live: Message | View) -> str:
    return live.id if isinstance(live, View) else f"{live.channel}/{live.ts}"


def _from_json(body: Json, channel: Channel) -> Message:
    message = Message(channel.id, str(body.get("ts")), body.get("user"), str(body.get("text", "")), "")
    message.blocks = body.get("blocks", [])
    message.thread_ts = body.get("thread_ts")
    return message
