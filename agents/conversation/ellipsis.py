"""Ellipsis: questions that were cut short, corrections, and questions for a reason.

"And for Oslo?" is the question before with Oslo in the place of what corresponds to it; so is
"No, I meant Oslo". "Why?" asks for the reason of what was asked or said last.
"""

from __future__ import annotations

import re
from itertools import pairwise

from agents.conversation.exchanges import Exchange
from agents.conversation.grammar import Grammar
from agents.conversation.mentions import NamedThing, mentions, naming_words
from agents.conversation.salience import first_sentence
from agents.language import stem

REMAINDER_WORDS_MAX = 5
"""Naming words of a question that was cut short; one with more says all it needs."""
NEAR = 32
"""Characters within which a preposition stands before a thing."""
DETERMINING_MAX = 2
"""Words between them: all my, each of."""
_MARKS = " \t\n?.!,;:？。！，、؟¿¡"
_EVENT = re.compile(r"\b(?:when|if)\s+(.+)", re.IGNORECASE | re.DOTALL)


def filled(question: str, last: Exchange, grammar: Grammar) -> str:
    """Ask the last question of what this one names; empty if it is not cut short."""
    opening = grammar.opener.match(question)
    rest = question[opening.end() :] if opening else question
    rest = rest.strip(_MARKS)
    tail = grammar.closer.search(rest)
    if tail:
        rest = rest[: tail.start()].strip(_MARKS)
    if not rest or not (opening or tail or _is_bare(rest, grammar)):
        return ""
    if opening and (clause := _condition(opening.group(), rest, grammar)):
        return _conditioned(last, clause, grammar)
    return put_in(rest, last, grammar, append=bool(opening or tail))


def _condition(opening: str, rest: str, grammar: Grammar) -> str:
    """Return the clause of "And if it fails?" or "What if it fails?"; empty where there is none."""
    before = opening.lower().split()
    if before and grammar.condition.fullmatch(before[-1]):
        return f"{before[-1]} {rest}"
    first, _, behind = rest.partition(" ")
    follows = behind.partition(" ")[0].lower()
    if "," in rest or follows in grammar.auxiliaries or not behind:
        return ""  # "And when does it open?"
    return rest if grammar.condition.fullmatch(first) else ""


def _conditioned(last: Exchange, clause: str, grammar: Grammar) -> str:
    """Ask the last question under another condition."""
    query = last.query.rstrip()
    body = query.rstrip(_MARKS)
    mark = query[len(body) :]
    words = list(re.finditer(r"\w+", body))
    at = next((word.start() for word in words[1:] if grammar.condition.fullmatch(word[0])), None)
    kept = body if at is None else body[:at].rstrip(_MARKS)
    return f"{kept} {clause}{mark}"


def corrected(question: str, last: Exchange, grammar: Grammar) -> str:
    """Ask the last question of what was meant; empty if nothing is put right."""
    opening = grammar.correction.match(question)
    if opening is None or not opening.group().strip():
        return ""
    meant = question[opening.end() :].strip(_MARKS)
    named = mentions(last.query, grammar)
    if grammar.other.fullmatch(meant):
        return _other(last, named)
    if not meant or len(naming_words(meant, grammar)) > REMAINDER_WORDS_MAX:
        return ""
    if not naming_words(meant, grammar):
        return ""
    return put_in(meant, last, grammar, append=True) or _instead(meant, last, named)


def _instead(meant: str, last: Exchange, named: list[NamedThing]) -> str:
    """Put what was meant in the place of the last thing that was asked about."""
    if not named:
        return ""
    old = named[-1]
    return last.query[: old.start] + meant + last.query[old.end :]


def _other(last: Exchange, named: list[NamedThing]) -> str:
    """Of two alternatives in the last question, ask for the one that was not answered."""
    for one, other in pairwise(named):
        between = last.query[one.end : other.start].strip(" ,").lower()
        if between not in {"or", "and", "oder", "und", "ou", "et", "o", "y"}:
            continue
        answer = last.answer.lower()
        wanted, other_one = (one, other) if one.key not in answer else (other, one)
        if wanted.key in answer or other_one.key not in answer:
            return ""
        return last.query[: one.start] + wanted.spelt + last.query[other.end :]
    return ""


def because(question: str, last: Exchange, grammar: Grammar) -> str:
    """Ask for the reason of what was asked or said last; empty if no reason is asked for."""
    if not grammar.why.fullmatch(question):
        return ""
    words = re.findall(r"\w+", grammar.opener.sub("", question, count=1)) or ["Why"]
    why = " ".join(words) if words[-1].lower() == "not" else words[0]
    told = first_sentence(last).strip(_MARKS)
    asked = last.query.strip(_MARKS)
    first = asked.split(" ", 1)[0].lower()
    if grammar.has_verb_rules and why.lower() == "why not" and first == "why":
        return f"{why}{asked[len(first) :]}?"
    if grammar.has_verb_rules and first in grammar.auxiliaries:
        return f"Why {asked[0].lower()}{asked[1:]}?"
    event = event_of(last, grammar)
    return f"{why}: {event or told or asked}?"


