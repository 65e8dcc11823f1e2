"""Conversations that can be replayed, written as TOML: who says what where, who presses what, what must come of it.

    title = "A file is written"

    [[steps]]
    say = "@Colleague write \\"hello\\" to hello.txt"
    by = "Bob"                       # Alice when nobody is named

    [[steps]]
    wait = "Waiting for you"          # words of the bot in the thread

    [[steps]]
    click = "Approve"
    by = "Bob"

    [[steps]]
    file = "hello.txt"
    is = "hello"

A step has exactly one of the keys of VERBS, and beside it those that are listed with it. What a step waits for must
come within `seconds` (20). `thread` names the message that the thread began with, by the `name` of its step; without it
the thread is the last one that was begun.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, Final

Json = dict[str, Any]

TEXT, TEXTS, NUMBER, TABLE, TRUTH = "a text", "a text or a list of texts", "a number", "a table", "true or false"
ANSWER = "a text, or a list of tables with `tool` and `arguments`"

VERBS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "say": (TEXT, {"by": TEXT, "in": TEXT, "thread": TEXT, "name": TEXT}),
    "model": (ANSWER, {}),
    "wait": (TEXTS, {"from": TEXT, "thread": TEXT, "on": TEXT, "buttons": TEXTS, "without": TEXTS, "name": TEXT}),
    "absent": (TEXTS, {"thread": TEXT}),
    "whisper": (TEXTS, {"to": TEXT}),
    "click": (TEXT, {"by": TEXT, "on": TEXT, "nth": NUMBER, "thread": TEXT, "unanswered": TRUTH}),
    "window": (TEXTS, {"by": TEXT}),
    "submit": (TABLE, {"by": TEXT, "errors": TEXTS}),
    "close": (TEXT, {}),
    "home": (TEXTS, {"by": TEXT}),
    "file": (TEXT, {"contains": TEXTS, "lacks": TEXTS, "is": TEXT, "there": TRUTH}),
    "write": (TEXT, {"content": TEXT}),
    "fault": (TEXT, {"number": NUMBER}),
    "clear": (TEXT, {}),
    "bot": (TEXT, {}),
    "pause": (NUMBER, {}),
}
"""What a step can do, in which form, and what else can be said of it:

say       somebody writes; `in` is `#channel` or `dm`; @Colleague and @Bob are mentions
model     what the model answers next, in words or with tool calls; without it the offline model answers by itself
wait      words of the bot (or of who is named in `from`) in one message, with these buttons, without other words: in
          any that came since the scenario last said something there, or in the one that a `wait` gave the name in `on`
absent    no message of the thread has these words now
whisper   words that only the person in `to` sees
click     a button or an entry of a menu, by its text: in the newest message that has it, or in the one that has the
          words of `on`, or the name of a `wait`; `on = "home"` and `on = "window"` are the App Home and the window on
          top; `nth` where there are several; `unanswered = true` when the bot cannot acknowledge
