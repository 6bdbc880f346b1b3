"""Features of a text that need no model: hashed n-grams, and the units that it is cut into.

Everything here is a function of the text alone. Work is linear in the text: n-grams of each word
are bounded by its length, and words longer than WORD_CHARS count by their beginning.
"""

import itertools
import re
import unicodedata
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

CHAR_BITS, WORD_BITS = 16, 15
CHARS, WORDS = 1 << CHAR_BITS, 1 << WORD_BITS
DIMENSIONS = CHARS + WORDS
PROFANITY_BITS = 16
CHAR_N = range(2, 6)  # characters in an n-gram, the blanks around a word included
WORD_CHARS = 40  # of a word, for the n-grams of its characters
UNIT_WORDS = 45  # a longer sentence is cut: an order is seldom longer
SHORT_WORDS = 3  # a sentence of fewer words goes with its neighbour
UNITS_MAX = 64

_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_CUT = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*|(?<=[。！？])")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"\w+|[^\w\s]")
_PROFANE_WORD = re.compile(r"\b\w\w+\b")  # as the model that its weights come from cuts words


def plain(text: str) -> str:
    """Fold case, width and white space; take out what has no width, and let digits be one."""
    folded = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).casefold()
    return _DIGIT.sub("0", " ".join(folded.split()))


def units(text: str) -> list[str]:
    """Cut a text at the ends of sentences and lines into units of 3 to some 45 words."""
    cut: list[str] = []
    for sentence in _CUT.split(text):
        words = sentence.split()
        for start in range(0, len(words), UNIT_WORDS):
            piece = " ".join(words[start : start + UNIT_WORDS])
            if cut and len(cut[-1].split()) < SHORT_WORDS:
                cut[-1] += " " + piece
            elif len(cut) == UNITS_MAX:
                return cut
            else:
                cut.append(piece)
    if len(cut) > 1 and len(cut[-1].split()) < SHORT_WORDS:
        last = cut.pop()
        cut[-1] += " " + last
    return cut


def ngrams(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the buckets of a text's n-grams, each once, and their values; unit length by kind."""
    words = _WORD.findall(plain(text))
    chars: set[int] = set()
    for word in dict.fromkeys(words):
        data = f" {word[:WORD_CHARS]} "
        for n in CHAR_N:
            for start in range(len(data) - n + 1):
                chars.add(crc32(data[start : start + n].encode()) % CHARS)
    pairs = {crc32(word.encode()) % WORDS for word in words}
    pairs |= {crc32(f"{a} {b}".encode()) % WORDS for a, b in itertools.pairwise(words)}
    buckets = np.array([*sorted(chars), *(CHARS + pair for pair in sorted(pairs))], np.int64)
    values = np.empty(len(buckets), np.float32)
    values[: len(chars)] = 1 / max(1, len(chars)) ** 0.5
    values[len(chars) :] = 1 / max(1, len(pairs)) ** 0.5
    return buckets, values


def profanity_buckets(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the buckets of a text's words, each once, and how often they stand there."""
    counts: dict[int, int] = {}
    for word in _PROFANE_WORD.findall(text.lower()):
        bucket = profanity_bucket(word)
        counts[bucket] = counts.get(bucket, 0) + 1
    return np.array(list(counts), np.int64), np.array(list(counts.values()), np.float32)


def profanity_bucket(word: str) -> int:
    """Return the bucket of a word in lower case."""
    return crc32(word.encode()) % (1 << PROFANITY_BITS)
