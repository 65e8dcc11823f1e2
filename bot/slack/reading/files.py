"""Reads the file objects of a message (docs.slack.dev/reference/objects/file-object). Pure."""

from __future__ import annotations

from bot.core.json_text import JsonObject
from bot.core.untrusted import count, mapping, reference
from bot.slack.reading import markup
from bot.slack.reading.bounds import FILE, Bounds
from bot.slack.reading.content import FileRef, Kind, Part, Section, Words

MISSING = {
    "tombstone": "deleted",
    "hidden_by_limit": "hidden by a limit of the workspace's plan",
    "file_not_found": "deleted",
    "access_denied": "not accessible",
    "check_file_info": "in another workspace",
}
"""Why the content of a file is missing, by its `mode` or `file_access`."""
FROM, TO, CC, ATTACHED = "From", "To", "Cc", "Attached"
"""Titles of the lines about an email: people, and names of files."""


def sections(attached: object, bounds: Bounds, depth: int = 0) -> list[Section]:
    """Return each of some files once."""
    found: dict[tuple[str, Section], Section] = {}
    for number, file in enumerate(bounds.objects(attached, depth, FILE)):
        if section := read(file, bounds, direct=depth == 0):
            found[bounds.line(file.get("id")) or str(number), section] = section
    return list(found.values())


def read(file: JsonObject, bounds: Bounds, *, direct: bool = False) -> Section | None:
    """Return a section with a file's name, type, size and text preview; None if the object does not describe a file.

    direct: whether it is one of the files of the message itself.
    """
    name, title = bounds.line(file.get("name")), bounds.line(file.get("title"))
    is_other = title not in ("", name, name.rpartition(".")[0])
    shown = f"{title} ({name})" if name and is_other else name or title
    if not shown and not file.get("id"):
        return None
    notes = [bounds.line(file.get("pretty_type") or file.get("mimetype") or file.get("filetype")), _size(file)]
    about = ", ".join(each for each in notes if each)
    missing = [MISSING.get(bounds.line(file.get(key)), "") for key in ("mode", "file_access")]
    notes += missing
    parts: list[Part] = []
    parts += _letter(file, bounds)
    parts += [Words(said) for said in _texts(file, bounds)]
    preview = _preview(file, bounds)
    if preview:
        fence = "````" if "```" in preview else "```"
        parts.append(Words(f"{fence}\n{markup.escaped(preview)}\n{fence}"))
        notes.append(_shown(file, bounds))
    else:
        notes.append("not readable to you")
    note = ", ".join(dict.fromkeys(each for each in notes if each))
    ref = None if any(missing[:1]) else _reference(file, bounds, about, direct=direct)
    return Section(Kind.FILE, tuple(parts), title=markup.escaped(shown or "unnamed"), note=note, file=ref)


def _reference(file: JsonObject, bounds: Bounds, about: str, *, direct: bool) -> FileRef | None:
    """Return by what the content of a file can be read; None if Slack does not have it."""
    id, name = reference(file.get("id")), bounds.line(file.get("name") or file.get("title"))
    url = bounds.address(file.get("url_private_download") or file.get("url_private"))
    media = bounds.line(file.get("mimetype"))
    return FileRef(id, name, media, count(file.get("size")), url, about, direct) if id else None


def _size(file: JsonObject) -> str:
    size = count(file.get("size"))
    if not size:
        return ""
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _texts(file: JsonObject, bounds: Bounds) -> list[str]:
    """Return the texts about a file: the description of an image, a comment, what is said in a recording."""
    comment = mapping(file.get("initial_comment"))
    transcript = mapping(mapping(file.get("transcription")).get("preview"))
    said = [
        markup.escaped(bounds.text(file.get("alt_txt"))),
        bounds.text(comment.get("comment")),
        markup.escaped(bounds.text(transcript.get("content"))),
    ]
    return [each for each in said if each.strip()]


def _letter(file: JsonObject, bounds: Bounds) -> list[Part]:
    """Return who has written an email to whom, what is attached to it, and its subject."""
    found: list[tuple[str, list[str]]] = []
    for title, key in ((FROM, "from"), (TO, "to"), (CC, "cc")):
        people = bounds.objects(file.get(key), 0)
        shown = [bounds.line(each.get("original") or each.get("name") or each.get("address")) for each in people]
        found.append((title, shown))
    found.append((ATTACHED, [bounds.line(each.get("filename")) for each in bounds.objects(file.get("attachments"), 0)]))
    subject = bounds.text(file.get("subject"))
    found.append(("", [subject if subject.strip() != bounds.line(file.get("title")) else ""]))
    return [
        Section(Kind.ABOUT, tuple(Words(markup.escaped(each)) for each in names if each.strip()), title=title)
        for title, names in found
        if any(each.strip() for each in names)
    ]


def _preview(file: JsonObject, bounds: Bounds) -> str:
    """Return the part of a text file, a snippet or an email that Slack includes."""
    for key in ("preview", "plain_text", "preview_plain_text"):
        if (text := bounds.text(file.get(key))).strip():
            return text.strip("\n")
    return ""


def _shown(file: JsonObject, bounds: Bounds) -> str:
    more, lines = count(file.get("lines_more")), count(file.get("lines"))
    if more:
        return f"truncated, {more} more lines are not shown" + (f" (of {lines})" if lines else "")
    whole = file.get("preview_is_truncated") is not True and not bounds.cut
    return "shown whole" if whole and file.get("preview_is_truncated") is False else "" if whole else "truncated"
