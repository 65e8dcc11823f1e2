"""Recognizes messages that ask the bot to stop, and nothing else. Pure.

Words can only stop things: nothing that somebody writes approves anything.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 80
"""Longer messages are not stop words."""

_WORDS = """
en: stop|stop it|stop that|stop this|stop now|stop working|stop everything|please stop|stop please|pls stop|cancel
en: cancel it|cancel that|cancel this|please cancel|abort|abort it|abort that|halt|nevermind|never mind|nvm|forget it
de: stopp|stoppen|stopp bitte|bitte stopp|bitte stoppen|anhalten|abbrechen|bitte abbrechen|abbruch|hör auf|hoer auf
de: aufhören|aufhoeren|vergiss es|lass es|lass gut sein
fr: arrête|arrete|arrête ça|arrêter|arrêtez|arretez|arrête-toi|stoppe|annule|annuler|annulez|laisse tomber
fr: laissez tomber|stop s'il te plaît|stop s'il vous plaît
es: para|párate|parar|pare|detente|deténte|detener|deténgase|detén|alto|cancela|cancelar|cancelado|basta|olvídalo
es: olvidalo|déjalo|dejalo|para por favor
it: ferma|fermati|fermo|fermare|basta|annulla|annullare|interrompi|smettila|smetti|lascia stare|lascia perdere
pl: zatrzymaj|zatrzymaj się|zatrzymaj sie|przestań|przestan|anuluj|przerwij|stój|stop proszę|nieważne
pt: para|pare|parar|pára|cancela|cancele|cancelar|chega|basta|deixa|esquece|deixa pra lá
nl: stoppen|stop maar|annuleer|annuleren|hou op|houd op|laat maar
sv: stoppa|avbryt|sluta|glöm det
da: stands|afbryd|annuller|glem det
no: avbryt|slutt|glem det
fi: seis|pysäytä|lopeta|peruuta
cs: zastav|zastavit|přestaň|zruš|zrušit
tr: dur|durdur|iptal|iptal et|vazgeç
ru: стоп|стой|остановись|остановитесь|останови|хватит|отмена|отмени|отменить|прекрати|перестань|не надо
uk: стоп|стій|зупинись|зупини|досить|скасуй|скасувати|припини
ja: 停止|止めて|止めてください|とめて|止まって|止まれ|やめて|やめてください|やめろ|ストップ|中止
ja: 中断|キャンセル|取り消し
ko: 그만|그만해|그만해줘|그만하세요|멈춰|멈춰줘|멈추세요|중지|중단|취소|취소해|취소해줘|정지|스톱
zh: 停|停下|停下来|停止|停一下|取消|中止|终止|終止|住手|算了|别做了|別做了
hi: रुको|रुकें|रुकिए|रुक जाओ|बंद करो|रद्द करो
ar: توقف|توقفي|قف|أوقف|إلغاء|ألغ
he: עצור|עצרי|תפסיק|בטל
vi: dừng|dừng lại|hủy
id: berhenti|hentikan|batal|batalkan
"""
_MARKS = re.compile(r"[*_]")
"""Emphasis. Code and struck-through text are not removed: they are not requests."""
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'"})
_EDGES = " \t\r\n.,!?;:…·-–—¡¿。、！？，．；：()[]\"'“”„«»"


def plain_words(text: str) -> str:
    """Return a text normalized for comparison: case, emphasis, surrounding punctuation and width make no difference."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return unicodedata.normalize("NFC", " ".join(_MARKS.sub("", text).split()).strip(_EDGES))


STOP_WORDS = frozenset(
    plain_words(word) for line in _WORDS.strip().splitlines() for word in line.partition(":")[2].split("|")
)


def is_stop(text: str, mention: str = "") -> bool:
    """Return whether a message consists of a stop word alone.

    Args:
        text: the author's own words in Slack's markup, without quotes and forwarded messages.
        mention: how the markup mentions the bot, which may come before or after the word.
    """
    if len(text) > MAX_CHARS:
        return False
    if mention:
        text = text.replace(mention, " ")
    return plain_words(text) in STOP_WORDS
