"""Analyse text: the terms under which a chunk is found by its words.

Why it is so: words are analysed here and not by Weaviate, which has no stemmer. The property
`terms` holds them with spaces between, and beside them the digests of the values behind the text's
placeholders, so that a question about a person finds the chunks that mention that person and no
others.
"""

from __future__ import annotations

import re

from agents.placeholders import ONE_WORD

_PLACEHOLDER = re.compile(ONE_WORD)
WORD = re.compile(r"\w+")
STOPWORDS = frozenset(
    re.split(
        r"\s",
        "a an and are as at be but by for if in into is it no not of on or such that the their then"
        " there these they this to was will with what which who how do does did i we you",
    )
)


def stem(word: str) -> str:
    """Strip the commonest English endings, so that plural and singular meet."""
    for ending, rest in (
        ("sses", "ss"),
        ("ies", "y"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("ly", ""),
        ("es", "e"),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            if ending == "s" and word.endswith("ss"):
                continue
            return word.removesuffix(ending) + rest
    return word


def terms(text: str) -> list[str]:
    """Analyse a text or a query: lower case, stems, neither stop words nor placeholders."""
    words = WORD.findall(_PLACEHOLDER.sub(" ", text).lower())
    return [stem(word) for word in words if word not in STOPWORDS]
