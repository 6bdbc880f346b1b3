"""Questions: what kind of answer is asked for, told by the words that ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import regex

from agents.answering.terms import terms
from agents.language import meant
from agents.phrases import word_set

QuestionKind = Literal[
    "definition", "how_to", "list", "quantity", "yes_no", "comparison", "place", "person",
    "reason", "other",
]  # fmt: skip

CHARACTERS_MAX = 400  # within which a question says what it asks for
NAME_STEMS_MAX = 4  # what is longer describes something instead of naming it

ASKING = word_set(
    """name list tell show give explain define describe compare versus vs mean means meaning many
    much long often like want need know find get use make difference differences between stand
    come comes came go goes work works happen happens happened cost costs say says contain contains
    include includes exist exists
    kannst können könnt geht heißt bedeutet zeig zeige erkläre nenne viel viele lange oft
    unterschied zwischen brauche möchte will werde
    combien dois peux peut faire veux signifie différence entre montre explique liste
    cuánto cuánta cuántos cuántas puedo puede hacer significa diferencia explica lista
    """.casefold()
)
"""Words of a question that say what kind of answer is wanted, and nothing of what it is about."""

_I = regex.IGNORECASE | regex.VERSION1
_COMPARISON = regex.compile(
    r"\b(?:differences?|differ|distinguish\w*|compar\w+|versus|vs\.?"
    r"|unterschied\w*|unterscheid\w*|différence\w*|diferencias?)\b",
    _I,
)
_SIDES = regex.compile(
    r"\b(?:between|zwischen|entre)\s+(?P<one>.+?)\s+(?:and|und|et|y)\s+(?P<other>[^?.,;]+)"
    r"|(?:compare\s+|vergleiche\s+)?(?P<one>[^?.,;]+?)\s+(?:versus|vs\.?|compared\s+(?:to|with))\s+(?P<other>[^?.,;]+)"
    r"|\b(?:do|does|did)\s+(?P<one>.+?)\s+(?:and|differ\s+from)\s+(?P<other>[^?.,;]+?)(?:\s+differ\b|[?.]|\Z)",
    _I,
)
_HOW_TO = regex.compile(
    r"\bhow\s+(?:do|can|could|should|would|might|must|may)\s+(?:i|we|you|one|people|users?)\b|\bhow\s+to\b"
    r"|\b(?:what|which)\s+(?:command|steps?)\b|\bsteps\s+(?:to|for)\b"
    r"|\bwie\s+(?:kann|muss|soll|lässt|geht|\w+[et])\s+(?:ich|man|wir|sich|das)\b"
    r"|\bcomment\s+(?:faire|puis-je|peut-on|est-ce|\w+er\b|on\b|je\b)|\bcómo\s+(?:se|puedo|hago|puede|\w+[aei]r)\b",
    _I,
)
_QUANTITY = regex.compile(
    r"\bhow\s+(?:many|much|long|large|big|high|often|old|far|fast|deep|tall|wide|heavy|late|early|soon)\b"
    r"|(?:\A|[,;:]|\b(?:and|but|or|so|until|since|by|from|just|exactly))\W*when\b|\b(?:what|which)\s+(?:\w+\s+){0,2}(?:year|date|day|month|time|percentage|number|price|size|version|age|speed)\b"
    r"|\bwie\s*(?:viele?|lange|hoch|groß|oft|alt|weit|schnell|spät)\b|\bwann\b"
    r"|\bcombien\b|\bquand\b|\bcuánt[oa]s?\b|\bcuándo\b",
    _I,
)
_LIST = regex.compile(
    r"\b(?:list|name|enumerate)\s+(?:all|the|some)\b"
    r"|\b(?:what|which)\s+are\s+(?:the|all|some)\b"
    r"|\bwhich\s+(?:\w+\s+){0,2}?(?!is\b|was\b|has\b|does\b|this\b)\w{3,}s(?<!ss)(?<!us)(?<!is)\s+"
    r"(?:do|does|did|are|is|were|can|has|have|must|may|should|will|use|need|exist|support|work|belong|contain|come|run)\b"
    r"|\bwhat\s+(?!is\b|was\b|has\b|does\b)\w{3,}s(?<!ss)(?<!us)(?<!is)\s+(?:do|does|did|are|were|can|must|may|should|will)\b"
    r"|\bwelche\s+\w+\s+(?:gibt|sind|werden|hat|haben|kann|unterstützt)\b"
    r"|\bwas\s+sind\b|\bquel(?:le)?s\s+sont\b|\bcuáles\s+son\b",
    _I,
)
_AMOUNT = regex.compile(
    r"\bwhat(?:'s|\s+(?:is|are|was|were))\s+the\s+(?:[\p{L}-]+\s+){0,2}(?:age|cost|date|day|duration|height|length|limit|maximum|minimum|month|number"
    r"|percentage|price|size|speed|time|weight|width|year)s?\b",
    _I,
)
"""An amount or a time, asked for by its name."""
_IN_ORDER = regex.compile(
    r"\b(?:what|which)\s+(?:order|sequence)\b|\bwelcher\s+Reihenfolge\b|\bquel\s+ordre\b|\bqué\s+orden\b",
    _I,
)
"""What comes after what is told by a list."""
_DEFINITION = regex.compile(
    r"\A\W*(?:what(?:'s|\s+is|\s+are|\s+was|\s+were)|who(?:'s|\s+is|\s+was)|define|explain)\s+(?P<name>[^?]+)"
    r"|\A\W*what\s+(?:does|do|did)\s+(?P<name>.+?)\s+(?:mean|do|stand\s+for|refer\s+to)\b"
    r"|\A\W*(?:was\s+(?:ist|sind|bedeutet)|wer\s+ist|qu['’]est-ce\s+qu(?:e|['’])|qué\s+(?:es|son|significa)|quién\s+es)\s*(?P<name>[^?]+)",
    _I,
)
_USED_FOR = regex.compile(
    r"\A\W*what\s+(?:can|could|do|does|would|should|might)\s+(?:i|we|you|one|people|users?)\s+use\s+(?P<name>[^?]+?)\s+for\W*\Z",
    _I,
)
"""What something is for, asked by who would use it."""
_WITHIN = regex.compile(r"\s+(?:in|under|according\s+to|within)\s+(?:the\s+)?(?=\p{Lu})")
"""What a definition is looked for in, where it is asked for by name: "Contributions in the MPL"."""
_NOT_A_NAME = regex.compile(
    r"\b(?:of|for|by|to|from|between|that|which|if|when|who|used|called|in)\b", _I
)
_PURPOSE = regex.compile(r"\s+(?:for|used\s+for|about|good\s+for)\s*\W*\Z", _I)
_PLACE = regex.compile(
    r"\b(?:where|wo|woher|wohin|où|dónde|(?:which|what)\s+(?:country|city|place|state|folder|directory))\b",
    _I,
)
_PERSON = regex.compile(r"\b(?:who|whom|whose|wer|wem|wen|wessen|qui|quién|quiénes)\b", _I)
_REASON = regex.compile(r"\b(?:why|warum|weshalb|wieso|pourquoi|por\s+qué)\b", _I)
_YES_NO = regex.compile(
    r"\A\W*(?:so\s+|and\s+|but\s+)?(?:is|are|was(?!\s+(?:ist|sind|bedeutet|heißt|macht|kostet))|were|do|does|did|can|could|may|must|should|will|would|has|have|had|am"
    r"|ist|sind|war|kann|können|darf|dürfen|muss|müssen|hat|haben|gibt|wird|werden|soll"
    r"|est-ce|peut-on|puis-je|faut-il|es|está|son|puedo|puede|hay|tiene|debo)\b",
    _I,
)
_BY_WORD: tuple[tuple[QuestionKind, regex.Pattern[str]], ...] = (
    ("place", _PLACE), ("reason", _REASON), ("person", _PERSON),
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What a question asks for."""

    kind: QuestionKind
    name: frozenset[str] = frozenset()
    """Of a definition, the stems of what is to be defined."""
    sides: tuple[frozenset[str], ...] = ()
    """Of a comparison, the words of each side that the other lacks; see `named`."""