window    words in the window on top
submit    the fields by their labels; `errors` when the app is to complain
close     whose window is closed with its X
home      words in the App Home
file      a file of the workspace: `there = false`, or what it contains
write     somebody changes a file of the workspace by hand
fault     switched on by its kind; `clear` switches one off, or "all"
bot       start, stop, restart or kill
pause     seconds, for those who watch; left out at pace 0
"""

COMMON: Final = {"title": TEXT, "seconds": NUMBER}
STEERING: Final = ("start", "stop", "restart", "kill")


class ScenarioError(Exception):
    """A scenario cannot be replayed; the problem names the file and the step."""

    option = "--scenario"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done or waited for."""

    number: int
    verb: str
    given: Mapping[str, Any]
    title: str

    @property
    def what(self) -> Any:
        """The value of the verb."""
        return self.given[self.verb]

    def texts(self, key: str) -> list[str]:
        """A text or a list of texts, as a list; empty when it is not given."""
        value = self.given.get(key, [])
        return [value] if isinstance(value, str) else list(value)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario."""

    file: str
    title: str
    steps: tuple[Step, ...]


def shipped() -> list[str]:
    """The names of the scenarios that come with the package."""
    folder = resources.files("slack_sandbox.trial") / "scenarios"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str, people: Sequence[str], channels: Sequence[str]) -> Scenario:
    """The scenario of a file, or the one of this name that comes with the package, checked against who and what there
    is. Raises ScenarioError."""
    file, text = _read(name)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{file}: it is not TOML: {error}") from error
    if unknown := sorted(set(content) - {"title", "steps"}):
        raise ScenarioError(f"{file}: unknown key {unknown[0]!r}; there are title and steps")
    steps, title = content.get("steps"), content.get("title", file)
    if not isinstance(title, str):
        raise ScenarioError(f"{file}: title must be {TEXT}")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise ScenarioError(f"{file}: it has no steps; write at least one [[steps]]")
    checked = tuple(_step(file, number, given, people, channels) for number, given in enumerate(steps, start=1))
    _check_names(file, checked)
    return Scenario(file, title, checked)


def _read(name: str) -> tuple[str, str]:
    path = Path(name)
    try:
        if name in shipped() and not path.is_file():
            path = Path(f"{name}.toml")
            return path.name, (resources.files("slack_sandbox.trial") / "scenarios" / path.name).read_text("utf-8")
        return path.name, path.read_text("utf-8")
    except FileNotFoundError as error:
        known = ", ".join(shipped())
        raise ScenarioError(f"there is no file {name}; the scenarios that come with the package: {known}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{name} cannot be read: {error}") from error


def _step(file: str, number: int, given: Json, people: Sequence[str], channels: Sequence[str]) -> Step:
    where = f"{file}, step {number}"
    verbs = [key for key in given if key in VERBS]
    if len(verbs) != 1:
        said = (
            f"it has {' and '.join(verbs)}" if verbs else f"it has none ({', '.join(sorted(given)) or 'it is empty'})"
        )
        raise ScenarioError(f"{where}: a step has exactly one of {', '.join(VERBS)}; {said}")
    verb = verbs[0]
    shape, others = VERBS[verb]
    known = {verb: shape, **others, **COMMON}
    for key, value in given.items():
        if key not in known:
            listed = ", ".join([*others, *COMMON])
            raise ScenarioError(f"{where}: unknown key {key!r}; beside `{verb}` there may be {listed}")
        if not _fits(value, known[key]):
            raise ScenarioError(f"{where}: {key} must be {known[key]}")
    for problem in _problems(verb, given, people, channels):
        raise ScenarioError(f"{where}: {problem}")
    return Step(number, verb, given, str(given.get("title") or _title(verb, given)))


def _fits(value: Any, shape: str) -> bool:
    if shape == TEXT:
        return isinstance(value, str)
    if shape == TEXTS:
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    if shape == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if shape == TRUTH:
        return isinstance(value, bool)
    if shape == TABLE:
        return isinstance(value, dict)
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and all(map(_is_call, value)))


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= {"tool", "arguments"}
        and isinstance(value.get("tool"), str)
        and isinstance(value.get("arguments", {}), dict)
    )


def _problems(verb: str, given: Json, people: Sequence[str], channels: Sequence[str]) -> Iterator[str]:
    """What cannot be meant, in words."""
    named = [(key, given[key]) for key in ("by", "from", "to") if key in given]
    named += [("close", given["close"])] if verb == "close" else []
    for key, name in named:
        if name not in people:
            yield f"{key}: there is nobody called {name!r}; there are {', '.join(people)}"
    places = ["dm", *(f"#{name}" for name in channels)]
    if given.get("in", "dm") not in places:
        yield f"in: there is no {given['in']!r}; there are {', '.join(places)}"
    if verb == "bot" and given["bot"] not in STEERING:
        yield f"bot must be one of {', '.join(STEERING)}"
    if verb in ("file", "write"):
        path = PurePosixPath(given[verb])
        if path.is_absolute() or ".." in path.parts or not path.parts:
            yield f"{verb} must be a path inside the workspace"
    if "nth" in given and (given["nth"] < 1 or given["nth"] != int(given["nth"])):
        yield "nth counts from 1"


def _check_names(file: str, steps: Sequence[Step]) -> None:
    """Every thread that a step names must have begun before."""
    begun: set[str] = set()
    found: set[str] = set()
    for step in steps:
        if step.verb == "wait" and step.given.get("on") not in {None, *found}:
            problem = f"no wait before it has the name {step.given['on']!r}"
            raise ScenarioError(f"{file}, step {step.number}: {problem}")
        if step.verb == "wait" and "name" in step.given:
            found.add(step.given["name"])
        thread = step.given.get("thread")
        if thread is not None and thread not in begun:
            raise ScenarioError(f"{file}, step {step.number}: no step before it says something under name = {thread!r}")
        if step.verb == "say" and "name" in step.given:
            begun.add(step.given["name"])
        needs_thread = step.verb in ("wait", "absent", "click") and step.given.get("on") not in ("home", "window")
        if needs_thread and not any(earlier.verb == "say" for earlier in steps[: step.number]):
            raise ScenarioError(f"{file}, step {step.number}: nobody has said anything yet")


def _title(verb: str, given: Json) -> str:
    """A step in words, for those who watch."""
    return _TITLES[verb](given[verb], given.get("by", "Alice"), given)


def _quoted(what: Any) -> str:
    texts: list[Any] = what if isinstance(what, list) else [what]
    return " and ".join(f"“{each}”" for each in texts)


def _model(what: Any) -> str:
    if isinstance(what, str):
        return f"The model will say “{what}”"
    return f"The model will call {', '.join(call['tool'].rpartition('__')[2] for call in what)}"


_TITLES: Final[Mapping[str, Callable[[Any, str, Json], str]]] = {
    "say": lambda what, by, given: f"{by}: {what}",
    "model": lambda what, by, given: _model(what),
    "wait": lambda what, by, given: f"{given.get('from', 'The bot')} says {_quoted(what)}",
    "absent": lambda what, by, given: f"Nobody has said {_quoted(what)}",
    "whisper": lambda what, by, given: f"Only {given.get('to', 'Alice')} reads {_quoted(what)}",
    "click": lambda what, by, given: f"{by} presses {what}",
    "window": lambda what, by, given: f"{by} sees a window with {_quoted(what)}",
    "submit": lambda what, by, given: f"{by} sends the window",
    "close": lambda what, by, given: f"{what} closes the window",
    "home": lambda what, by, given: f"{by} reads {_quoted(what)} in the App Home",
    "file": lambda what, by, given: f"{what} is {'as it should be' if given.get('there', True) else 'not there'}",
    "write": lambda what, by, given: f"Somebody changes {what} by hand",
    "fault": lambda what, by, given: f"Switched on: {what}",
    "clear": lambda what, by, given: f"Switched off: {what}",
    "bot": lambda what, by, given: f"The bot: {what}",
    "pause": lambda what, by, given: f"A pause of {what} s",
}
