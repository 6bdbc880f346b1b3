"""How much of the end of a text may be the beginning of a placeholder."""

from __future__ import annotations

import re

UNFINISHED = re.compile(r"<(?:_{0,8}(?:[A-Z][A-Z_]{0,40})?(?:[0-9]{1,9})?)?\Z")


def held_back(text: str) -> int:
    """Count the characters at the end that may begin a placeholder: it is restored whole."""
    beginning = UNFINISHED.search(text)
    return len(text) - beginning.start() if beginning else 0
