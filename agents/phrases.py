"""Phrases: the stretches of words by which a question names what it is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from agents.lexicon import Lexicon
from agents.placeholders import ONE_WORD

WORD = re.compile(rf"{ONE_WORD}|\w+(?:[-.'’/&+#]\w+)*[+#]*")


def word_set(text: str) -> frozenset[str]:
    """Make a set of the words of a text, which is how they read best."""
    return frozenset(text.split())


# words that name nothing: function words, and how people ask
EMPTY = word_set(
    """
    a about above across after again against all along also although always am among an and
    another any anyone anything are around as asked at away back be became because become been
    before began being below between both but by call called came can cannot changed come could
    describe did didn't different do does doesn't doing don't done down during each else ever
    every explain fact facts few find first for found from further gave get getting give go goes
    going got had happen happened happens has have having he her here hers herself him himself
    his how however i i'd i'm i've if important in information interesting into is isn't it it's
    its itself just kind kinds know known last later learn least less let like likely list look
    made main major make many may me mean might mine more most much must my myself need never
    next no nor not nothing now of off often ok on once one ones only or other others our out
    over own part people per please possible provide question rather really same say see she
    should show since so some someone something sort still such take talk tell than thank thanks
    that that's the their theirs them themselves then there these they thing things think this
    those though through thus time to together too toward type types under until up upon us use
    used using very want wanted was wasn't way we well went were what what's whatever when where
    whether which while who who's whom whose why will with within without won't work works would
    wouldn't yes yet you you're your yours
    """
)
GENITIVE = re.compile(r"['’]s?$")


def words(text: str) -> list[str]:
    """Split into words; a placeholder is one."""
    return WORD.findall(text)


def names(word: str) -> bool:
    """Whether a word names something, rather than joining others or saying how."""
    low = GENITIVE.sub("", word.lower())
    return low not in EMPTY and word.lower() not in EMPTY and not low.endswith("ly")


def naming_words(text: str) -> list[str]:
    """Return the words that name something, lower case."""
    return [GENITIVE.sub("", word.lower()) for word in words(text) if names(word)]


def phrases(text: str, known: Collection[str] = ()) -> list[str]:
    """Return the stretches of words that name something, also across "of" and "of the".

    A phrase that is known already (lower case) is a stretch of its own wherever it stands.
    """
    lexicon = Lexicon(known)
    listed: list[str] = []
    current: list[str] = []
    bridge: list[str] = []
    end, before = 0, ""

    def close() -> None:
        if current:
            listed.extend(_cut(current, lexicon))
        current.clear()
        bridge.clear()

    for match in WORD.finditer(text):
        word = match.group()
        if text[end : match.start()].strip(" '’\"\t\n"):  # punctuation
            close()
        end = match.end()
        bare = GENITIVE.sub("", word)
        verb, before = before == "who", word.lower()  # "Who assigns a berth?"
        if word.startswith("<"):  # a placeholder
            close()
            listed.append(word)
        elif names(word) and not verb:
            if current and not bridge and current[-1][0].isupper() and word[0].islower():
                close()  # "Salt Lake City differ": the name ends where the capitals do
            current += [*bridge, bare]
            bridge.clear()
            if bare != word:
                close()
        elif (current and word == "of" and not bridge) or (
            current and word == "the" and bridge == ["of"]
        ):
            bridge.append(word)
        else:
            close()
    close()
    return listed


def _cut(stretch: Sequence[str], known: Lexicon) -> Iterator[str]:
    """Split a stretch at the known phrases in it, the longest first."""
    at = 0
    for start, end in known.cuts([word.lower() for word in stretch]):
        if at < start:
            yield " ".join(stretch[at:start])
        yield " ".join(stretch[start:end])
        at = end
    if at < len(stretch):
        yield " ".join(stretch[at:])
