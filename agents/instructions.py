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

A pattern is searched for only where one of its words stands, which is in few sentences: all
patterns as one took half the time of a whole answer.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import regex

from agents.normal_forms import folded

CHARACTERS_MAX = 4_000
"""Of a sentence that are read: the longest chunk has fewer."""
QUESTION_CHARACTERS = 8_000
"""Of a question: as many as it may have."""
ENCODED_MAX = 4
"""Stretches of base64 that are read, and of each ENCODED_CHARACTERS."""
ENCODED_CHARACTERS = 1_000
LEET = str.maketrans("013457@$!|", "oieastasil")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_MARKUP = re.compile(
    r"[-<\\`*_~>#\[\](){}\"“”„«»](?:(?<=<)!--|(?<=-)->|(?<=\\)n"
    r"|(?<![-<\\])[`*_~>#\[\](){}\"“”„«»]*)"
)
"""Marks, a comment's ends, a line break that is spelt out. It begins with one of few characters,
which engines look for in a fifth of the time that alternatives take."""
NO_WIDTH = frozenset({"Cf"})
_BLANKS = re.compile(r" [^\S\n]+|[^\S\n ][^\S\n]*")  # but for the one that is meant
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-]){4,}\w(?!\w)")
_SPACED_WITHIN = re.compile(r"[ .\-]\w[ .\-]\w[ .\-]")
"""Stands in all that is spaced, and is looked for in half the time."""
WordedPatterns = tuple[tuple[str, str], ...]
"""Words of letters, one of which stands in whatever a pattern matches, and the pattern."""
PatternSearch = Callable[[str], object]
PatternsByWord = tuple[tuple[str, tuple[PatternSearch, ...]], ...]
_REPLY = r"(?:reply|replies|response|responses|answer|answers|output|summary|translation)"
_GAP = r"[^.!?\n]{0,60}?"
_OVERRIDE: WordedPatterns = (
    (
        "ignore|disregard|forget|override|bypass|drop|skip",
        (
            rf"\b(?:ignore|disregard|forget|override|bypass|drop|skip)\b{_GAP}\b(?:instructions?"
            r"|prompts?"
            r"|(?:previous|prior|above|your|all) (?:rules|guidelines|directions|orders|commands"
            r"|context"
            r"|messages?|documents?|tasks?|assignments?))\b"
        ),
    ),
    (
        "ignore|disregard|forget",
        (
            r"\b(?:ignore|disregard|forget) (?:about )?(?:everything|anything|all(?: of)?(?: that)?"
            r"|what(?:ever)?)(?: that)?(?: (?:is|was|you|i|we|has|have|had|been|were))*"
            r" (?:above|before|prior|previous\w*|said|say|told|know|written)\b"
        ),
    ),
    ("ignore|disregard", r"\b(?:ignore|disregard) (?:the )?above(?: and\b|,|$|\.)"),
    (
        "follow|obey|listen to",
        (
            r"\b(?:do not|don'?t|never|stop) (?:follow|obey|listen to)\b"
            rf"{_GAP}\b(?:instructions?|system prompt|rules above|user)\b"
        ),
    ),
    (
        "ignorier|vergiss|vergesst|vergessen sie|missacht",
        (
            rf"\b(?:ignorier\w*|vergiss|vergesst|vergessen sie|missacht\w+){_GAP}\b(?:anweisung\w*"
            r"|instruktion\w*|befehle?|vorgaben|aufträge|prompts?|alles|davor|regeln"
            r"|(?:das )?obige)\b"
        ),
    ),
    (
        "ignor|oublie",
        (
            rf"\b(?:ignor(?:e|ez|er)|oublie[rz]?){_GAP}\b(?:instructions|consignes|directives"
            r"|ce qui précède"
            r"|tout ce qu\w*)\b"
        ),
    ),
    (
        "ignor|olvid",
        (
            rf"\b(?:ignor[ae]n?|olvid[ae]n?|olvidar){_GAP}\b(?:instrucciones|reglas|indicaciones"
            r"|todo lo"
            r"|lo anterior|órdenes)\b"
        ),
    ),
)
_PERSONA: WordedPatterns = (
    (
        " now ",
        (
            r"\b(?:you are|act|behave|respond|speak) (?:now|from now on) (?:as )?(?:an? |the |my )?"
            r"(?:\w+ ){0,3}(?:assistant|ai|bot|chatbot|model|persona|character|pirate|hacker|dan)\b"
        ),
    ),
    ("from now on", r"\bfrom now on,? (?:you|always|never|answer|reply|respond|act|speak)\b"),
    (
        " mode",
        (
            r"\b(?:enter|enable|activate|switch (?:in)?to) (?:the )?"
            r"(?:dan|god|jailbreak|unrestricted) mode\b"
            r"|\byou are (?:now )?in (?:the )?(?:developer|debug|dan|god|admin|unrestricted) mode\b"
        ),
    ),
    (
        "i want you to|you must|you will|you shall",
        (
            r"\b(?:i want you to|you (?:must|will|shall)) (?:act|behave|pretend|respond|reply"
            r"|answer|speak)\b"
        ),
    ),
    ("pretend ", r"\bpretend (?:to be|that you|you)\b"),
    ("du bist ", r"\bdu bist (?:jetzt|nun|ab (?:jetzt|sofort)) (?:ein|der|die|kein|mein)\w*\b"),
    (
        "ab jetzt|von nun an",
        r"\b(?:ab jetzt|von nun an) (?:bist|antworte\w*|sprich|sollst) ?(?:du)?\b",
    ),
    (
        "à partir de maintenant|désormais",
        r"\b(?:à partir de maintenant|désormais),? (?:tu|vous|réponds?|répondez)\b",
    ),
    (
        "a partir de ahora|desde ahora",
        r"\b(?:a partir de ahora|desde ahora),? (?:eres|responde|debes|usted|contesta)\b",
    ),
)
_REPLY_SO: WordedPatterns = (
    (
        "in your |throughout your ",
        (
            r"(?:^|[.!?:;,\n]\s*|\bplease |\balways |\bnever |\bmust |\bshould |\bto )(?:in"
            r"|throughout) your"
            rf" (?:next |final )?{_REPLY}\b"
        ),
    ),
    (
        "your ",
        (
            r"(?:^|[.!?:;\n]\s*|\bplease |\balways |\bnever |\bmust |\bdo not )"
            r"(?:add|include|append|insert|integrate|embed|incorporate|mention|end|begin|start"
            r"|finish|close"
            r"|write|provide|render|convert|replace|reverse|translate|encode"
            r"|introduce|augment|enhance"
            r"|modify|deliver|give|make|format|group|combine|omit|remove|rearrange|misspell"
            r"|jumble|scramble)"
            rf"\b{_GAP}\b(?:(?:in|into|to|of|within|with|from|for) |)your (?:next |final "
            rf"|entire )?{_REPLY}\b"
        ),
    ),
    (
        "reply |respond |answer ",
        (
            r"(?:^|[.!?:;\n]\s*|\bplease |\bmust |\bshould )(?:reply|respond|answer)"
            r" (?:only|always|instead|exclusively|with the (?:word|phrase|text)"
            r"|to (?:every|any|all))\b"
        ),
    ),
    (
        (
            "you answer|you reply|you respond|you summari"
            "|answering|summarising|summarizing|responding to "
        ),
        (
            r"\b(?:when|before|after|while) (?:you (?:answer|reply|respond|summari[sz]e)"
            r"|answering|summari[sz]ing|responding to (?:the|this))\b[^.!?\n]{0,80}"
            r"\b(?:always|never|must|add|include|say|mention|recommend|tell|do not)\b"
        ),
    ),
    (
        "assistant|chatbot|language model|llm|ai m|ai s|ai has to|ai is to",
        (
            r"\b(?:the )?(?:assistant|chatbot|language model|ai(?: model| assistant)?"
            r"|llm) (?:must|shall|should"
            r"|has to|is to) (?:always |never |not |only |instead |now )*(?:say|reply|answer"
            r"|respond|ignore"
            r"|recommend|reveal|tell|mention|state|claim|output|print|refuse|include|send)\b"
        ),
    ),
    (
        "antwort",
        (
            r"\bin (?:deiner|ihrer|eurer) antwort(?:en)?\b|\bantworte(?:n sie)? (?:nur|immer"
            r"|stattdessen"
            r"|ausschliesslich)\b"
        ),
    ),
    (
        "répon",
        r"\bdans (?:ta|votre) réponse\b|\bréponds?(?:ez)? (?:uniquement|toujours|seulement)\b",
    ),
    (
        "respuesta|responde ",
        r"\ben (?:tu|su) respuesta\b|\bresponde (?:solo|sólo|siempre|únicamente)\b",
    ),
    (
        "following code |subsequent code ",
        (
            r"\b(?:following|subsequent) code (?:snippet|block|section|excerpt|fragment"
            r"|segment)s?\b"
            rf"{_GAP}\byour (?:\w+ )?(?:code|codebase|solution|implementation|algorithm|response"
            r"|answer)\b"
        ),
    ),
    (
        "following code |subsequent code ",
        (
            r"\byour (?:\w+ )?(?:code|codebase|solution|implementation|algorithm|response"
            rf"|answer)\b{_GAP}"
            r"\b(?:following|subsequent) code (?:snippet|block|section|excerpt|fragment"
            r"|segment)s?\b"
        ),
    ),
)
_REVEAL: WordedPatterns = (
    (
        (
            "prompt|hidden instructions|initial instructions"
            "|your instructions|your embeddings|your guidelines"
        ),
        (
            rf"\b(?:reveal|repeat|print|show|output|display|leak|disclose|tell me|give me"
            rf"|return){_GAP}"
            r"\b(?:system prompts?|hidden (?:prompt|instructions)|initial (?:prompt|instructions)"
            r"|your (?:prompts?|instructions|embeddings|guidelines)|prompt texts?|the prompt)\b"
        ),
    ),
    (
        "prompt|deine anweisungen|deine instruktionen",
        (
            rf"\b(?:zeig\w*|verrate?\w*|nenn\w*|druck\w*|gib|wiederhol\w*){_GAP}\b(?:system-?prompts?"
            rf""
            r"|prompt-?texte?s?|deine (?:anweisungen|instruktionen))\b"
        ),
    ),
    (
        "prompt|tes instructions|vos instructions",
        (
            rf"\b(?:révèle|montre|affiche|répète)\w*{_GAP}\b"
            r"(?:prompt|tes instructions|vos instructions)\b"
        ),
    ),
    (
        "prompt|tus instrucciones",
        rf"\b(?:revela|muestra|imprime|repite){_GAP}\b(?:prompt|tus instrucciones)\b",
    ),
)
_LABEL: WordedPatterns = (
    (
        "system|assistant|developer",
        (
            r"(?:^|\n)\s*(?:system|assistant|developer)(?: (?:prompt|message|note|override"
            r"|instruction))?\s*:"
            r"\s*(?:you|ignore|please|do not|always|never|from now|answer|reply|respond|new)\b"
        ),
    ),
    (
        "start|system|assistant|inst|sys",
        r"<\|?(?:im_start|system|assistant)\|?>|\[/?inst\]|<</?sys>>",
    ),
    (
        "new |updated |important |additional ",
        (
            r"\b(?:new|updated|important|additional) (?:instructions?|task|orders?)(?: for (?:the"
            r"|an|all)"
            r" (?:ai|assistant|model|chatbot)s?)?\s*:"
        ),
    ),
    (
        "new task|new statement|new instruction|next task|next statement|next instruction",
        r"\b(?:new|next) (?:task|statement|instruction)s?\s*[:\-–]",
    ),
)


