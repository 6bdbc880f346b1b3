r"""The model's tokenizer, with the same tokens at a cost that no text can drive up.

The tokenizer takes affixes off a word one by one, and for each one spaCy searches all that is left
of the word: for what can only stand at its beginning (`re.search` tries a pattern that begins with
`^` at every place), and for what can only stand at its end. So a word of 8,000 characters `$_$_…`
took 20 seconds. Here a prefix is looked for at the beginning, and a suffix near the end.

What ends a user's name in an address is looked for once, not once more behind each colon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

SUFFIX_CHARACTERS_MAX = 64
"""No suffix is longer: units, marks, "'s"; runs of dots are, but `RULE` leaves none so long."""
USER = r"(?:\S+(?::\S*)?@)?"
SAME_USER = r"(?:\S+@)?"
r"""Matches what USER does, since `\S` is a colon, too."""


def bound(tokenizer: Any) -> None:
    """Make a spaCy tokenizer look for prefixes, suffixes and addresses where they can stand.

    Raises ValueError for one whose patterns are not those that this was made for.
    """
    prefix, suffix, address = (
        search.__self__
        for search in (tokenizer.prefix_search, tokenizer.suffix_search, tokenizer.url_match)
    )
    if prefix.pattern.count("|") > prefix.pattern.count("|^") or USER not in address.pattern:
        raise ValueError("spaCy's tokenizer has other patterns: look at connectors.presidio anew")
    tokenizer.prefix_search = prefix.match
    tokenizer.suffix_search = _at_the_end(suffix)
    tokenizer.url_match = re.compile(address.pattern.replace(USER, SAME_USER), address.flags).match


def _at_the_end(suffix: re.Pattern[str]) -> Callable[[str], re.Match[str] | None]:
    """Search for what ends a word, from where it may begin; it may look behind that."""

    def search(word: str) -> re.Match[str] | None:
        return suffix.search(word, max(0, len(word) - SUFFIX_CHARACTERS_MAX))

    return search
