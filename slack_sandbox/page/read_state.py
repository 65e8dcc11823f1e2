"""What each person has read, and what is new to them. Several pages share it: it belongs to the person."""

from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.slack import SlackSandbox

NEWEST = 300
"""How many of a channel's newest messages are looked at: the work must not grow with everything ever said."""

_BROADCASTS = {"<!channel>", "<!here>", "<!everyone>"}


class ReadState:
    """Read marks by person, channel and thread; the mark of a channel has the thread ""."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._marks: dict[tuple[str, str, str], str] = {}

    def mark(self, person: Person, channel: Channel, thread_ts: str = "") -> None:
        """The person has read all there is, of the channel's top level or of one thread."""
        shown = self._slack.thread(channel, thread_ts) if thread_ts else channel.top_level[-1:]
        if shown:
            self._marks[(person.id, channel.id, thread_ts)] = max(self.last(person, channel, thread_ts), shown[-1].ts)

    def last(self, person: Person, channel: Channel, thread_ts: str = "") -> str:
        """The last ts that the person has read, "" for none."""
        return self._marks.get((person.id, channel.id, thread_ts), "")

    def new(self, person: Person, channel: Channel) -> tuple[int, int]:
        """How many messages of others the person has not read, and how many of them are for the person.

        Writing something is taken as having read what stands before it. Replies count in threads that the person
        began, wrote in or was mentioned at the root of.
        """
        if person.id not in channel.members:
            return 0, 0
        threads: dict[str, str | None] = {}
        top: str | None = None
        unread = mine = 0
        for number, message in enumerate(reversed(channel.messages.values())):
            if number >= NEWEST:
                break
            if message.deleted or message.subtype == "tombstone":
                continue
            if message.thread_ts in (None, message.ts) or message.subtype == "thread_broadcast":
                if top is None:
                    top = self._read_to(person, channel, channel.top_level, "")
                since: str | None = top
            else:
                root = message.thread_ts or ""
                if root not in threads:
                    threads[root] = self._thread_read_to(person, channel, root)
                since = threads[root]
            if since is None or message.ts <= since or message.user == person.id:
                continue
            unread += 1
            mine += channel.kind == "im" or _addresses(message, person)
        return unread, mine

    def _read_to(self, person: Person, channel: Channel, messages: list[Message], thread_ts: str) -> str:
        newest = messages[-NEWEST:]
        own = next((message.ts for message in reversed(newest) if message.user == person.id), "")
        return max(own, self.last(person, channel, thread_ts))

    def _thread_read_to(self, person: Person, channel: Channel, root_ts: str) -> str | None:
        """To where the person has read a thread; None for one that the person has no part in."""
        root = channel.messages.get(root_ts)
        if root is None:
            return None
        thread = [root, *root.replies[-NEWEST:]]
        takes_part = channel.kind == "im" or _addresses(root, person) or any(each.user == person.id for each in thread)
        return self._read_to(person, channel, thread, root_ts) if takes_part else None


def _addresses(message: Message, person: Person) -> bool:
    return any(ping == f"<@{person.id}>" or ping in _BROADCASTS for ping in message.pings)