def event_of(last: Exchange, grammar: Grammar) -> str:
    """Return what "that" is in a question about what happens: its clause behind when or if."""
    if not grammar.has_verb_rules:
        return ""
    found = _EVENT.search(last.query.strip(_MARKS))
    return found.group(1) if found and not last.query.lower().startswith(("when", "if")) else ""


def put_in(rest: str, last: Exchange, grammar: Grammar, *, append: bool) -> str:
    """Put what is asked for into the last question, in the place of what corresponds to it."""
    preposition, bare = _split(rest, grammar)
    new = mentions(bare, grammar)
    if not new or len(naming_words(bare, grammar)) > REMAINDER_WORDS_MAX:
        return ""
    if any(word in grammar.pronouns or word in grammar.pointers for word in bare.lower().split()):
        return ""
    query = last.query.rstrip()
    old = _corresponding(new[0], preposition, query, grammar)
    if old is not None:
        start, end = old
        return query[:start] + (rest if preposition else bare) + query[end:]
    if not append:
        return ""
    mark = query[-1] if query[-1:] in "?.!？。！" else ""
    body = query.removesuffix(mark).rstrip()
    if preposition:
        return f"{body} {rest}{mark}"
    return ""


def _split(rest: str, grammar: Grammar) -> tuple[str, str]:
    """Part what is asked for from the preposition before it."""
    first, _, behind = rest.partition(" ")
    if behind and first.lower() in grammar.prepositions:
        return first.lower(), behind
    return "", rest


def _corresponding(
    new: NamedThing, preposition: str, query: str, grammar: Grammar
) -> tuple[int, int] | None:
    """Find the stretch of a question, its preposition included, that something new replaces."""
    named = [part for one in mentions(query, grammar) for part in _parts(one, query, grammar)]
    if not grammar.is_spaced:  # the topic comes first
        return (named[0].start, named[0].end) if named else None
    best: tuple[int, tuple[int, int]] | None = None
    for number, old in enumerate(named):
        before, start = _preposition_before(query, old.start, grammar)
        alike = _alike(new, old, grammar)
        if preposition:
            if before != preposition:
                alike = alike if alike >= KIND and before else 0
            elif alike:
                alike += 1
            start_at = start if before else old.start
        else:
            alike, start_at = (alike if alike >= KIND else 0), old.start
        if alike and (best is None or (alike, number) >= (best[0], number)):
            best = alike, (start_at, old.end)
    return best[1] if best else None


PLAIN, KIND, HEAD = 1, 2, 4


def _parts(mention: NamedThing, query: str, grammar: Grammar) -> list[NamedThing]:
    """Part what is joined: of "a vessel of ten metres", the metres are a thing of their own."""
    parts, start = [], mention.start
    for match in re.finditer(
        r"\w+" if grammar.is_spaced else "の", query[mention.start : mention.end]
    ):
        if match.group().lower() in grammar.bridges or not grammar.is_spaced:
            parts.append((start, mention.start + match.start()))
            start = mention.start + match.end() + grammar.is_spaced
    if not parts:
        return [mention]
    spans = [*parts, (start, mention.end)]
    return [
        NamedThing(
            query[start:end].strip(), start=start, end=start + len(query[start:end].rstrip())
        )
        for start, end in spans
        if query[start:end].strip()
    ]


def _alike(new: NamedThing, old: NamedThing, grammar: Grammar) -> int:
    """Say how much two things are of a kind."""
    if new.is_placeholder or old.is_placeholder:
        same = new.text.split("_")[0] == old.text.split("_")[0]
        return HEAD if same else 0
    if stem(new.words[-1]) == stem(old.words[-1]) and new.words != old.words:
        return HEAD
    if new.words[-1] in grammar.times or old.words[-1] in grammar.times:
        return KIND if new.words[-1] in grammar.times and old.words[-1] in grammar.times else 0
    if new.is_number or old.is_number:
        return KIND if new.is_number and old.is_number else 0
    if new.is_name or old.is_name:
        return KIND if new.is_name and old.is_name else 0
    both_acts = new.key.endswith("ing") and old.key.endswith("ing")
    return KIND if both_acts and grammar.has_verb_rules else PLAIN


def _preposition_before(query: str, at: int, grammar: Grammar) -> tuple[str, int]:
    """Find the preposition before a thing and what determines it: "for all my tests"."""
    near = list(re.finditer(r"\w+", query[max(0, at - NEAR) : at]))
    for word in reversed(near[-DETERMINING_MAX - 1 :]):
        low = word.group().lower()
        if low in grammar.prepositions:
            return low, max(0, at - NEAR) + word.start()
        if low not in grammar.function or low in grammar.auxiliaries:
            break
    return "", at


def _is_bare(rest: str, grammar: Grammar) -> bool:
    """Tell a thing that stands alone ("Oslo?") from a question."""
    named = mentions(rest, grammar)
    return (
        grammar.is_known
        and len(named) == 1
        and named[0].end == len(rest)
        and named[0].start <= len(named[0].article)
        and len(named[0].words) <= 3
        and not named[0].is_placeholder
    )
