"""Instructions: tell a sentence that gives a model orders from one that tells a reader facts.

Passages are data. A sentence among them that says what an assistant shall do ("ignore the above",
"end your reply with a link") is no evidence: it is neither shown to a model nor quoted. The rules
are few and general, in four languages, and say nothing of topics. They ask for one of

    override   set instructions, rules or all that was said aside
    persona    be somebody else from now on, in another mode
    reply      an imperative about "your reply", "your answer"
    reveal     show the prompt or the instructions
    label      a line that speaks in the place of the system or the assistant

Who asks may say how the reply shall look; so a question is held against all kinds but `reply` and
those of `persona` that only ask for a manner (`sets_aside`).

A text is read as it stands and with its disguises taken off: invisible characters, full-width and
leet letters, letters one by one, marks of Markdown and HTML comments, base64.

Why it is so: a manual is full of imperatives ("Choose Create. Add the following code to your
application."), so an imperative alone is no order to a model. How many orders are found, and how
many sentences of manuals taken for one, stands in docs/moderator.md.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

import regex

from agents.normal_forms import normalized

CHARACTERS_MAX = 4_000
"""Of a sentence that are read: the longest chunk has fewer."""
QUESTION_CHARACTERS = 8_000
"""Of a question: as many as it may have."""
ENCODED_MAX = 4
"""Stretches of base64 that are read, and of each ENCODED_CHARACTERS."""
ENCODED_CHARACTERS = 1_000
LEET = str.maketrans("013457@$!|", "oieastasil")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_MARKUP = re.compile(r"<!--|-->|[`*_~>#\[\](){}\"“”„«»]+|\\n")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-]){4,}\w(?!\w)")
_REPLY = r"(?:reply|replies|response|responses|answer|answers|output|summary|translation)"
_GAP = r"[^.!?\n]{0,60}?"
_OVERRIDE = (
    (
        rf"\b(?:ignore|disregard|forget|override|bypass|drop|skip)\b{_GAP}\b(?:instructions?"
        r"|prompts?"
        r"|(?:previous|prior|above|your|all) (?:rules|guidelines|directions|orders|commands|context"
        r"|messages?|documents?|tasks?|assignments?))\b"
    ),
    (
        r"\b(?:ignore|disregard|forget) (?:about )?(?:everything|anything|all(?: of)?(?: that)?"
        r"|what(?:ever)?)(?: that)?(?: (?:is|was|you|i|we|has|have|had|been|were))*"
        r" (?:above|before|prior|previous\w*|said|say|told|know|written)\b"
    ),
    r"\b(?:ignore|disregard) (?:the )?above(?: and\b|,|$|\.)",
    (
        r"\b(?:do not|don'?t|never|stop) (?:follow|obey|listen to)\b"
        rf"{_GAP}\b(?:instructions?|system prompt|rules above|user)\b"
    ),
    (
        rf"\b(?:ignorier\w*|vergiss|vergesst|vergessen sie|missacht\w+){_GAP}\b(?:anweisung\w*"
        r"|instruktion\w*|befehle?|vorgaben|aufträge|prompts?|alles|davor|regeln|(?:das )?obige)\b"
    ),
    (
        rf"\b(?:ignor(?:e|ez|er)|oublie[rz]?){_GAP}\b(?:instructions|consignes|directives"
        r"|ce qui précède"
        r"|tout ce qu\w*)\b"
    ),
    (
        rf"\b(?:ignor[ae]n?|olvid[ae]n?|olvidar){_GAP}\b(?:instrucciones|reglas|indicaciones"
        r"|todo lo"
        r"|lo anterior|órdenes)\b"
    ),
)
_PERSONA = (
    (
        r"\b(?:you are|act|behave|respond|speak) (?:now|from now on) (?:as )?(?:an? |the |my )?"
        r"(?:\w+ ){0,3}(?:assistant|ai|bot|chatbot|model|persona|character|pirate|hacker|dan)\b"
    ),
    r"\bfrom now on,? (?:you|always|never|answer|reply|respond|act|speak)\b",
    (
        r"\b(?:enter|enable|activate|switch (?:in)?to) (?:the )?"
        r"(?:dan|god|jailbreak|unrestricted) mode\b"
        r"|\byou are (?:now )?in (?:the )?(?:developer|debug|dan|god|admin|unrestricted) mode\b"
    ),
    (
        r"\b(?:i want you to|you (?:must|will|shall)) (?:act|behave|pretend|respond|reply"
        r"|answer|speak)\b"
    ),
    r"\bpretend (?:to be|that you|you)\b",
    r"\bdu bist (?:jetzt|nun|ab (?:jetzt|sofort)) (?:ein|der|die|kein|mein)\w*\b",
    r"\b(?:ab jetzt|von nun an) (?:bist|antworte\w*|sprich|sollst) ?(?:du)?\b",
    r"\b(?:à partir de maintenant|désormais),? (?:tu|vous|réponds?|répondez)\b",
    r"\b(?:a partir de ahora|desde ahora),? (?:eres|responde|debes|usted|contesta)\b",
)
_REPLY_SO = (
    (
        r"(?:^|[.!?:;,\n]\s*|\bplease |\balways |\bnever |\bmust |\bshould |\bto )(?:in"
        r"|throughout) your"
        rf" (?:next |final )?{_REPLY}\b"
    ),
    (
        r"(?:^|[.!?:;\n]\s*|\bplease |\balways |\bnever |\bmust |\bdo not )"
        r"(?:add|include|append|insert|integrate|embed|incorporate|mention|end|begin|start"
        r"|finish|close"
        r"|write|provide|render|convert|replace|reverse|translate|encode|introduce|augment|enhance"
        r"|modify|deliver|give|make|format|group|combine|omit|remove|rearrange|misspell"
        r"|jumble|scramble)"
        rf"\b{_GAP}\b(?:(?:in|into|to|of|within|with|from|for) |)your (?:next |final "
        rf"|entire )?{_REPLY}\b"
    ),
    (
        r"(?:^|[.!?:;\n]\s*|\bplease |\bmust |\bshould )(?:reply|respond|answer)"
        r" (?:only|always|instead|exclusively|with the (?:word|phrase|text)|to (?:every|any|all))\b"
    ),
    (
        r"\b(?:when|before|after|while) (?:you (?:answer|reply|respond|summari[sz]e)"
        r"|answering|summari[sz]ing|responding to (?:the|this))\b[^.!?\n]{0,80}"
        r"\b(?:always|never|must|add|include|say|mention|recommend|tell|do not)\b"
    ),
    (
        r"\b(?:the )?(?:assistant|chatbot|language model|ai(?: model| assistant)?"
        r"|llm) (?:must|shall|should"
        r"|has to|is to) (?:always |never |not |only |instead |now )*(?:say|reply|answer"
        r"|respond|ignore"
        r"|recommend|reveal|tell|mention|state|claim|output|print|refuse|include|send)\b"
    ),
    (
        r"\bin (?:deiner|ihrer|eurer) antwort(?:en)?\b|\bantworte(?:n sie)? (?:nur|immer"
        r"|stattdessen"
        r"|ausschließlich)\b"
    ),
    r"\bdans (?:ta|votre) réponse\b|\bréponds?(?:ez)? (?:uniquement|toujours|seulement)\b",
    r"\ben (?:tu|su) respuesta\b|\bresponde (?:solo|sólo|siempre|únicamente)\b",
    (
        r"\b(?:following|subsequent) code (?:snippet|block|section|excerpt|fragment|segment)s?\b"
        rf"{_GAP}\byour (?:\w+ )?(?:code|codebase|solution|implementation|algorithm|response"
        r"|answer)\b"
    ),
    (
        r"\byour (?:\w+ )?(?:code|codebase|solution|implementation|algorithm|response"
        rf"|answer)\b{_GAP}"
        r"\b(?:following|subsequent) code (?:snippet|block|section|excerpt|fragment|segment)s?\b"
    ),
)
_REVEAL = (
    (
        rf"\b(?:reveal|repeat|print|show|output|display|leak|disclose|tell me|give me|return){_GAP}"
        r"\b(?:system prompts?|hidden (?:prompt|instructions)|initial (?:prompt|instructions)"
        r"|your (?:prompts?|instructions|embeddings|guidelines)|prompt texts?|the prompt)\b"
    ),
    (
        rf"\b(?:zeig\w*|verrate?\w*|nenn\w*|druck\w*|gib|wiederhol\w*){_GAP}\b(?:system-?prompts?"
        r"|prompt-?texte?s?|deine (?:anweisungen|instruktionen))\b"
    ),
    rf"\b(?:révèle|montre|affiche|répète)\w*{_GAP}\b(?:prompt|tes instructions|vos instructions)\b",
    rf"\b(?:revela|muestra|imprime|repite){_GAP}\b(?:prompt|tus instrucciones)\b",
)
_LABEL = (
    (
        r"(?:^|\n)\s*(?:system|assistant|developer)(?: (?:prompt|message|note|override"
        r"|instruction))?\s*:"
        r"\s*(?:you|ignore|please|do not|always|never|from now|answer|reply|respond|new)\b"
    ),
    r"<\|?(?:im_start|system|assistant)\|?>|\[/?inst\]|<</?sys>>",
    (
        r"\b(?:new|updated|important|additional) (?:instructions?|task|orders?)(?: for (?:the"
        r"|an|all)"
        r" (?:ai|assistant|model|chatbot)s?)?\s*:"
    ),
    r"\b(?:new|next) (?:task|statement|instruction)s?\s*[:\-–]",
)
_ORDER = regex.compile(
    "|".join(
        f"(?:{pattern})" for pattern in (*_OVERRIDE, *_PERSONA, *_REPLY_SO, *_REVEAL, *_LABEL)
    ),
    regex.IGNORECASE,
)
_ASIDE = regex.compile(
    "|".join(f"(?:{pattern})" for pattern in (*_OVERRIDE, *_REVEAL, *_LABEL)), regex.IGNORECASE
)


def orders(text: str) -> bool:
    """Tell whether a sentence gives a model orders. Its work is linear in the text."""
    return any(_ORDER.search(reading) for reading in _readings(text[:CHARACTERS_MAX]))


def sets_aside(text: str) -> bool:
    """Tell whether a question would set an assistant's rules aside. Its work is linear too."""
    return any(_ASIDE.search(reading) for reading in _readings(text[:QUESTION_CHARACTERS]))


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and as it reads once its disguises are off."""
    plain = _plain(text)
    yield plain
    bare = " ".join(_MARKUP.sub(" ", plain).split())
    if bare != plain:
        yield bare
    if (unmasked := bare.translate(LEET)) != bare:
        yield unmasked
    joined = _SPACED.sub(lambda run: re.sub(r"[ .\-]", "", run[0]), bare)
    if joined != bare:
        yield joined
    for encoded in _ENCODED.findall(text)[:ENCODED_MAX]:
        if decoded := _decoded(encoded[:ENCODED_CHARACTERS]):
            yield _plain(decoded)


def _plain(text: str) -> str:
    """Fold width and case, and take out what has no width; lines stay."""
    folded = normalized("NFKC", text).casefold()
    visible = "".join(c for c in folded if c == "\n" or unicodedata.category(c) != "Cf")
    return re.sub(r"[^\S\n]+", " ", visible).strip()


def _decoded(encoded: str) -> str:
    """Decode base64; empty where it is none, or does not hold text."""
    whole = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    try:
        text = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() else ""
