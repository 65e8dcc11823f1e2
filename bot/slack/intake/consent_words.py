"""Whether a message says nothing but that something may be done. Pure.

It approves nothing: the bot answers that only its buttons count.
"""

from __future__ import annotations

import itertools

from bot.slack.intake.stop_words import MAX_CHARS, plain_words

_WORDS = """
en: yes|yes please|yes pls|yep|yeah|yup|sure|of course|ok|okay|k|fine|approve|approved|i approve|approve it|approve this
en: approve that|please approve|confirm|confirmed|accept|accepted|agreed|allow|allow it|go|go ahead|please go ahead
en: go for it|do it|please do|please do it|just do it|proceed|please proceed|continue|lgtm|looks good|looks good to me
en: sounds good|ship it|run it|make it so|all good|permission granted|you may|good to go|y|thumbs up
de: ja|ja bitte|jo|klar|gerne|genehmigt|genehmigen|bestätigt|bestätigen|bestätige|einverstanden|mach|mach es|mach das
de: mach mal|tu es|leg los|los|passt|in ordnung|freigegeben|freigeben|weiter|bitte machen|mach weiter
fr: oui|oui s'il te plaît|oui s'il vous plaît|d'accord|approuve|approuvé|j'approuve|approuver|vas-y|allez-y|fais-le
fr: faites-le|c'est bon|confirmé|je confirme|accepté|continue|ça marche|bien sûr
es: sí|si|sí por favor|vale|claro|de acuerdo|apruebo|aprobado|aprobar|aprueba|adelante|hazlo|confirmo|confirmado|acepto
es: procede|dale|está bien
it: sì|va bene|certo|d'accordo|approvo|approvato|approva|procedi|vai|vai avanti|fallo|confermo|confermato|accetto
pl: tak|tak proszę|dobrze|zgoda|zatwierdzam|zatwierdź|zatwierdzone|potwierdzam|zrób to|śmiało|kontynuuj|jasne|pewnie
pt: sim|sim por favor|claro|tá|está bem|tudo bem|aprovo|aprovado|aprovar|aprova|pode|pode fazer|faça|faz|vá em frente
pt: confirmo|confirmado|aceito|prossiga
nl: ja graag|ja hoor|prima|goed|akkoord|goedgekeurd|keur goed|goedkeuren|ga je gang|doe maar|doe het|ga door|bevestigd
sv: ja tack|okej|javisst|godkänn|godkänt|godkänner|kör|kör på|gör det|bekräftar|fortsätt
da: ja tak|okay|godkend|godkendt|gør det|fortsæt|bekræft|kør
no: ja takk|greit|godkjenn|godkjent|gjør det|fortsett|bekreft|kjør på
fi: kyllä|joo|hyväksy|hyväksyn|hyväksytty|tee se|jatka|anna mennä|vahvista
cs: ano|ano prosím|dobře|jasně|schvaluji|schváleno|schválit|souhlasím|udělej to|pokračuj|potvrzuji|do toho
tr: evet|evet lütfen|tamam|olur|onayla|onaylıyorum|onaylandı|kabul|kabul ediyorum|yap|devam|devam et
ru: да|да пожалуйста|хорошо|ок|окей|давай|одобряю|одобрено|одобрить|подтверждаю|подтвердить|согласен|согласна|сделай
ru: делай|продолжай|вперед|вперёд|разрешаю|конечно
uk: так|так будь ласка|добре|гаразд|схвалюю|схвалено|підтверджую|згоден|згодна|зроби|роби|продовжуй|дозволяю|звісно
ja: はい|はいお願いします|うん|ええ|いいよ|いいです|いいですよ|オーケー|承認|承認します|承認する|了解|了解です
ja: お願いします|進めて|進めてください|実行|実行して|実行してください|どうぞ
ja: やって|やってください|許可|許可します
ko: 네|예|응|좋아|좋아요|그래|오케이|승인|승인해|승인해줘|승인합니다|확인|동의|동의합니다|진행|진행해
ko: 진행해줘|진행하세요|해줘|해|허락
zh: 是|是的|好|好的|好吧|可以|行|没问题|沒問題|同意|批准|我批准|确认|確認|继续|繼續|执行|執行|去做吧
zh: 做吧|允许|允許|对|對
hi: हाँ|हां|जी हाँ|जी|ठीक है|ठीक|मंज़ूर|मंजूर|स्वीकार|स्वीकृत|करो|कर दो|आगे बढ़ो|जारी रखो|पुष्टि
ar: نعم|أجل|حسنا|حسنًا|موافق|موافقة|أوافق|وافق|تمام|تفضل|افعل|نفذ|استمر|أكد|اعتمد
he: כן|כן בבקשה|בסדר|אוקיי|אישור|מאשר|מאשרת|מאושר|תאשר|קדימה|תעשה|תמשיך|מסכים|מסכימה
vi: vâng|có|được|đồng ý|phê duyệt|chấp nhận|xác nhận|làm đi|tiếp tục|duyệt
id: ya|iya|ya tolong|baik|oke|setuju|setujui|disetujui|lanjut|lanjutkan|lakukan|silakan|konfirmasi|boleh
any: 👍|✅|👌|🆗|:+1:|:thumbsup:|:white_check_mark:|:ok_hand:|:ok:|:heavy_check_mark:
"""
MAX_PHRASES = 3
"""Phrases that may follow one another: “yes, ok, go ahead”."""
_MAX_TOKENS = 12

CONSENT_WORDS = frozenset(
    plain_words(word) for line in _WORDS.strip().splitlines() for word in line.partition(":")[2].strip().split("|")
)


def is_consent(text: str, mention: str = "") -> bool:
    """Return whether a message is nothing but consent.

    Args:
        text: the author's own words in Slack's markup, without quotes and forwarded messages.
        mention: how the markup mentions the bot; it may be anywhere.
    """
    if len(text) > MAX_CHARS:
        return False
    said = plain_words(text.replace(mention, " ") if mention else text)
    if said in CONSENT_WORDS:
        return True
    tokens = [token for token in (plain_words(each) for each in said.split()) if token]
    return 1 < len(tokens) <= _MAX_TOKENS and _divides(tokens, MAX_PHRASES)


def _divides(tokens: list[str], most: int) -> bool:
    """Whether tokens are at most so many phrases of consent in a row."""
    if not tokens:
        return True
    if not most:
        return False
    starts = itertools.accumulate(tokens, "{} {}".format)
    return any(
        start in CONSENT_WORDS and _divides(tokens[length:], most - 1) for length, start in enumerate(starts, start=1)
    )
