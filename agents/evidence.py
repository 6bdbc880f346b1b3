"""Evidence: what a text says that its sources hold, also while it is still being written."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from agents.language import (
    PASSAGES_KEPT,
    STOP_WORDS,
    boundaries,
    content,
    is_number,
    sentences,
    stem,
    words,
)
from agents.placeholders import placeholders_in

_OPENING = re.compile("[\"'“‘(\\[]*")
"""What may stand before a word; a fourth of the time that `lstrip` takes for thousands of them."""


def evidence(texts: Iterable[str]) -> frozenset[str]:
    """Collect the stems that texts hold."""
    return frozenset().union(*map(_stems, texts))


@lru_cache(maxsize=PASSAGES_KEPT)
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text)))


def support(text: str, held: frozenset[str]) -> float:
    """Return the share of a text's content words that the evidence holds; 1 where it has none."""
    said = content(text)
    return sum(word in held for word in said) / len(said) if said else 1.0


def complete(text: str) -> str:
    """Leave out the last word of a text that may still grow."""
    return text[: max(text.rfind(" "), text.rfind("\n")) + 1]


def settled(text: str) -> str:
    """Leave out the last word of a text if it is a number or a name, which may still grow.

    The first word of a sentence is taken for an ordinary one.
    """
    whole = complete(text)
    opened = _OPENING.match(text, len(whole))
    first = text[opened.end() : opened.end() + 1] if opened else ""
    begins = not whole.strip() or whole.rstrip()[-1] in ".!?:"
    waits = first.isdigit() or first == "<" or (first.isupper() and not begins)
    return whole if waits else text


def unsupported(text: str, held: frozenset[str]) -> tuple[str, ...]:
    """List what an answer says without support: numbers, names and placeholders, then words.

    Numbers and names can't be put in other words, so each one that the evidence lacks counts.
    """
    lacking = [name for name in placeholders_in(text) if name not in held]
    for sentence in sentences(text):
        lacking += _unsupported(words(sentence), held, begins=True)
    return tuple(dict.fromkeys(lacking))


def _unsupported(said: Sequence[str], held: frozenset[str], *, begins: bool) -> Iterator[str]:
    """Yield the words without support of a sentence, or of the rest of one that began before."""
    for position, word in enumerate(said):
        if word.startswith("<") or word.casefold() in STOP_WORDS or stem(word) in held:
            continue
        name = word[0].isupper() and not (begins and position == 0)
        if is_number(word) or name:
            yield word


class Hearer:
    """Hears an answer while it is written, and tells whether it says anything without support.

    What `unsupported` would find in the whole of it; but each word is looked at when it is new, and
    once more when the next one has come, since a sentence may turn out to have ended before that.
    """

    def __init__(self, held: frozenset[str]) -> None:
        self._held = held
        self._heard = 0
        """Length of the text so far."""
        self._last = 0
        """Where its last word begins, with the marks around it."""
        self._begins = True
        """Whether no word of the same sentence stands before that."""

    def objects(self, text: str) -> bool:
        """Tell whether a text says something without support.

        It must end behind a word and begin with the text before it. Not to be asked again once it
        objected.
        """
        new, self._heard = text[self._heard :], len(text)
        if not new or new.isspace():
            return False
        cuts = [self._last, *boundaries(text, self._last), len(text)]
        if any(name not in self._held for name in placeholders_in(text[self._last :])):
            return True
        for number, (start, end) in enumerate(pairwise(cuts)):
            begins = self._begins or number > 0
            if any(_unsupported(words(text[start:end]), self._held, begins=begins)):
                return True
        self._remember_last(text, cuts)
        return False

    def _remember_last(self, text: str, cuts: Sequence[int]) -> None:
        """Find the last word, and whether a sentence begins with it."""
        rest = text[self._last :].rstrip()  # never empty: what was just heard is no blank
        last = self._last + len(rest) - len(rest.split()[-1])
        sentence = max(cut for cut in cuts if cut <= last)
        inherited = self._begins or sentence > self._last
        self._begins = inherited and not words(text[sentence:last])
        self._last = last