def asked_for(question: str, *, nearer: bool = False) -> Asked:
    """Tell what kind of answer a question asks for; `nearer` is `agents.changes.NEARER_ANSWERS`."""
    question = question[:CHARACTERS_MAX]
    if nearer and (match := _USED_FOR.match(question)) and (name := _name(match["name"])):
        return Asked("definition", name=name)
    if _COMPARISON.search(question):
        return Asked("comparison", sides=_sides(question))
    if _HOW_TO.search(question):
        return Asked("how_to")
    if _QUANTITY.search(question) or (nearer and _AMOUNT.search(question)):
        return Asked("quantity")
    if _LIST.search(question) or (nearer and _IN_ORDER.search(question)):
        return Asked("list")
    if _YES_NO.match(question):
        return Asked("yes_no")
    if (match := _DEFINITION.match(question)) and (name := _name(match["name"])):
        return Asked("definition", name=name)
    for kind, pattern in _BY_WORD:
        if pattern.search(question):
            return Asked(kind)
    return Asked("other")


def _name(text: str) -> frozenset[str]:
    """Return the stems of a name that is to be defined; none where more than that is asked."""
    text = _PURPOSE.sub("", text)
    if not text.startswith(("the ", "a ", "an ")):
        text = _WITHIN.split(text, maxsplit=1)[0]
    stems = terms(text)
    named = 0 < len(stems) <= NAME_STEMS_MAX and not _NOT_A_NAME.search(text)
    return frozenset(stems) if named else frozenset()


def _sides(question: str) -> tuple[frozenset[str], ...]:
    match = _SIDES.search(question)
    if match is None:
        return ()
    one, other = named(match["one"]), named(match["other"])
    return (one - other, other - one) if one - other and other - one else ()


def named(text: str) -> frozenset[str]:
    """Return the words that carry meaning, without the ending of a plural, and no stems.

    Stems would not tell GitIgnore from GitIgnoreSpec.
    """
    return frozenset(word.removesuffix("s") for word in meant(text))