def _by_word(*tables: WordedPatterns) -> PatternsByWord:
    """Return each word with what is to be searched for where a text holds it."""
    searches: defaultdict[str, list[PatternSearch]] = defaultdict(list)
    for words, pattern in chain(*tables):
        search = regex.compile(pattern, regex.IGNORECASE).search
        for word in words.split("|"):
            searches[word].append(search)
    return tuple((word, tuple(found)) for word, found in searches.items())


_ORDER = _by_word(_OVERRIDE, _PERSONA, _REPLY_SO, _REVEAL, _LABEL)
_ASIDE = _by_word(_OVERRIDE, _REVEAL, _LABEL)


def orders(text: str, rules: PatternsByWord = _ORDER) -> bool:
    """Tell whether a sentence gives a model orders. Its work is linear in the text.

    `rules` are those that `suspected` tells of a text that holds the sentence.
    """
    return any(_found(rules, reading) for reading in _readings(text[:CHARACTERS_MAX]))


def suspected(parts: Sequence[str]) -> PatternsByWord:
    """Return the rules of which a word stands in a part of a text, or in two parts in a row."""
    text = "\n".join(parts)  # no form of Unicode reaches across a line break, nor what is encoded
    bare = _bare(_plain(text))
    if _ENCODED.search(text) or (_SPACED_WITHIN.search(bare) and _SPACED.search(bare)):
        return _ORDER  # a word may stand in what is joined or decoded
    unmasked = bare.translate(LEET)  # words are of letters, so those that stood there still do
    return tuple((word, searches) for word, searches in _ORDER if word in unmasked)


def sets_aside(text: str) -> bool:
    """Tell whether a question would set an assistant's rules aside. Its work is linear too."""
    return any(_found(_ASIDE, reading) for reading in _readings(text[:QUESTION_CHARACTERS]))


def _found(rules: PatternsByWord, reading: str) -> bool:
    """Tell whether a text whose case is folded is as one of the rules says."""
    return any(
        search(reading)
        for searches in [searches for word, searches in rules if word in reading]
        for search in searches
    )


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it stands, and as it reads once its disguises are off."""
    plain = _plain(text)
    yield plain
    bare = _bare(plain)
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


def _bare(plain: str) -> str:
    """Take off marks of Markdown and HTML, and line breaks."""
    return " ".join(_MARKUP.sub(" ", plain).split())


def _plain(text: str) -> str:
    """Fold width and case, and take out what has no width; lines stay."""
    return _BLANKS.sub(" ", folded("NFKC", text, NO_WIDTH)).strip()


def _decoded(encoded: str) -> str:
    """Decode base64; empty where it is none, or does not hold text."""
    whole = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    try:
        text = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isprintable() else ""
