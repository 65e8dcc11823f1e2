"""Only a message that is nothing but a stop word stops anything."""

from __future__ import annotations

import pytest

from bot.slack.intake.stop_words import is_stop

BOT = "<@UBOT>"
STOPS = [
    "stop", "Stop!", "STOP", " stop. ", "stop…", "*stop*", "_Stop_", "ｓｔｏｐ", "cancel",
    "Abort!!", "halt", "never mind",
    "Nevermind.", "please stop", "stop please", "“stop”", "stop\n",
    "stopp", "Abbrechen", "hör auf", "arrête", "Arrête !", "annule", "¡Para!", "detente", "ferma", "Basta!",
    "zatrzymaj",
    "anuluj", "pare", "avbryt", "hou op", "стоп", "Хватит!", "停止", "止めて。", "やめて",
    "그만", "그만해!", "중지", "停", "算了",
    "取消", "रुको", "توقف", "עצור", "durdur", "dừng lại",
]  # fmt: skip
GOES_ON = [
    "", "stop the server", "don't stop", "do not cancel", "stop?no", "stops", "unstop",
    "`stop`", "~stop~", "```stop```",
    "stop at 5", "when do I stop", "I said never mind the gap", "yes", "approve", "go on", "ok", "no", "nonstop", "👍",
    "para Alice", "ferma il server", "停止しないで", "stop" * 30, "<@UOTHER> stop", "<!here> stop", "stop <#C1>",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_a_bare_stop_word_stops_with_a_mention_of_the_bot_and_without(text: str) -> None:
    said = (text, f"{BOT} {text}", f"{text} {BOT}", f"{BOT}: {text}", f"{BOT}, {text}")
    assert [is_stop(each, BOT) for each in said] == [True] * len(said)


@pytest.mark.parametrize("text", GOES_ON)
def test_what_says_more_or_less_stops_nothing(text: str) -> None:
    assert not is_stop(text, BOT)
    assert not is_stop(f"{BOT} {text}", BOT)
