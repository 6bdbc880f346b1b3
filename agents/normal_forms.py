"""Normal forms: Unicode's, at a cost that no text can drive up.

The marks on a character have an order, and `unicodedata.normalize` brings them into it by moving
each one past those before it: a text of marks alone takes time by the square of its length. So
long runs of marks come to it in their order. What comes out is the same, because it is the same
for all texts that differ in this order alone (UAX #15, canonical equivalence).
"""

import unicodedata
from itertools import groupby
from typing import Literal

import regex

MARKS_MAX = 30
"""What no script needs on one character (UAX #15, Stream-Safe Text Format)."""
_MANY_MARKS = regex.compile(rf"[\p{{M}}\uFF9E\uFF9F]{{{MARKS_MAX + 1},}}+")
"""The two halfwidth signs are letters, but marks to the forms of compatibility."""

Form = Literal["NFC", "NFKC", "NFKD"]


def normalized(form: Form, text: str) -> str:
    """Bring a text into a normal form."""
    if not text.isascii():
        text = _MANY_MARKS.sub(lambda marks: _in_order(form, marks[0]), text)
    return unicodedata.normalize(form, text)


def folded(form: Form, text: str, without: frozenset[str]) -> str:
    """Bring a text into a form, fold its case, and take out characters of some categories.

    Patterns and words that are sought in such a text must be folded too: `ß` is `ss` in it.
    """
    plain = normalized(form, text).casefold()
    if plain.isascii():
        return plain
    return "".join(c for c in plain if unicodedata.category(c) not in without)


def _in_order(form: Form, marks: str) -> str:
    """Take marks apart, and put those that stand together in the order of their classes."""
    apart: Literal["NFD", "NFKD"] = "NFD" if form == "NFC" else "NFKD"
    parts = "".join(unicodedata.normalize(apart, mark) for mark in marks)
    return "".join(
        "".join(sorted(together, key=unicodedata.combining))
        for _, together in groupby(parts, key=lambda mark: unicodedata.combining(mark) > 0)
    )
