"""Summary: what a conversation was about before the turns that are read.

It is extractive: things as questions named them, and questions to which nothing was found. One turn
is taken in after the other, so it costs the same however long a conversation lasts, and it holds
the same whenever it is made. What it may hold is bounded: some 400 tokens of text.

Why it is so: a model's summary would say things that nobody said, cost a call a turn, and be
another one after each upgrade. What a later question needs of what is long past is a name: "the
permit" of now was "the residential parking permit" twenty turns ago.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from agents.conversation.exchanges import Exchange
from agents.conversation.grammar import Grammar
from agents.conversation.grammars import grammar_of
from agents.conversation.mentions import NamedThing, mentions
from agents.conversation.resolution import appended
from agents.conversation.salience import carried_from, first_sentence, stems_of
from agents.placeholders import placeholders_in
from schemas import MapEntry, SessionSummary, SummaryTopic, Turn

TOPICS_MAX = 12
TOPIC_CHARACTERS_MAX = 80
UNANSWERED_MAX = 3
QUESTION_CHARACTERS_MAX = 200
READ_CHARACTERS = 400  # of a question: what it is about stands there
NOTHING_YET = SessionSummary(turns=0)
_EARLIER_QUESTION = re.compile(
    r"\b(?:my|the|that) (?:earlier|first|previous|old|open|unanswered|other) question\b",
    re.IGNORECASE,
)


def summarised(before: SessionSummary | None, turn: Turn) -> SessionSummary:
    """Take one more turn into the summary of those before it."""
    known = before or NOTHING_YET
    number = known.turns + 1
    asked = turn.question[:READ_CHARACTERS]
    grammar = grammar_of(asked, [])
    topics = {topic.text.lower(): topic for topic in known.topics}
    for text in _named(asked, grammar):
        topic = topics.get(text.lower(), SummaryTopic(text=text, turns=0, last=0))
        topics[text.lower()] = replace(topic, turns=topic.turns + 1, last=number)
    kept = sorted(topics.values(), key=lambda one: (-one.turns, -one.last, one.text))[:TOPICS_MAX]
    open_before = [one for one in known.unanswered if _asks_else(one, asked, grammar)]
    if turn.unanswered and len(turn.question) <= QUESTION_CHARACTERS_MAX:
        open_before.append(turn.question)
    unanswered = tuple(open_before[-UNANSWERED_MAX:])
    return SessionSummary(
        turns=number,
        topics=tuple(kept),
        unanswered=unanswered,
        entries=_entries([*(one.text for one in kept), *unanswered], known.entries, turn.entries),
    )


def _named(question: str, grammar: Grammar) -> list[str]:
    """List what a question names by itself, each once."""
    end = carried_from(question)
    named = (one for one in mentions(question, grammar) if one.start <= end)
    return list(dict.fromkeys(one.text for one in named if _is_telling(one, grammar)))


def _is_telling(mention: NamedThing, grammar: Grammar) -> bool:
    """Tell what a later question may mean by fewer words: a name, or a thing of several words."""
    if mention.key in grammar.times or len(mention.text) > TOPIC_CHARACTERS_MAX:
        return False
    return len(mention.words) > 1 or mention.is_placeholder


def _asks_else(question: str, asked: str, grammar: Grammar) -> bool:
    return stems_of(question, grammar) != stems_of(asked, grammar)


def _entries(
    texts: Sequence[str], before: Sequence[MapEntry], new: Sequence[MapEntry]
) -> tuple[MapEntry, ...]:
    """Keep the values of placeholders that texts hold; the newest entry of each counts."""
    used = {name for text in texts for name in placeholders_in(text)}
    known = {entry.placeholder: entry for entry in (*before, *new) if entry.placeholder in used}
    return tuple(known[name] for name in sorted(known))


def recalled(question: str, exchanges: Sequence[Exchange], summary: SessionSummary) -> str:
    """Make a question stand alone that names what was talked of before the turns that are read.

    Empty where it does not: where it names nothing as known ("the permit"), or what the turns that
    are read name too, or what the summary does not know in more words.
    """
    grammar = grammar_of(question, [exchange.query for exchange in reversed(exchanges)])
    if summary.unanswered and _EARLIER_QUESTION.search(question):
        return summary.unanswered[-1]
    if not (grammar.is_spaced and summary.topics):
        return ""
    definite = grammar.determiners - grammar.indefinite
    read: set[str] | None = None
    for mention in mentions(question, grammar):
        if mention.article.lower() not in definite or _is_particular(mention, grammar):
            continue
        meant = _meant(stems_of(mention.text, grammar), summary, grammar)
        if not meant:
            continue
        if read is None:
            read = _stems_read(exchanges, grammar)
        if read.isdisjoint(stems_of(mention.text, grammar)):
            return appended(question, [meant])
    return ""


def _is_particular(mention: NamedThing, grammar: Grammar) -> bool:
    """Tell whether it is named so that no other words are needed."""
    return mention.is_placeholder or (mention.is_name and not grammar.nouns_are_capital)


def _meant(stems: set[str], summary: SessionSummary, grammar: Grammar) -> str:
    """Return the topic that fewer words name; empty where none or several are as likely."""
    fits = [topic for topic in summary.topics if stems and stems < stems_of(topic.text, grammar)]
    if len(fits) > 1 and (fits[0].turns, fits[0].last) == (fits[1].turns, fits[1].last):
        return ""
    return fits[0].text if fits else ""


def _stems_read(exchanges: Sequence[Exchange], grammar: Grammar) -> set[str]:
    """Return the stems of what the turns that are read ask, and say first."""
    texts = [text for one in exchanges for text in (one.query, first_sentence(one))]
    return set().union(*(stems_of(text, grammar) for text in texts))
