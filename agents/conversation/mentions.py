"""Mentions: the stretches of words by which a text names things, each with the article before it.

A stretch ends at a word that names nothing, at punctuation, where the capitals of a name end, and
at the verb that follows its subject: "Where are [the absorbent booms] kept?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.conversation.grammar import Grammar
from agents.conversation.unspaced import is_unspaced, stretches
from agents.phrases import GENITIVE, WORD, word_set


@dataclass(frozen=True)
class NamedThing:
    """A thing that a text names."""

    text: str
    """As it is written, without its article."""
    article: str = ""
    is_subject: bool = False
    """Whether it stands behind an auxiliary, or first in a statement."""
    start: int = 0
    """Where it begins in the text, its article included."""
    end: int = 0

    @property
    def key(self) -> str:
        """What it is compared by."""
        return self.text.lower()

    @property
    def words(self) -> list[str]:
        """Its words, in lower case."""
        return self.key.split()

    @property
    def spelt(self) -> str:
        """As it is put into another text."""
        return f"{self.article.lower()} {self.text}" if self.article else self.text

    @property
    def is_placeholder(self) -> bool:
        """Whether it stands for personal data."""
        return self.text.startswith("<")

    @property
    def is_name(self) -> bool:
        """Whether it is written like a name."""
        return any(word[0].isupper() or word[0] == "<" for word in self.text.split())

    @property
    def is_number(self) -> bool:
        """Whether it begins with a number."""
        return self.text[:1].isdigit()


def names(word: str, grammar: Grammar) -> bool:
    """Whether a word names something, rather than joining others or saying how."""
    low = word.lower()
    bare = GENITIVE.sub("", low)
    if low in grammar.function or bare in grammar.function or low in grammar.pronouns:
        return False
    return low not in grammar.pointers and not (grammar.has_verb_rules and bare.endswith("ly"))


def naming_words(text: str, grammar: Grammar) -> list[str]:
    """Return the words that name something, lower case."""
    if is_unspaced(text):
        return [word.lower() for _, _, word in stretches(text)]
    return [
        GENITIVE.sub("", word.lower())
        for word in WORD.findall(text)
        if names(word, grammar) and word.lower() not in grammar.auxiliaries
    ]


def mentions(text: str, grammar: Grammar) -> list[NamedThing]:
    """Return what a text names, in order."""
    if is_unspaced(text):
        return [
            NamedThing(word, start=start, end=end, is_subject=number == 0)
            for number, (start, end, word) in enumerate(stretches(text))
        ]
    return list(_Reader(text, grammar).mentions())


_SPEAKING = word_set("you i we they he she it one people")


@dataclass
class _Reader:
    """Reads one text from left to right."""

    text: str
    grammar: Grammar
    words: list[str] = field(default_factory=list)
    """Of the stretch that is being read."""
    bridge: list[str] = field(default_factory=list)
    """Words after it that belong to it if another one follows."""
    article: str = ""
    start: int = 0
    end: int = 0
    expects_verb: bool = False
    """Whether an auxiliary came and its subject is not over."""
    lacks_verb: bool = False
    """Whether that auxiliary needs another verb behind its subject, and none came."""
    has_subject: bool = False
    """Whether its subject came."""
    first: bool = True
    """Whether nothing was named yet."""

    def mentions(self) -> Iterator[NamedThing]:
        before, past = "", 0
        for match in WORD.finditer(self.text):
            word, low = match.group(), match.group().lower()
            if self.text[past : match.start()].strip(" '’\"\t\n"):  # punctuation
                yield from self._closed()
                self.expects_verb = self.lacks_verb = False
            past = match.end()
            if word.startswith("<"):
                yield from self._closed()
                self._begin(match)
                yield from self._closed()
            elif self._is_verb(word, before):
                self.lacks_verb = False
                yield from self._closed()
                self.expects_verb = False
            elif self._names(match):
                yield from self._named(match)
            elif self.words and self._bridges(low):
                self.bridge.append(word)
            else:
                yield from self._passed(match, before)
            before = low
        yield from self._closed()

    def _passed(self, match: re.Match[str], before: str) -> Iterator[NamedThing]:
        """Close what was read at a word that names nothing, and see what it announces."""
        article = self.article
        word, low = match.group(), match.group().lower()
        self.lacks_verb &= low not in self.grammar.light_verbs
        self.has_subject |= low in self.grammar.pronouns | _SPEAKING
        yield from self._closed()
        if low in self.grammar.determiners:
            self.article, self.start = word, match.start()
        elif low in self.grammar.auxiliaries:
            self.article, self.expects_verb = "", True
            self.lacks_verb, self.has_subject = low in self.grammar.supports, False
        elif before in self.grammar.determiners and before not in self.grammar.indefinite:
            self.article = article  # "the last bus leaves"
        else:
            self.article = ""
            self.expects_verb &= low in self.grammar.possessives | _SPEAKING

    def _names(self, match: re.Match[str]) -> bool:
        word, low = match.group(), match.group().lower()
        if word[0].isupper() and low in self.grammar.times and match.start():
            return True  # "in May"
        return low not in self.grammar.auxiliaries and names(word, self.grammar)

    def _bridges(self, low: str) -> bool:
        if not self.bridge:
            return low in self.grammar.bridges
        return len(self.bridge) == 1 and low in self.grammar.determiners

    def _is_verb(self, word: str, before: str) -> bool:
        low, grammar = word.lower(), self.grammar
        if low in grammar.auxiliaries:
            return False
        if word != low:  # "Pass the parameter"
            return not before and low in grammar.imperatives
        if grammar.has_verb_rules and not self.words:
            if before == "to" and low in grammar.verbs:
                return True  # "how to treat"
            if before in _SPEAKING and self.expects_verb:
                return True  # "can you pay"
            return before == "who" or (before == "what" and low.endswith("s"))
        if not self.words or self.bridge:
            return False
        if self.expects_verb and (low in grammar.verbs or low in grammar.predicates):
            return True
        if not grammar.has_verb_rules:
            return False
        if (
            len(self.words) < 3
            and self.article.lower() in {"a", "an"}
            and re.search(r"[^su]s$", low)
        ):
            return True  # "a worker dies"
        return self.expects_verb and low.endswith(("ed", "able", "ible"))

    def _named(self, match: re.Match[str]) -> Iterator[NamedThing]:
        word = match.group()
        if self.words and not self.bridge and self.words[-1][0].isupper() and word[0].islower():
            yield from self._closed()  # "Salt Lake City differ": the name ends with the capitals
        self._begin(match)
        if GENITIVE.sub("", word) != word:
            yield from self._closed()

    def _begin(self, match: re.Match[str]) -> None:
        if not self.words and not self.article:
            self.start = match.start()
        bare = GENITIVE.sub("", match.group())
        self.words += [*self.bridge, bare]
        self.bridge.clear()
        self.end = match.start() + len(bare)

    def _is_predicate(self) -> bool:
        """Tell a lonely verb or adjective: "How much is [owed]?"."""
        word = self.words[0]
        if len(self.words) > 1 or self.article or not word.islower():
            return False
        known = self.grammar.verbs | self.grammar.predicates
        return word in known or (self.grammar.has_verb_rules and word.endswith("ed"))

    def _part_verb(self) -> None:
        """Take the verb out of what was read, where one must follow: "does honey [spoil]"."""
        if not self.lacks_verb:
            return
        if self.has_subject and self.words[0].islower() and not self.article:
            verb = self.words.pop(0)
            self.start += len(verb) + 1
        elif not self.has_subject and len(self.words) == 2 and self.words[1].islower():
            self.end -= len(self.words.pop()) + 1
        else:
            self.has_subject = True
            return
        self.lacks_verb = False

    def _closed(self) -> Iterator[NamedThing]:
        if self.words:
            self._part_verb()
        if self.words and not self._is_predicate():
            yield NamedThing(
                " ".join(self.words),
                self.article,
                self.expects_verb or self.first,
                self.start,
                self.end,
            )
            self.first = self.expects_verb = False
        self.words.clear()
        self.bridge.clear()
        self.article = ""
