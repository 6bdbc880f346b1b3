"""Bounded patterns: those of a tenant, matched by RE2 in time linear in the text.

RE2 finds one match in linear time, but all matches of `x[^y]*y|x` in a text of x only in squares,
because each looks to the end. So what repeats must have an end: `[0-9]{6}` or `{1,20}`, never `*`
or `+`. A match that begins or ends within a word is none. Case and width do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2

from agents.personal.folding import at_edges, narrowed

PATTERN_CHARS_MAX = 500
PATTERNS_MAX = 100
"""Of a list: each that matches at all is run over the text once."""
PROGRAM_BYTES_MAX = 2_000_000
"""Of memory that RE2 may take for one pattern."""


QUOTE = r"\Q"
"""What lets signs mean themselves up to its end: with it nobody knows which signs do."""


class UnboundedPattern(ValueError):
    """A pattern that can't be used; the message says why and what to do."""


@lru_cache(maxsize=1_024)
def compiled(pattern: str) -> Any:
    """Compile a pattern; raises UnboundedPattern."""
    if not 0 < len(pattern) <= PATTERN_CHARS_MAX:
        raise UnboundedPattern(
            f"it has {len(pattern)} characters: write one of 1 to {PATTERN_CHARS_MAX}"
        )
    if (sign := _unbounded(pattern)) == QUOTE:
        raise UnboundedPattern(r"it quotes by \Q: put a backslash before each sign instead")
    if sign:
        raise UnboundedPattern(f"`{sign}` has no end: say how often at most, such as {{1,20}}")
    options = re2.Options()
    options.log_errors, options.case_sensitive = False, False
    options.max_mem = PROGRAM_BYTES_MAX
    try:
        matcher = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise UnboundedPattern(f"it is none that RE2 takes: {said}: mend it") from None
    if matcher.search("") is not None:
        raise UnboundedPattern("it matches where nothing stands: ask for a character at least")
    return matcher


def _unbounded(pattern: str) -> str:
    """Return the first sign that lets something repeat without an end; empty where there is none.

    Within brackets signs mean themselves. A `]` right behind the opening one does, too.
    """
    at, opened = 0, -1
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            if pattern[at : at + 2] == QUOTE:
                return QUOTE
            at += 2
            continue
        if opened >= 0:
            if sign == "]" and pattern[opened + 1 : at] not in {"", "^"}:
                opened = -1
        elif sign == "[":
            opened = at
        elif sign in "*+":
            return sign
        elif sign == "{" and _open_ended(pattern[at : at + 8]):
            return "{n,}"
        at += 1
    return ""


def _open_ended(text: str) -> bool:
    """Tell whether `{n,}` stands at the beginning."""
    inner, closed, _ = text[1:].partition("}")
    return bool(closed) and inner.endswith(",") and inner[:-1].isdigit()


class BoundedPatterns:
    """Patterns and what each of them stands for."""

    def __init__(self, patterns: Sequence[tuple[str, str]]) -> None:
        """`patterns` are pairs of a pattern and its kind; raises UnboundedPattern."""
        self._patterns = [(compiled(pattern), kind) for pattern, kind in patterns]

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where a pattern matches, and its kind."""
        if not self._patterns:
            return
        plain = narrowed(text)
        for matcher, kind in self._patterns:
            for match in matcher.finditer(plain):
                start, end = match.span()
                if start < end and at_edges(plain, start, end):
                    yield start, end, kind
