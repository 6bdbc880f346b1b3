"""Salience: what a conversation is about, most salient first.

Named lately, by many turns, as a subject, by name, in more words: all of that counts. Of an answer
only its first sentence is read, and of that what it is about. A question that shares no word with
the turn before has changed the topic: what was said until then counts no more.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.conversation.exchanges import Exchange
from agents.conversation.grammar import Grammar
from agents.conversation.mentions import NamedThing, mentions, names, naming_words
from agents.language import sentences, stem
from agents.phrases import word_set

SUBJECT_WITHIN = 16
"""Characters of a sentence before its subject begins; behind more there stands another clause."""
FIRST_PHRASE = 24
"""Further characters for when or where it is so: "On 14 March the buoy broke"."""
FIRST_SENTENCE_WITHIN = 400
_OPENS = re.compile(r"[^\W\d_a-z][^\W\d_A-Z]*(?:[-/][^\W\d_]+)*")
"""A word with a capital where it begins; PyPy and HTTP/2 are names by their look."""
_BEHIND = re.compile(r"[ \t]+([a-z][a-z-]+)[ \t]*(\w*)")
_LISTED = re.compile(r",[ \t]+[a-z][a-z-]+(?:,|[ \t]+(?:and|or)\b)")
"""One of several words for how something is: "Simple, modern and fast"."""
_PAST = word_set(
    """
    began became bought brought built came chose cut drew found gave got held kept knew led left
    lost made met paid put ran said sat saw sent set sold spent spoke stood taught thought told
    took went won wrote
    """
)
"""Verbs behind a name that begins an answer, beside those that end in -ed."""
HEADING_WORDS_MAX = 6
THEME_TURNS = 2
"""Turns that name what a conversation goes on to be about when a question leads away from it."""


@dataclass(frozen=True)
class SalientThing:
    """A thing the conversation is about."""

    mention: NamedThing
    score: float
    is_asked: bool = True
    """Whether a question named it, and not an answer alone."""


def first_sentence(exchange: Exchange) -> str:
    """Return what an answer says first; empty where it has no sentence."""
    return next(iter(sentences(exchange.read[:FIRST_SENTENCE_WITHIN])), "")


def statement_of(exchange: Exchange, grammar: Grammar) -> str:
    """Return the first sentence of an answer, unless it speaks of the one who answers.

    Where words are not spaced there is no telling, so no answer is read.
    """
    if not grammar.is_spaced or (grammar.reads_sentences and _is_headed(exchange.read)):
        return ""
    sentence = first_sentence(exchange)
    first = sentence.split(" ", 1)[0].lower()
    return "" if first in grammar.speakers else sentence


def _is_headed(answer: str) -> bool:
    """Tell whether an answer begins with a heading: a short line that ends as no sentence does."""
    line, _, rest = answer.strip().partition("\n")
    return bool(rest) and len(line.split()) <= HEADING_WORDS_MAX and line[-1:].isalnum()


def stems_of(text: str, grammar: Grammar) -> set[str]:
    """Return the stems of the words that name something."""
    return {stem(word) for word in naming_words(text, grammar)}


@dataclass(frozen=True)
class TopicTurns:
    """The turns that a question may take something from."""

    current: tuple[Exchange, ...]
    """Those of the topic that was talked of last."""
    earlier: tuple[Exchange, ...]
    """Those before, back to the question that introduced something new: "a parking permit"."""

    @classmethod
    def read(cls, exchanges: Sequence[Exchange], grammar: Grammar) -> TopicTurns:
        """Find where the topic was changed."""
        parts: list[list[Exchange]] = [[]]
        asked: set[str] = set()
        introduced = False
        for exchange in reversed(exchanges):
            words = stems_of(exchange.query, grammar)
            told = words | stems_of(first_sentence(exchange), grammar)
            if parts[0] and asked and asked.isdisjoint(told):
                if introduced:
                    break
                parts.append([])
            parts[-1].append(exchange)
            asked = words or asked
            introduced = _introduces(exchange.query, grammar)
        earlier = [exchange for part in parts[1:] for exchange in part]
        return cls(tuple(reversed(parts[0])), tuple(reversed(earlier)))

    def told(self, grammar: Grammar) -> set[str]:
        """Return the stems of what the answers say first."""
        read = (first_sentence(exchange) for exchange in (*self.earlier, *self.current))
        return set().union(*(stems_of(sentence, grammar) for sentence in read))

    def theme(self, grammar: Grammar) -> set[str]:
        """Return the stems of what several turns were about."""
        counted: Counter[str] = Counter()
        for exchange in (*self.earlier, *self.current):
            counted.update(sorted(stems_of(exchange.query, grammar)))
        return {word for word, turns in counted.items() if turns >= THEME_TURNS}


def _introduces(query: str, grammar: Grammar) -> bool:
    return any(
        mention.article.lower() in grammar.indefinite for mention in mentions(query, grammar)
    )


def background(
    question: str,
    found: Iterable[SalientThing],
    conversation: TopicTurns,
    grammar: Grammar,
    configured: Mapping[str, Any],
) -> list[SalientThing]:
    """Return the topics, and behind them the themes from before a question that led away."""
    if not conversation.earlier:
        return list(found)
    known = {topic.mention.key for topic in found}
    theme = conversation.theme(grammar)
    everything = topics(
        question, (*conversation.earlier, *conversation.current), grammar, configured
    )
    return [
        topic
        for topic in everything
        if topic.mention.key in known or stems_of(topic.mention.text, grammar) & theme
    ]


def topics(
    question: str, exchanges: Sequence[Exchange], grammar: Grammar, configured: Mapping[str, Any]
) -> list[SalientThing]:
    """Return what exchanges are about, less what the question names."""
    asked: set[str] = set()
    scores: dict[str, float] = {}
    spelt: dict[str, NamedThing] = {}
    characters_max: float = configured.get("topic_characters_max", math.inf)
    for mention, value, is_asked in _weighed(exchanges, grammar, configured):
        if is_asked:
            asked.add(mention.key)
        if len(mention.text) <= characters_max and _is_thing(mention, grammar):
            before = spelt.get(mention.key)
            article = mention.article or (before.article if before else "")
            spelt[mention.key] = replace(mention, article=article)
            scores[mention.key] = scores.get(mention.key, 0.0) + value
    known = {stem(word) for word in naming_words(question, grammar)}
    chosen: list[SalientThing] = []
    for key in sorted(scores, key=lambda key: (-round(scores[key], 6), key)):
        new = {stem(word) for word in naming_words(key, grammar)} - known
        if new:
            chosen.append(SalientThing(spelt[key], scores[key], key in asked))
            known |= new
    return chosen


def _is_thing(mention: NamedThing, grammar: Grammar) -> bool:
    """Tell what may be a topic from a letter (but not a sign that is a word) and from a time."""
    if mention.key in grammar.times or mention.key in grammar.vague:
        return False
    return len(mention.text) > 1 or not mention.text.isascii()


def _weighed(
    exchanges: Sequence[Exchange], grammar: Grammar, configured: Mapping[str, Any]
) -> Iterator[tuple[NamedThing, float, bool]]:
    last = len(exchanges) - 1
    named: dict[str, NamedThing] = {}
    for turn, exchange in enumerate(exchanges):
        weight = configured["decay"] ** (last - turn)
        asked = mentions(exchange.query, grammar)
        sentence = statement_of(exchange, grammar)
        told = mentions(sentence, grammar)
        subject = _subject(sentence, told, grammar)
        opens = (
            subject is not None
            and grammar.tells_openings
            and _only_opens(subject, sentence, exchange, grammar)
        )
        if subject is not None and not (opens and grammar.reads_sentences):
            share = weight * configured["answer"]
            if opens or not _is_related(subject, exchange, grammar):
                share *= configured["unrelated"]
            value = _value(subject, configured, is_name=subject.is_name and not opens)
            yield _as_asked(subject, asked), share * value, False
        for mention in told:
            if mention is not subject and (mention.is_placeholder or mention.is_name):
                share = weight * configured["answer_names"]
                yield mention, share * _value(mention, configured), False
        if turn == 0:
            weight += configured["opening"]
        carried = carried_from(exchange.query)
        for mention in asked:
            share = configured["carried"] if mention.start > carried else 1.0
            thing = _as_named(mention, named) if grammar.supports else mention
            yield thing, weight * share * _value(thing, configured), True
        for mention in asked:
            named.setdefault(mention.key, mention)


def _is_related(told: NamedThing, exchange: Exchange, grammar: Grammar) -> bool:
    """Tell whether what an answer speaks of is a name, or something that the question named."""
    asked = stems_of(exchange.query, grammar)
    if told.is_name or told.is_placeholder or not asked:
        return True
    return not asked.isdisjoint(stems_of(told.text, grammar))


def _only_opens(told: NamedThing, sentence: str, exchange: Exchange, grammar: Grammar) -> bool:
    """Tell a word that has its capital only because an answer begins with it: "Mandatory options".

    Not what the question named, what has a verb behind it, nor what has its capital elsewhere too.
    """
    if told.article or len(told.words) > 1 or re.search(r"\w", sentence[: told.start]):
        return False
    if not _OPENS.fullmatch(told.text):
        return False
    if grammar.reads_sentences and _LISTED.match(sentence, told.end):
        return not re.search(rf"[\w,;] {re.escape(told.text)}\b", exchange.read)
    behind = _BEHIND.match(sentence, told.end)
    if not behind or not names(behind[1], grammar):
        return False
    said, then = behind[1], behind[2].lower()
    if said in grammar.verbs | grammar.auxiliaries | _PAST or said.endswith("ed"):
        return False
    if said.endswith("s") and then in grammar.determiners:
        return False  # "Morello chooses the key"
    asked = stems_of(exchange.query, grammar)
    return asked.isdisjoint(stems_of(told.text, grammar)) and not re.search(
        rf"[\w,;] {re.escape(told.text)}\b", exchange.read
    )


def carried_from(query: str) -> int:
    """Return where the brackets begin that rewriting put behind a question, or its end."""
    at = query.rfind(" (")
    return at if at >= 0 and query.rstrip("?.!").endswith(")") else len(query)


def _subject(sentence: str, told: Sequence[NamedThing], grammar: Grammar) -> NamedThing | None:
    """Return what a statement is about: what it names first, but when or where it is so."""
    if sentence.split(" ", 1)[0].lower() in grammar.pronouns:
        return None
    for mention in told:
        before = sentence[: mention.start].lower().split()
        if mention.start > SUBJECT_WITHIN + FIRST_PHRASE * (mention is not told[0]):
            return None
        if mention.is_number or (before and before[-1] in grammar.prepositions):
            continue
        return mention
    return None


def _as_asked(told: NamedThing, asked: Sequence[NamedThing]) -> NamedThing:
    """Return what was asked about, where an answer has the verb behind it: "the pier opens"."""
    for mention in asked:
        if told.key.startswith(f"{mention.key} "):
            return mention
    return told


def _as_named(mention: NamedThing, before: Mapping[str, NamedThing]) -> NamedThing:
    """Return what a question is about without the verb behind it: "the garage door stopped".

    `before` are what questions before it named, by key.
    """
    if not mention.is_subject or not mention.words[-1].isalpha():
        return mention
    if mention.text.split()[-1][0].isupper():
        return mention
    end = mention.key.rfind(" ")
    while end > 0:
        known = before.get(mention.key[:end])
        if known is not None:
            return replace(mention, text=mention.text[: len(known.text)])
        end = mention.key.rfind(" ", 0, end)
    return mention


def _value(
    mention: NamedThing, configured: Mapping[str, Any], *, is_name: bool | None = None
) -> float:
    is_name = mention.is_name if is_name is None else is_name
    named: float = configured["name"] if is_name else 1.0
    subject: float = configured["subject"] if mention.is_subject else 1.0
    # a longer phrase says more, up to a point
    words: float = min(len(mention.words), 3) ** 0.5
    return named * subject * words
