"""Resolution: make a question that leans on the conversation stand alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.conversation.ellipsis import because, corrected, event_of, filled
from agents.conversation.exchanges import Exchange
from agents.conversation.grammar import Grammar
from agents.conversation.grammars import grammar_of
from agents.conversation.lists import picked
from agents.conversation.mentions import NamedThing, mentions, naming_words
from agents.conversation.salience import SalientThing, TopicTurns, background, stems_of, topics
from agents.phrases import WORD


@dataclass(frozen=True)
class Wording:
    """A query and why it was or was not changed."""

    query: str
    reason: str = ""
    """Empty if it was changed."""
    language: str = ""
    """That of the question, or of the conversation; a tag of BCP 47, empty where nobody knows."""


EVENTS = frozenset({"that", "this"})
"""Stand for what happens, where the question before was what happens when something does."""


def stand_alone(
    question: str,
    exchanges: Sequence[Exchange],
    configured: Mapping[str, Any],
    *,
    sharper: bool = False,
    openings: bool = False,
    following: bool = False,
) -> Wording:
    """Make a question stand alone, given the conversation before it, oldest first.

    `sharper` is `agents.changes.CLOSER_READING`, `openings` is PLAIN_OPENINGS, `following` is
    CLOSER_FOLLOW_UPS.
    """
    queries = [exchange.query for exchange in reversed(exchanges)]
    grammar = grammar_of(question, queries, sharper=sharper, openings=openings, following=following)
    if not exchanges:
        return Wording(question, "first question", grammar.language)
    query, reason = _resolved(question, exchanges, grammar, configured)
    return Wording(query, reason, grammar.language)


def _resolved(
    question: str,
    exchanges: Sequence[Exchange],
    grammar: Grammar,
    configured: Mapping[str, Any],
) -> tuple[str, str]:
    last = exchanges[-1]
    spared = _spared(last, configured)
    if len(last.query) <= spared:
        changed = corrected(question, last, grammar) or because(question, last, grammar)
        if changed:
            return changed, ""
    item = picked(question, last, grammar)
    if item:
        question, alone = item
        if alone:
            return question, ""
    if len(last.query) <= spared:
        changed = filled(question, last, grammar)
        if changed:
            return changed, ""
    if item:
        return question, ""
    conversation = TopicTurns.read(exchanges, grammar)
    established = len(conversation.current) >= configured["established"]
    most = configured["topics"]
    if not leans(question, grammar, configured) and not (
        established and is_definite(question, conversation.told(grammar), grammar, configured)
    ):
        asked = set().union(*(stems_of(one.query, grammar) for one in exchanges[-ANCHORS:]))
        if not is_unnamed(question, asked, grammar, configured):
            return question, "stands alone"
        most = UNNAMED_TOPICS
    found = topics(question, conversation.current, grammar, configured)
    place = _pronoun(question, grammar)
    if place is not None and found:
        return _in_place(question, place, found, last, grammar, configured), ""
    found = background(question, found, conversation, grammar, configured)
    if not found:
        return question, "nothing to add"
    found = [topic for topic in found if not _is_person(topic.mention)] or found
    return appended(question, [topic.mention.text for topic in found[:most]]), ""


def _spared(last: Exchange, configured: Mapping[str, Any]) -> int:
    """Return how long the last question may be for another one to take it over."""
    characters: int = configured.get("topic_characters_max", len(last.query))
    return characters


def leans(question: str, grammar: Grammar, configured: Mapping[str, Any]) -> bool:
    """Whether a question needs the conversation to be understood."""
    naming = naming_words(question, grammar)
    few: bool = len(set(naming)) <= configured["short_words"]
    if not grammar.is_known:
        return few
    if not grammar.is_spaced:
        return _leans_unspaced(question, naming, grammar)
    plain = grammar.expletive.sub(" ", question)
    words = re.findall(r"\w+", plain)
    if grammar.nouns_are_capital:  # "Sie" amid a sentence is "you"
        words = [word for number, word in enumerate(words) if not number or word.islower()]
    words = [word.lower() for word in words]
    if any(word in grammar.pronouns or word in grammar.pointers for word in words):
        return True
    if not naming or grammar.why.fullmatch(question) or _is_cut_short(question, words, grammar):
        return True
    if few and grammar.bare_opener.match(question) and not grammar.auxiliaries & set(words):
        return True
    named = mentions(question, grammar)
    if not few or (not grammar.nouns_are_capital and any(mention.is_name for mention in named)):
        return False
    return any(
        mention.key.rsplit(" ", 1)[-1] in grammar.relational
        and not _has_complement(question, mention, grammar)
        for mention in named
    )


def _is_cut_short(question: str, words: Sequence[str], grammar: Grammar) -> bool:
    """Tell "And for Oslo?" from a whole question: "And when does the pier open?"."""
    opening = grammar.opener.match(question)
    if opening is None:
        return False
    whole = grammar.has_verb_rules and not grammar.auxiliaries.isdisjoint(words)
    return not whole or len(re.findall(r"\w+", opening.group())) > 1


def _leans_unspaced(question: str, naming: Sequence[str], grammar: Grammar) -> bool:
    if grammar.sign.search(question) or not naming:
        return True
    if grammar.opener.match(question) or grammar.why.fullmatch(question):
        return True
    return (
        len(set(naming)) == 1
        and len(question) <= SHORT_CHARACTERS
        and not grammar.definition.search(question)
    )


SHORT_CHARACTERS = 12
"""Of a question without spaces that names one thing: it leans, unless it asks what that is."""


def is_definite(
    question: str, told: set[str], grammar: Grammar, configured: Mapping[str, Any]
) -> bool:
    """Whether a question names a thing as known that neither it nor an answer describes: "the fee".

    `told` are the stems of what the answers say first.
    """
    if len(set(naming_words(question, grammar))) > configured["definite_words"]:
        return False
    return any(
        mention.article.lower() == "the"
        and not mention.is_name
        and not stems_of(mention.text, grammar) <= told
        for mention in mentions(question, grammar)
    )


def is_unnamed(
    question: str, asked: set[str], grammar: Grammar, configured: Mapping[str, Any]
) -> bool:
    """Whether a short question calls nothing by a name, and does not ask what something is.

    "How is corn oil used?" is asked of plastics where these are talked of; but not where corn oil
    is: `asked` are the stems of the questions before.
    """
    named = mentions(question, grammar) if grammar.leans_unnamed else []
    few = len(set(naming_words(question, grammar))) <= configured["short_words"]
    if not named or not few or any(mention.is_name for mention in named):
        return False
    if not asked.isdisjoint(stems_of(question, grammar)):
        return False
    return grammar.definition.search(question) is None


ANCHORS = 2
"""Questions before one that tell whether it goes on with what they were about."""
UNNAMED_TOPICS = 1
"""Of what is talked of, what such a question takes over: more would lead away from it."""


def _has_complement(question: str, mention: NamedThing, grammar: Grammar) -> bool:
    following = re.match(r"\s+(\w+)", question[mention.end : mention.end + 24])
    if following is None:
        return False
    low = following.group(1).lower()
    return low in grammar.bridges or low in grammar.prepositions


def _in_place(
    question: str,
    place: Pronoun,
    found: Sequence[SalientThing],
    last: Exchange,
    grammar: Grammar,
    configured: Mapping[str, Any],
) -> str:
    """Put what a pronoun stands for in its place, and what else is talked of behind."""
    may_be_event = place.low in EVENTS and len(last.query) <= _spared(last, configured)
    event = event_of(last, grammar) if may_be_event else ""
    if event and place.is_last:
        return f"{question[: place.start]}that {event}{question[place.end :]}"
    if event:
        return appended(question, [event])
    antecedent = _agreeing(found, place.low, grammar)
    noun = antecedent.spelt
    if place.low in grammar.possessives:
        noun += "'" if noun.endswith("s") else "'s"
    said = question[: place.start] + noun + question[place.end :]
    rest = [
        topic.mention.text
        for topic in found
        if topic.is_asked and topic.mention is not antecedent and not _is_person(topic.mention)
    ]
    if antecedent.is_placeholder:
        return said  # who is meant is clear
    return appended(said, rest[: configured["topics"] - 1])


def appended(question: str, rest: Sequence[str]) -> str:
    """Put what a question is about in brackets at its end."""
    if not rest:
        return question
    sentence = question.rstrip()
    mark = sentence[-1] if sentence[-1:] in set("?.!？。！؟") else ""
    return f"{sentence.removesuffix(mark).rstrip()} ({', '.join(rest)}){mark}"


@dataclass(frozen=True)
class Pronoun:
    """A pronoun whose place a noun can take."""

    low: str
    start: int
    end: int
    is_last: bool
    """Whether no word follows it."""


def _pronoun(question: str, grammar: Grammar) -> Pronoun | None:
    """Find the first pronoun whose place a noun can take."""
    if not grammar.is_spaced:
        sign = grammar.pronoun_sign.search(question)
        return Pronoun(sign.group(), sign.start(), sign.end(), is_last=False) if sign else None
    if not grammar.puts_in_place:
        return None
    expletive = grammar.expletive.search(question)
    matches = list(WORD.finditer(question))
    for number, match in enumerate(matches):
        low = match.group().lower()
        following = matches[number + 1].group().lower() if number + 1 < len(matches) else ""
        before = matches[number - 1].group().lower() if number else ""
        if low in grammar.persons and "<PERSON" in question[: match.start()]:
            continue  # whoever the question names itself
        if low not in grammar.pronouns or (expletive and expletive.start() == match.start()):
            continue
        if (
            low in grammar.demonstratives
            and following
            and not (
                before in grammar.auxiliaries
                and following in grammar.function | grammar.verbs | grammar.predicates
            )
        ):
            continue  # a determiner or a conjunction, not a pronoun
        if low == "her" and (not following or following in grammar.function):
            low = "him"  # no possessive
        return Pronoun(low, match.start(), match.end(), not following)
    return None


def _agreeing(found: Sequence[SalientThing], pronoun: str, grammar: Grammar) -> NamedThing:
    """Return the most salient thing that a pronoun can stand for."""
    if pronoun in grammar.persons:
        persons = [topic for topic in found if _is_person(topic.mention)]
        if not persons and grammar.tells_persons:
            persons = [topic for topic in found if _may_be_person(topic.mention)]
        found = persons or found
    return max(found, key=lambda topic: topic.score * _fit(topic.mention, pronoun, grammar)).mention


def _may_be_person(mention: NamedThing) -> bool:
    """Tell a name that can be a person's from "the end of the war" and "the Cardinals"."""
    words = mention.text.split()
    return mention.article.lower() != "the" and all(word[0].isupper() for word in words)


def _is_person(mention: NamedThing) -> bool:
    return mention.text.startswith("<PERSON")


def _fit(mention: NamedThing, pronoun: str, grammar: Grammar) -> float:
    """Return by how much less likely a thing is meant that is not one, or not several."""
    if not grammar.is_spaced or pronoun in grammar.persons:
        return 1.0
    if _is_person(mention):
        return UNLIKELY
    last = mention.key.rsplit(" ", 1)[-1]
    plural = last.endswith("s") and not last.endswith("ss")
    return 1.0 if plural == (pronoun in grammar.plural) else DISAGREEING


UNLIKELY, DISAGREEING = 0.2, 0.35
