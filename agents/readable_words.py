"""Readable words: what the tenant's documents leave as it is, a question may say, too.

A question is a line without much around it. A word that no list has, standing where names of
people stand, is taken for one: `What does Starlette give me?` In the documents, where more tells
what it is, it is left as it is. Replaced in the question it would match nothing there.

So documents leave, beside the digests of their values, those of the words with a capital that they
do not replace, and those of the words that persons' names of theirs are made of. A question keeps a
word that was found by its place alone if some document leaves it as it is, and none has it as a
value or as part of a person's name. So

- a name that a document masks, or of which it masks more, stays masked: `Zielonka` beside `Ewa
  Zielonka`;
- one that no document has stays masked, and so does one that lists of names have, that a title
  stands before, or that somebody is introduced by;
- a document must say it twice: a name that the detector misses is seldom missed wherever it stands.

Words are known by keyed digests, as values are: the key store learns none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from agents.known_values import Reading
from agents.placeholders import canonical
from agents.spans import WORD, Mention

PERSON = "PERSON"
TIMES_MIN = 2
"""That a batch of a document says a word that it leaves as it is."""
WORD_CHARS_MIN = 3
WORDS_MAX = 2_048
"""Of a batch: about 20 ms of digests."""
_OF_SOMEBODY = ("'s", "’s", "'", "’")


def by_place(
    texts: Iterable[tuple[str, Sequence[Mention]]], policy: Mapping[str, Any]
) -> tuple[str, ...]:
    """List the canonical forms of single words that nothing but their place tells to be names."""
    told: set[str] = set()
    placed: dict[str, None] = {}
    for text, mentions in texts:
        for mention in mentions:
            form = canonical(mention.of(text))
            if not mention.by_place or mention.kind != PERSON:
                told.add(form)
            elif _is_word(mention.of(text), policy):
                placed[form] = None
    return tuple(form for form in placed if form not in told)


def readable_words(reading: Reading) -> tuple[str, ...]:
    """List the canonical forms of words with a capital that a reading leaves as they are."""
    times: Counter[str] = Counter()
    for text, mentions in zip(reading.texts, reading.mentions, strict=True):
        upcoming = iter(mentions)
        mention = next(upcoming, None)
        for word in WORD.finditer(text):
            while mention is not None and mention.end <= word.start():
                mention = next(upcoming, None)
            masked = mention is not None and mention.start < word.end()
            if not masked and _is_word(plain := _of_nobody(word[0]), reading.policy):
                times[canonical(plain)] += 1
    often = (form for form, number in times.items() if number >= TIMES_MIN)
    return tuple(islice(often, WORDS_MAX))


def named_words(reading: Reading) -> tuple[str, ...]:
    """List the canonical forms of the words that persons' names are made of, each once."""
    return tuple(
        dict.fromkeys(
            canonical(_of_nobody(word[0]))
            for text, mentions in zip(reading.texts, reading.mentions, strict=True)
            for mention in mentions
            if mention.kind == PERSON
            for word in WORD.finditer(mention.of(text))
        )
    )


def _is_word(word: str, policy: Mapping[str, Any]) -> bool:
    """Tell whether it is one word with a capital, and none that is common and a name as well."""
    return (
        len(word) >= WORD_CHARS_MIN
        and any(map(str.isupper, word[:2]))
        and WORD.fullmatch(word) is not None
        and word.lower() not in policy["ambiguous_words"]
    )


def _of_nobody(word: str) -> str:
    """Take the sign of a possession off a word."""
    return next((word.removesuffix(end) for end in _OF_SOMEBODY if word.endswith(end)), word)
