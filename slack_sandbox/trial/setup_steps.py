"""Steps of a scenario beside Slack: the model's next answer, files of the workspace, faults, the bot's process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from slack_sandbox.openrouter import call, calls, text
from slack_sandbox.trial.scenario import Step
from slack_sandbox.trial.scenario_context import POLL, ScenarioContext, StepFailed, quoted, seconds_of, short


async def model(step: Step, context: ScenarioContext) -> None:
    """Prepare the model's next answer."""
    if isinstance(step.what, str):
        context.model.script(text(step.what))
    else:
        context.model.script(calls(*(call(each["tool"], each.get("arguments", {})) for each in step.what)))


async def file(step: Step, context: ScenarioContext) -> None:
    """Wait until a file is as it should be."""
    path, there = context.workspace / step.what, step.given.get("there", True)
    deadline = asyncio.get_running_loop().time() + seconds_of(step)
    while True:
        content = await asyncio.to_thread(_content, path)
        problem = _difference(step, content, there)
        if not problem:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise StepFailed(problem)
        await asyncio.sleep(POLL)


def _content(path: Path) -> str | None:
    return path.read_text("utf-8", "replace") if path.is_file() else "(a folder)" if path.is_dir() else None


def _difference(step: Step, content: str | None, there: bool) -> str:
    name = step.what
    if content is None:
        return f"{name} is not there" if there else ""
    if not there:
        return f"{name} is there"
    missing = [words for words in step.texts("contains") if words not in content]
    surplus = [words for words in step.texts("lacks") if words in content]
    if missing:
        return f"{name} does not contain {quoted(missing)}; it is: {short(content)}"
    if surplus:
        return f"{name} still contains {quoted(surplus)}; it is: {short(content)}"
    if "is" in step.given and content != step.given["is"]:
        return f"{name} is otherwise: {short(content)}"
    return ""


async def write(step: Step, context: ScenarioContext) -> None:
    """Change a file by hand."""
    path, content = context.workspace / step.what, step.given.get("content", "")

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")

    await asyncio.to_thread(write)


async def fault(step: Step, context: ScenarioContext) -> None:
    """Switch a fault on."""
    for source in context.sources():
        if step.what in [offer.kind for offer in source.offers()]:
            await source.switch_on(step.what, step.given.get("number"))
            return
    known = [offer.kind for source in context.sources() for offer in source.offers()]
    raise StepFailed(f"there is no such fault; there are {', '.join(known)}")


async def clear(step: Step, context: ScenarioContext) -> None:
    """Switch faults off."""
    for source in context.sources():
        if step.what == "all":
            source.switch_off(None)
        for active in source.active():
            if active.kind == step.what:
                source.switch_off(active.id)


async def bot(step: Step, context: ScenarioContext) -> None:
    """Start or end the bot."""
    child = context.child
    match step.what:
        case "start":
            await child.start()
        case "stop":
            await child.stop()
        case "restart":
            await child.restart()
        case _:
            await child.kill()
    if step.what in ("start", "restart"):
        await asyncio.wait_for(child.settled(), seconds_of(step))
        if child.state != "running":
            raise StepFailed(f"the bot is {child.state} instead of running")
