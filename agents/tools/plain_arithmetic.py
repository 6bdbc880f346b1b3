"""Plain arithmetic: a question that is an expression and nothing else, in words or in signs.

"What is 17.5 % of 2,340?" needs no document. What is asked of anything (a unit, a name, a day)
does: every word has to be one of those that ask, or one of an operator, or it is no such question.
What could be a date, a ratio or an event (9/11, 24/7, 2024-11-28) is taken for arithmetic only
where somebody asks to have it worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import regex

from agents.tools.number_style import NUMBER, NumberStyle, number_style

CHARACTERS_MAX = 300  # of a question that is looked at
NUMBERS_MAX = 40

_I = regex.IGNORECASE | regex.VERSION1
_WORKED_OUT = (
    r"how\s+much\s+(?:is|are|does|would|do)|calculate|compute|work\s+out|evaluate"
    r"|wie\s*viel\s+(?:ist|sind|ergibt|ergeben|macht|machen|gibt|geben)|berechnen?(?:\s+sie)?"
    r"|was\s+(?:ergibt|ergeben|macht|gibt)|rechnen?(?:\s+sie)?(?:\s+aus)?"
    r"|combien\s+(?:font|fait|est|vaut|valent)|calcule[rz]?|que\s+(?:font|fait|vaut)"
    r"|cuánto\s+(?:es|son|da|dan|vale)|calcul[ae]|quanto\s+(?:fa|fanno|è|é|são|dá)|calcola"
    r"|hoeveel\s+is|bereken"
)
_ASKED = (
    r"what(?:['’]s|\s+is|\s+are|\s+does)|was\s+(?:ist|sind)|quel(?:le)?\s+est|qu[eé]\s+es"
    r"|cuál\s+es|qual\s+[eèé]|wat\s+is"
)
_POLITE = (
    r"(?:(?:please|bitte|por\s+favor|s['’]il\s+(?:te|vous)\s+pla[iî]t|can\s+you|could\s+you|tell\s+me"
    r"|kannst\s+du|können\s+sie|peux-tu|pouvez-vous|puedes|the\s+(?:result|sum|value)\s+of"
    r"|das\s+ergebnis\s+von|the|el|la|le|il|o|de)[\s,:]+)*"
)
_LEAD = regex.compile(
    rf"\A\s*[¿\"“]?\s*{_POLITE}(?:(?P<worked>{_WORKED_OUT})|(?P<asked>{_ASKED}))?[\s:,]*{_POLITE}",
    _I,
)
_TAIL = regex.compile(
    r"(?:\s*(?P<equals>=|\bequals?\b|\bgleich\b|\bergibt\b|\bfont\b|\bzusammen\b|\bin\s+total\b)"
    r"|[\s,]*\b(?:please|bitte|aus)\b)*\s*[?!.\"”\s]*\Z",
    _I,
)
_SAID: Mapping[str, str] = {
    " * ": r"multiplied by|multipliziert mit|multiplié par|multiplicado por|times|mal|fois|veces"
    r"|keer|vezes|por(?!\s*cien)",
    " / ": r"divided by|geteilt durch|dividiert durch|durch|divisé par|dividido por|dividido entre"
    r"|diviso|gedeeld door",
    " ^ ": r"to the power of|raised to|hoch|puissance|elevado a",
    " ^ 2 ": r"squared|au carré|al cuadrado",
    " ^ 3 ": r"cubed|au cube|al cubo",
    " % ": r"per\s*cent|prozent|pour\s*cent|por ciento|percento|procent|pct",
    " + ": r"plus|más|più|mais",
    " - ": r"minus|moins|menos|meno|min",
}
"""How an operator is said, the longer first, by its sign."""
_SIGNS: Mapping[str, str] = {
    " ^ ": r"\*\*",
    " * ": r"(?<=[\d)%\s])[xX×·⋅∙*](?=[\s\d(.,-])",
    " / ": r"[÷∕]",
    " ^ 2 ": "²",
    " ^ 3 ": "³",
    " % ": "％",
    " + ": "＋",
    " - ": r"[−–－]",
    " of ": r"(?<=%)\s*(?:of|von|vom|de|du|des|di|do|van)\b",
}
_SPELT = (
    *((regex.compile(rf"\b(?:{said})(?!\p{{L}})".replace(" ", r"\s+"), _I), sign)
      for sign, said in _SAID.items()),
    *((regex.compile(mark, _I), sign) for sign, mark in _SIGNS.items()),
)  # fmt: skip
_EXPRESSION = regex.compile(r"(?:[-+*/^%()\s0-9.]|(?<=%\s)of\b)*")
_OPERATOR = regex.compile(r"[-+*/^]|\bof\b")
_RATIO = regex.compile(r"[0-9.,]+(?:[/-][0-9.,]+)+")
_RANGE = regex.compile(r"[0-9.,]+\s*[-–−]\s*[0-9.,]+")
_OTHER = regex.compile(
    r"\b[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\b|\b[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}\b"
    r"|[0-9]:[0-9]|\b0[xX][0-9]"  # or a time of day, or a number to another base
)


@dataclass(frozen=True)
class PlainArithmetic:
    """An expression that somebody asked for."""

    expression: str
    """As `Calculate` takes it."""
    said: str
    """As it was asked."""
    style: NumberStyle
    """How the person writes numbers."""


def plain_arithmetic(question: str, language: str) -> PlainArithmetic | None:
    """Read a question; None where it is no arithmetic, or more than that."""
    if len(question) > CHARACTERS_MAX or not any(one.isdigit() for one in question):
        return None
    lead = _LEAD.match(question)
    begin = lead.end() if lead else 0
    tail = _TAIL.search(question, begin)
    said = question[begin : tail.start() if tail else len(question)].strip()
    numbers = NUMBER.findall(said)
    if not 0 < len(numbers) <= NUMBERS_MAX or _OTHER.search(said):
        return None
    wanted = bool(lead and lead["worked"]) or bool(tail and tail["equals"])
    asked = wanted or bool(lead and lead["asked"])
    if (not wanted and _RATIO.fullmatch(said)) or (not asked and _RANGE.fullmatch(said)):
        return None
    style = number_style(numbers, language)
    if style is None:
        return None
    expression = NUMBER.sub(lambda match: style.plain(match[0]), said)
    for pattern, sign in _SPELT:
        expression = pattern.sub(sign, expression)
    expression = " ".join(expression.replace(":", " / ").split())
    if not _EXPRESSION.fullmatch(expression) or not _operates(expression):
        return None
    return PlainArithmetic(expression, " ".join(said.split()), style)


def _operates(expression: str) -> bool:
    """Tell whether there is anything to work out: a sign before a number is no operator."""
    return _OPERATOR.search(expression.lstrip(" -+(")) is not None
