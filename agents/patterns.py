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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import regex

from agents.card_numbers import holds_card
from agents.placeholders import TOKEN, held_back
from agents.prompt_canary import is_canary

CONTEXT_CHARS = 8  # kept before the text under check, for what rules look behind at
ACTIONS = ("mask", "block", "note", "keep")
CHECKS: dict[str, Callable[[str, str], bool]] = {
    "card": lambda text, _: holds_card(text),
    "canary": is_canary,
}
"""What may be asked of a match, of its text and the request's id."""


@dataclass(frozen=True)
class Rule:
    """What not to show, and what to do about it."""

    category: str
    pattern: str
    action: str
    """mask (show the replacement instead), block (show nothing from there on), note (show it and
    name the category) or keep (show it, whatever other rules say of it)."""
    replacement: str = ""
    check: str = ""
    """What else must hold of a match: card (its check digit fits) or canary (it is the request's
    own). A match looks no further than its own text."""


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


class _Compiled(NamedTuple):
    """A rule with what finds its matches."""

    rule: Rule
    whole: regex.Pattern[str]
    endless: regex.Pattern[str]
    """The same, followed by what never matches: finds where the rule runs out of text."""

    def holds(self, text: str, request: str) -> bool:
        """Tell whether what a rule asks for beside its pattern holds of a match."""
        return not self.rule.check or CHECKS[self.rule.check](text, request)


class Rules:
    """A set of rules, compiled. Raises ValueError that names a rule which can't be used."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        kept = Rule("placeholder", TOKEN, "keep")
        self._rules = [_compiled(rule) for rule in (kept, *rules)]

    def check(self, shown: str, pending: str, *, final: bool, request: str = "") -> Checked:
        """Check text that follows what was shown; `final` says that no more will come.

        `request` is the id of the request that is answered, for rules that ask for its canary.
        """
        released: list[str] = []
        categories: list[str] = []
        sought = _Sought(self._rules, shown[-CONTEXT_CHARS:], pending, final=final, request=request)
        while True:
            at, wait, first = sought.at, sought.wait(), sought.first()
            if first is not None and first.end == len(pending) and not final:
                wait = min(wait, first.begin)  # the next character may lengthen it or undo it
            if first is None or first.begin >= wait:
                released.append(pending[at:wait])
                return Checked("".join(released), pending[wait:], tuple(categories), blocked=False)
            plain, rule = pending[at : first.begin], first.rule
            if rule.action != "keep":
                categories.append(rule.category)
            if rule.action == "block":
                return Checked("".join((*released, plain)), "", tuple(categories), blocked=True)
            kept = rule.action in {"keep", "note"}
            shows = plain + (pending[first.begin : first.end] if kept else rule.replacement)
            released.append(shows)
            sought.go_on(first.end, shows)

    def mask(self, text: str) -> str:
        """Check a text of its own, such as a quote: masked, and cut where a rule blocks."""
        return self.check("", text, final=True).released


class _Match(NamedTuple):
    """Where a rule matches, and which."""

    begin: int
    end: int
    rule: Rule


class _Sought:
    """Where each rule matches next in a text, and where it may once more text has come.

    What was found ahead stays found: a rule is sought anew only where it was passed by, and at the
    one place that a replacement now stands before. So a text is searched once for each rule,
    however many matches it holds.
    """

    def __init__(
        self,
        rules: Sequence[_Compiled],
        shown: str,
        pending: str,
        *,
        final: bool,
        request: str,
    ) -> None:
        self.at = 0
        """Up to where the text is done with."""
        self._rules = rules
        self._shown = shown
        """The end of what is shown of that, for what rules look behind at."""
        self._text, self._offset, self._length = shown + pending, len(shown), len(pending)
        self._final = final
        self._request = request
        self._bracket = self._length - held_back(pending)
        self._matches = [self._match(one, 0) for one in rules]
        self._waits = [] if final else [self._runs_out(one, 0) for one in rules[1:]]

    def first(self) -> _Match | None:
        """Return the leftmost match, the longest of those that start there."""
        found = [
            (match[0], -match[1], number)
            for number, match in enumerate(self._matches)
            if match is not None
        ]
        if not found:
            return None
        begin, end, number = min(found)
        return _Match(begin, -end, self._rules[number].rule)

    def wait(self) -> int:
        """Return the first character that can't be judged before more text has come."""
        if self._final:
            return self._length
        bracket = self._bracket if self._bracket >= self.at else self._length
        return min([bracket, *self._waits])

    def go_on(self, at: int, shows: str) -> None:
        """Go on at a place before which other text is shown than stood there."""
        self.at = at
        self._shown = (self._shown + shows)[-CONTEXT_CHARS:]
        rest = self._shown + self._text[self._offset + at :]
        for number, one in enumerate(self._rules):
            here = one.whole.match(rest, len(self._shown))
            if here is not None and not one.holds(here[0], self._request):
                here = None
            passed = self._matches[number]
            if here is not None:
                self._matches[number] = (at, at + len(here[0]))
            elif passed is not None and passed[0] <= at:
                self._matches[number] = self._match(one, at + 1)
        for number, one in enumerate([] if self._final else self._rules[1:]):
            if one.endless.match(rest, len(self._shown), partial=True) is not None:
                self._waits[number] = at
            elif self._waits[number] <= at:
                self._waits[number] = self._runs_out(one, at + 1)

    def _match(self, one: _Compiled, at: int) -> tuple[int, int] | None:
        """Find where a rule matches from a place on."""
        match = one.whole.search(self._text, self._offset + at)
        while match is not None and not one.holds(match[0], self._request):
            match = one.whole.search(self._text, match.start() + 1)
        return match and (match.start() - self._offset, match.end() - self._offset)

    def _runs_out(self, one: _Compiled, at: int) -> int:
        """Find where a rule may match, from a place on, once more text has come."""
        match = one.endless.search(self._text, self._offset + at, partial=True)
        return self._length if match is None else match.start() - self._offset


def _compiled(rule: Rule) -> _Compiled:
    if rule.action not in ACTIONS:
        raise ValueError(f"rule {rule.category}: action {rule.action}: use {', '.join(ACTIONS)}")
    if rule.check and rule.check not in CHECKS:
        raise ValueError(f"rule {rule.category}: check {rule.check}: use {' or '.join(CHECKS)}")
    try:
        whole = regex.compile(rule.pattern)
        endless = regex.compile(f"(?:{rule.pattern})(?!)")
    except regex.error as error:
        raise ValueError(f"rule {rule.category}: {error}: mend its pattern") from None
    if whole.match("") is not None:
        raise ValueError(f"rule {rule.category} matches the empty text: require a character")
    return _Compiled(rule, whole, endless)


@lru_cache(maxsize=16)
def _rules(configured: tuple[tuple[tuple[str, Any], ...], ...]) -> Rules:
    return Rules([Rule(**dict(rule)) for rule in configured])


def rules_of(configured: Sequence[dict[str, Any]]) -> Rules:
    """Build the rules that a configuration lists; the same list is compiled once."""
    return _rules(tuple([tuple(rule.items()) for rule in configured]))
