"""What is posted: once, in order, whole, and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from slack_sandbox.faults import FaultKind
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, failure, text
from slack_sandbox.openrouter.script import FailureKind
from tests.harness import World, is_progress, steps, world

pytestmark = pytest.mark.anyio


def markdown(here: World, ts: str) -> list[str]:
    """The Markdown of the bot's messages in the thread."""
    return [block["text"] for reply in here.replies(ts) for block in reply.blocks or [] if block["type"] == "markdown"]


async def test_a_long_answer_comes_whole_in_several_messages_with_no_code_block_torn_open(here: World) -> None:
    code = "\n".join(f"    line_{number} = {number}" for number in range(1200))
    answer = f"Here it is.\n\n```python\n{code}\n```\n\nThat was all."
    here.model.script(text(answer, chunks=50))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> long")
    await here.reply(ts, "That was all.")
    await here.quiet()
    parts = markdown(here, ts)
    assert len(parts) == 3
    assert all(part.count("```") == 2 for part in parts)
    assert "".join(part.replace("```python\n", "").replace("```", "") for part in parts).count("line_") == 1200


async def test_an_answer_too_long_for_messages_is_a_file(here: World) -> None:
    answer = "\n\n".join(f"Paragraph {number} with some words in it." for number in range(3000))
    here.model.script(text(answer))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> very long")
    await here.until(lambda: any(reply.files for reply in here.replies(ts)), what="a file")
    await here.quiet()
    file = next(reply.files[0] for reply in here.replies(ts) if reply.files)
    assert file.content.decode() == answer
    assert "The whole answer is in the file below" in here.replies(ts)[0].plain


async def test_a_turn_that_takes_longer_shows_what_it_does_in_its_one_message(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[limits]\nprogress_after_seconds = 0.1\nprogress_every_seconds = 0.2\n")
    async with world(tmp_path, start=False) as here:
        here.slack.scopes.discard("assistant:write")  # no agent: Slack shows no status, so the message says it
        await here.bot.start()
        await here.ready()
        here.model.script(
            calls(call("filesystem__list_allowed_directories", {}), first_token=0.8), text("Done.", first_token=0.8)
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> slowly")
        await here.until(lambda: any(is_progress(message) for message in here.slack.thread(here.general, ts)))
        await here.reply(ts, "Done.")
        await here.quiet()
        assert not any(is_progress(message) for message in here.slack.thread(here.general, ts))
        [message] = here.replies(ts)
        assert [step.partition(":")[0] for step in steps(message)] == ["complete"]


FAULTS: tuple[FaultKind, ...] = ("server_error_after", "drop_after", "server_error", "drop_before")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_post_whose_outcome_is_unknown_is_there_exactly_once(here: World, fault: FaultKind) -> None:
    here.slack.faults.add("chat.postMessage", fault, times=1)
    here.model.script(text("Exactly once."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Exactly once.")
    await here.quiet()
    assert len(here.replies(ts)) == 1


async def test_a_rate_limit_is_waited_for(here: World) -> None:
    here.slack.faults.add("chat.postMessage", "ratelimited", times=2, retry_after=1)
    here.model.script(text("After all."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "After all.")
    await here.quiet()
    assert len(here.replies(ts)) == 1


async def test_blocks_that_slack_does_not_take_are_posted_as_text(here: World) -> None:
    here.slack.faults.add("chat.postMessage", "error", times=1, code="invalid_blocks")
    here.model.script(text("Still **here**."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Still **here**.")
    await here.quiet()


FAILURES = {
    "a wrong key": (failure(401), "does not accept the bot's key"),
    "no credits": (failure(402), "credits"),
    "an overloaded provider": (failure(503), "did not answer"),
    "a bad request": (failure(400), "refused this request"),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_when_the_model_fails_the_person_is_told_what_happened_and_what_to_do(here: World, kind: str) -> None:
    answer, words = FAILURES[kind]
    broken = True

    def respond(request: ChatRequest) -> Answer:
        return answer if broken else text("Back again.")

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    notice = await here.reply(ts, words, timeout=30)
    assert "Everything in this thread is kept" in notice.plain
    assert "Traceback" not in notice.plain
    broken = False
    if "Retry" in str(notice.blocks):
        await here.slack.click(notice, "Retry", by=here.alice)
    else:
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.reply(ts, "Back again.")
    await here.quiet()


BREAKS: tuple[FailureKind, ...] = (
    "error_in_200",
    "error_finish",
    "error_chunk",
    "truncated",
    "unfinished",
    "garbage",
    "html",
    "dropped",
)


@pytest.mark.parametrize("kind", BREAKS)
async def test_a_reply_that_breaks_off_is_asked_again_and_nothing_half_is_posted(
    here: World, kind: FailureKind
) -> None:
    here.model.script(failure(kind, before=text("Half of")), text("Whole."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Whole.")
    await here.quiet()
    assert len(here.replies(ts)) == 1
