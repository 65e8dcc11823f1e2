"""A message as one person sees it.

Sources: docs.slack.dev/reference/methods/chat.startStream for streams (in a channel only the recipient sees the text
grow; the others see what the stream began with until it stops); `visible_to_user_ids` of an element hides it from
everybody else.
"""

from typing import Any

from slack_sandbox.model import Channel, Json, Message, Person


def visible_message(message: Message, channel: Channel, person: Person) -> Json:
    """The message object of Slack's API, without what this person does not see."""
    body = message.as_json()
    body["channel"] = channel.id
    stream = message.stream
    if message.streaming and stream is not None and stream.recipient not in (None, person.id) and channel.kind != "im":
        body["text"], body["blocks"] = _beginning(stream.chunks[0] if stream.chunks else None)
    for key in ("blocks", "attachments"):
        if "visible_to_user_ids" in repr(body.get(key)):
            body[key] = [_without_hidden(block, person.id) for block in body[key]]
    return body


def _beginning(chunk: Json | None) -> tuple[str, list[Json]]:
    match (chunk or {}).get("type"):
        case "markdown_text":
            text = str((chunk or {}).get("text", ""))
            return text, [{"type": "markdown", "text": text, "block_id": "beginning"}]
        case _:
            return "", []


def _without_hidden(node: Any, person_id: str) -> Any:
    """The node without the elements that are for others; the node itself where there are none."""
    if isinstance(node, dict):
        changed = {key: _without_hidden(value, person_id) for key, value in node.items()}
        return node if all(changed[key] is node[key] for key in node) else changed
    if isinstance(node, list):
        kept = [_without_hidden(each, person_id) for each in node if not _hidden(each, person_id)]
        return node if len(kept) == len(node) and all(a is b for a, b in zip(kept, node, strict=True)) else kept
    return node


def _hidden(node: Any, person_id: str) -> bool:
    if not isinstance(node, dict):
        return False
    allowed = node.get("visible_to_user_ids")
    return isinstance(allowed, list) and person_id not in allowed
