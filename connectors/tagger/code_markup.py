r"""Markup: what of a page is code or a target of a link, where no name stands but many look so."""

from __future__ import annotations

from bisect import bisect_right

import regex

_CODE = regex.compile(
    r"```[^`]{0,8000}```"
    r"|`[^`\n]{1,200}`"
    r"|\]\([^)\s]{1,500}\)"
    r"|<[a-zA-Z/][^<>\n]{0,300}>"
    r"|\b\w{1,40}(?:[_.:/\\]{1,3}\w{1,40}){1,20}\(?"
    r"|\b\p{Ll}{1,30}(?:\p{Lu}\p{Ll}{1,30}){1,6}\b"
)
_GATE = regex.compile(r"[`_:/\\<]|\]\(|\w\.\w|\p{Ll}\p{Lu}")
_FULL_NAME = regex.compile(r"\p{Lu}\p{Ll}+(?: \p{Lu}\.)? \p{Lu}\p{Ll}+")


class Code:
    """Where code stands in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        spans = [match.span() for match in _CODE.finditer(text)] if _GATE.search(text) else []
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    def holds(self, start: int, end: int) -> bool:
        """Say whether a stretch lies within code, and isn't a full name in spite of it."""
        at = bisect_right(self._starts, start) - 1
        return (
            at >= 0 and end <= self._ends[at] and not _FULL_NAME.fullmatch(self._text, start, end)
        )
