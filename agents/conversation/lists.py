"""Lists: "the second one", "the last", "the other one", "both", against what an answer enumerates.

An answer enumerates by lines with numbers or dashes, or within a sentence: "Parquet, Avro or JSON".
"""

from __future__ import annotations

import re

from agents.conversation.exchanges import Exchange
from agents.conversation.grammar import Grammar
from agents.phrases import word_set

ITEMS_MAX = 20
ITEM_CHARACTERS_MAX = 120
_LINE = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[-*•–])[ \t]+(\S[^\n]*)$", re.MULTILINE)
_JOINT = re.compile(
    r"\s+(?:and|or|und|oder|et|ou|y|o|e|en)\s+|\s*[,、]\s*(?:(?:and|or|und|oder|et|ou|y|o"
    r"|e)\s+)?"
)
_LABEL = re.compile(r"^[*_`]*([^:*_`]{1,60}?)[*_`]*(?::|\s[-–—]\s|$)")


def items(answer: str) -> list[str]:
    """Return what an answer enumerates: the names of the items, in order."""
    lines = [match.group(1).strip() for match in _LINE.finditer(answer)][:ITEMS_MAX]
    if len(lines) > 1:
        return [_label(line) for line in lines]
    return _in_a_sentence(answer)


def _label(line: str) -> str:
    label = _LABEL.match(line)
    return (label.group(1) if label else line)[:ITEM_CHARACTERS_MAX].strip(" .;,")


def _in_a_sentence(answer: str) -> list[str]:
    """Return the parts of a coordination in the first line: short, and at least two."""
    line = answer.split("\n", 1)[0][:1_000]
    sentence = re.split(r"[.!?]\s|[.!?]$", line, maxsplit=1)[0]
    parts = [part for part in _JOINT.split(sentence) if part.strip()]
    if len(parts) < 2 or len(parts) > ITEMS_MAX:
        return []
    tail = [part.strip() for part in parts[1:]]
    if any(len(part.split()) > 4 for part in tail):
        return []
    size = max(len(part.split()) for part in tail)
    first = _end_of(parts[0], size)
    return [first, *tail] if first else []


def _end_of(text: str, words: int) -> str:
    """Return the last words of the text before a list: its first item, as long as others."""
    listed = text.split()[-words:]
    while len(listed) > 1 and (listed[0].lower() in _LEAD):
        listed = listed[1:]
    return " ".join(listed)


_LEAD = word_set("are is to the a an in as by of with for sind ist sont est son es:")
PRONOUN = re.compile(r"\b(?:them|these|they)\b|\bthose\b(?=\W*$)", re.IGNORECASE)


def picked(question: str, last: Exchange, grammar: Grammar) -> tuple[str, bool] | None:
    """Put the item that a question points to in its place.

    Returns the question and whether it stands alone now; None where nothing is picked.
    """
    pointing = grammar.ordinal.search(question)
    if pointing is None and not (grammar.has_verb_rules and PRONOUN.search(question)):
        return None
    listed = items(last.read)
    if len(listed) < 2:
        return None
    if pointing is None:
        return _all(question, listed)
    number = grammar.number_of(pointing.group("which").lower())
    if number is None or number >= len(listed):
        return None
    item = re.sub(r"^(The|An?) ", lambda article: article.group().lower(), listed[number])
    said = question[: pointing.start()] + item + question[pointing.end() :]
    return said, grammar.opener.match(question) is None


def _all(question: str, listed: list[str]) -> tuple[str, bool] | None:
    """Put all items in the place of "them", where they are compared or one of them is asked for."""
    if not re.search(
        r"\b(?:difference|differ|compare|better|best|which|between)\b", question, re.IGNORECASE
    ):
        return None
    found = PRONOUN.search(question)
    if found is None or len(listed) > 5:
        return None
    joined = ", ".join(listed[:-1]) + " and " + listed[-1]
    return question[: found.start()] + joined + question[found.end() :], True
