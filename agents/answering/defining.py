"""Defining: statements that say what a name is, with the name before it or without it.

A document on something says what that is in its first words, and often not by its name: "This
plugin ends tests that hang.", "A mutable, self-balancing interval tree."
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import regex

from agents.answering.excerpts import Excerpt
from agents.answering.terms import terms
from schemas import Passage

DEFINING = 2.5  # a name that is asked about, and a statement that says what it is
INTRODUCING = 2.0  # or what the document of that name begins with, or says of itself
TERM_DEFINED = 1.5  # or words of the question that a contract gives a meaning to
DOING = 1.8  # or a statement that says what it does
SUBJECT_CHARS = 90  # within which a sentence says what it speaks of
OTHER = "…"
BEFORE_MAX = 2  # words beside the name that may stand before what it is

_COPULA = regex.compile(
    r"\b(?:is|are|was|were|means?|refers?|provides?|shall\s+mean|stands\s+for|denotes?|describes?|ist|sind|war|bedeutet"
    r"|bezeichnet|est|sont|signifie|désigne|es|son|significa)\b"
    r"(?!\s+(?:not|never|no\s+longer|nicht|kein|pas)\b)"
)
_BY_WHOM = regex.compile(
    r"\s+(?:\p{Ll}+ly\s+)?(?:\p{Ll}+ed|\p{Ll}+en|built|held|led|made|run|sold)"
    r"(?:\s+and\s+\p{Ll}+)?\s+by\b"
)
"""Behind a copula: who did something with it, which is not what it is."""
_ONCE = regex.compile(
    r"\b(?:is|was|are|were)\s+(?:once|formerly|previously|originally)\b"
    r"|\b(?:comes|costs|depends|has|lacks|needs|requires)\b"
)
"""What it was, or what it has and needs, is not what it is either."""
_DOES = regex.compile(r"(?:\s+\p{Ll}+ly)?\s+\p{Ll}{2,}s\b(?!\s+(?:is|are|was|were)\b)")
_TERM = regex.compile(
    r"\A[\d.()\s]*[\"“„«‹](?P<term>[^\"“”„»›]{1,60})[\"”“»›].{0,60}?\b(?:means?|shall\s+mean|refers?|bedeutet|bezeichnet|désigne|signifie|significa)\b"
)
"""What contracts call by a name: "Work" means ..."""
_DASH = regex.compile(r"\s[-–—]\s")
"""As manuals do: comm - compare two sorted files."""
_DOTTED = regex.compile(r"\p{L}\w*(?:\.\p{L}\w*)+")
"""A part of something, which is not the whole: structlog.BytesLogger."""
_BRACKETS = regex.compile(r"\s*\([^()]{0,80}\)")
_ITSELF = regex.compile(
    r"\A(?:This|The)\s+(?:application|book|contract|course|document|engine|framework|guide|handbook|library|manual|module"
    r"|package|page|plugin|policy|product|program|project|protocol|server|service|software|standard|system|tool|utility)\s+(?:\p{Ll}+ly\s+)?"
    r"(?:is|was|provides|allows|lets|helps|offers|implements|contains|describes|will|can|supports|defines|explains|shows)\b"
    r"|\A(?:Dies\w*|D(?:er|ie|as))\s+(?:Anwendung|Bibliothek|Dokument|Handbuch|Modul|Paket|Programm|Projekt|Richtlinie|Werkzeug)\s+\p{Ll}+t\b"
    r"|\A(?:Cett?e?|L[ea'’]\s?)\s*(?:application|bibliothèque|document|guide|logiciel|module|outil|programme|projet)\s+(?:est|permet|fournit|sert)\b"
    r"|\A(?:Est[ea]|El|La)\s+(?:aplicación|biblioteca|documento|guía|herramienta|módulo|programa|proyecto)\s+(?:es|permite|ofrece|sirve)\b"
)
"""A document says something of itself."""


def introductions(
    name: frozenset[str],
    statements: Sequence[Excerpt],
    passages: Sequence[Passage],
    *,
    closer: bool = True,
    nearer: bool = True,
) -> frozenset[int]:
    """Return the indices of the statements that say what a name is without saying the name.

    Only in documents that are titled so: what they say of themselves, and the sentence that they
    begin with, behind pictures and links. `closer` is `agents.changes.CLOSER_ANSWERS`, `nearer` is
    NEARER_ANSWERS.
    """
    if not name:
        return frozenset()
    titled = [name <= frozenset(terms(passage.title)) for passage in passages]
    found, begun = [], set()
    for index, statement in enumerate(statements):
        passage = statement.passage
        if statement.kind != "sentence":
            linked = closer and statement.kind == "code" and "://" in statement.text
            if statement.kind != "fragment" and not linked:  # as a picture's caption and link are
                begun.add(passage)
            continue
        if nearer and _ONCE.search(statement.text, 0, SUBJECT_CHARS):
            begun.add(passage)
            continue
        begins = passage not in begun and passages[passage].number == 0
        if titled[passage] and (begins or _ITSELF.match(statement.text)):
            found.append(index)
        begun.add(passage)
    return frozenset(found)


def defines(name: frozenset[str], statement: Excerpt, *, nearer: bool = True) -> float:
    """Tell whether a statement says what a name is, or what it does: a factor above 1.

    `nearer` is `agents.changes.NEARER_ANSWERS`.
    """
    text = _BRACKETS.sub("", statement.text)
    if len(name) == 1:
        text = _DOTTED.sub(OTHER, text)
    if statement.kind == "list":
        text = text.partition("\n")[0]  # what leads to it
    elif statement.kind not in ("sentence", "lead", "fragment", "entry", "row"):
        return 1.0
    copula = _COPULA.search(text, 0, SUBJECT_CHARS)
    if nearer and copula is not None and _BY_WHOM.match(text, copula.end()):
        return 1.0
    dash = _DASH.search(text, 0, SUBJECT_CHARS)
    if dash is not None and name == frozenset(terms(text[: dash.start()])):
        return DEFINING
    if copula is not None:
        before = frozenset(terms(text[: copula.start()]))
        if name <= before and len(before) <= len(name) + BEFORE_MAX:
            return DEFINING
    for word in regex.finditer(r"\S+", text[:SUBJECT_CHARS]):
        before = frozenset(terms(text[: word.end()]))
        if name <= before:
            if nearer and _ONCE.match(text, word.end() + 1):
                return 1.0
            return DOING if before == name and _DOES.match(text, word.end()) else 1.0
    return 1.0


def defines_term(asked: AbstractSet[str], text: str) -> bool:
    """Tell whether a contract's definition says what several words of a question mean."""
    found = _TERM.match(text)
    named = frozenset(terms(found["term"])) if found else frozenset[str]()
    return len(named) > 1 and named <= asked
