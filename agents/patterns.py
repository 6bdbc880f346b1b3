r"""Patterns over a text that arrives in pieces: what may be shown now, what must wait.

A piece is held back only from the first character at which some rule may still come to match, so
that no match slips through the gap between two pieces, and nothing else waits. Partial matching
of the `regex` library tells: a rule followed by `(?!)` can't match, so the search ends at the first
place where it ran out of text. Half a placeholder is never released either.

Whichever way a text is cut, the released pieces add up to the same text. Two things make it so:
leftmost matches win (the longest of those that start together), and a match is acted upon only
when nothing that may still arrive could change it. A rule must therefore look no more than one
character behind its match or ahead of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import regex

from agents.placeholders import TOKEN, held_back

CONTEXT_CHARS = 8  # kept before the text under check, for what rules look behind at


@dataclass(frozen=True)
class Rule:
    """What not to show, and what to do about it."""

    category: str
    pattern: str
    action: str
    """mask (show the replacement instead), block (show nothing from there on) or keep."""
    replacement: str = ""


@dataclass(frozen=True)
class Checked:
    """What came of checking a piece."""

    released: str
    """Text that may be shown now."""
    held: str
    """Text to be checked again together with what follows; empty once blocked."""
    categories: tuple[str, ...]
    """Categories of the rules that matched, in the order of the text."""
    blocked: bool
    """Whether nothing that follows may be shown."""


class Rules:
    """A set of rules, compiled. Raises ValueError that names a rule which can't be used."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        kept = Rule("placeholder", TOKEN, "keep")
        self._rules = [(rule, *_compiled(rule)) for rule in (kept, *rules)]

    def check(self, shown: str, pending: str, *, final: bool) -> Checked:
        """Check text that follows what was shown; `final` says that no more will come."""
        released: list[str] = []
        categories: list[str] = []
        before, rest = shown[-CONTEXT_CHARS:], pending
        while True:
            text, start = before + rest, len(before)
            wait = len(text) if final else self._waits_from(text, start)
            first = self._first(text, start)
            if first is not None and first[1] == len(text) and not final:
                wait = min(wait, first[0])  # the next character may lengthen it or undo it
            if first is None or first[0] >= wait:
                released.append(text[start:wait])
                return Checked("".join(released), text[wait:], tuple(categories), blocked=False)
            begin, end, rule = first
            released.append(text[start:begin])
            if rule.action == "block":
                return Checked("".join(released), "", (*categories, rule.category), blocked=True)
            if rule.action == "keep":
                released.append(text[begin:end])
            else:
                categories.append(rule.category)
                released.append(rule.replacement)
            before = (before + "".join(released))[-CONTEXT_CHARS:]
            rest = text[end:]

    def mask(self, text: str) -> str:
        """Check a text of its own, such as a quote: masked, and cut where a rule blocks."""
        return self.check("", text, final=True).released

    def _waits_from(self, text: str, start: int) -> int:
        """Find the first character at which some rule may match once more text has come."""
        starts = [
            match.start()
            for _, _, endless in self._rules[1:]
            if (match := endless.search(text, start, partial=True)) is not None
        ]
        return min([len(text) - held_back(text[start:]), *starts])

    def _first(self, text: str, start: int) -> tuple[int, int, Rule] | None:
        """Find the leftmost match, the longest of those that start there."""
        matches = [
            (match.start(), -match.end(), number)
            for number, (_, whole, _) in enumerate(self._rules)
            if (match := whole.search(text, start)) is not None
        ]
        if not matches:
            return None
        begin, end, number = min(matches)
        return begin, -end, self._rules[number][0]


def _compiled(rule: Rule) -> tuple[regex.Pattern[str], regex.Pattern[str]]:
    if rule.action not in {"mask", "block", "keep"}:
        raise ValueError(f"rule {rule.category}: action {rule.action}: use mask, block or keep")
    try:
        whole = regex.compile(rule.pattern)
        endless = regex.compile(f"(?:{rule.pattern})(?!)")
    except regex.error as error:
        raise ValueError(f"rule {rule.category}: {error}: mend its pattern") from None
    if whole.match("") is not None:
        raise ValueError(f"rule {rule.category} matches the empty text: require a character")
    return whole, endless


@lru_cache(maxsize=16)
def _rules(configured: tuple[tuple[tuple[str, Any], ...], ...]) -> Rules:
    return Rules([Rule(**dict(rule)) for rule in configured])


def rules_of(configured: Sequence[dict[str, Any]]) -> Rules:
    """Build the rules that a configuration lists; the same list is compiled once."""
    return _rules(tuple([tuple(rule.items()) for rule in configured]))
