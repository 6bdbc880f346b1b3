"""The text of a policy, taken apart into rules and tokens, each with its place.

Cedar's parser says what is wrong and not where, and it overflows the stack of the process where
a rule nests by the hundred. So its text is read here first, as far as it takes to bound it, and to
find the line of what the parser then objects to.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

CHARACTERS_MAX = 200_000
RULES_MAX = 1_000
"""A decision asks each of an action's rules: a thousand take a millisecond."""
RULE_TOKENS_MAX = 1_000
LEVELS_MAX = 30
"""Brackets within each other, and `if`s of one rule: the parser's stack ends at hundreds."""

_TOKEN = re.compile(
    r'\s+|//[^\n]*|(?P<token>"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\d+|::|==|!=|<=|>=|&&|\|\||.)',
    re.DOTALL,
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class PolicyFault(ValueError):
    """A policy that can't be used: the message names line and column, and says what to do."""


class RuleToken(NamedTuple):
    """A token of a rule."""

    text: str
    begin: int
    """Offset in the policy's text, in characters."""

    @property
    def end(self) -> int:
        """Offset behind it."""
        return self.begin + len(self.text)


@dataclass(frozen=True)
class PolicyText:
    """A policy's text and its rules."""

    text: str
    rules: tuple[Sequence[RuleToken], ...]
    """The tokens of each, its semicolon last where it has one."""
    _lines: tuple[int, ...]
    """Offsets at which lines begin."""

    def place(self, offset: int) -> str:
        """Spell a place for people: `line 3, column 7`, both from 1."""
        line = bisect_right(self._lines, offset)
        return f"line {line}, column {offset - self._lines[line - 1] + 1}"

    def source(self, number: int) -> str:
        """Return the text of a rule, by its number from 0."""
        tokens = self.rules[number]
        return self.text[tokens[0].begin : tokens[-1].end]


def policy_text(text: str) -> PolicyText:
    """Take a policy apart; raises PolicyFault where it is more than is taken."""
    if len(text) > CHARACTERS_MAX:
        raise PolicyFault(
            f"the policy has {len(text)} characters, at most {CHARACTERS_MAX} are taken: shorten it"
        )
    lines = (0, *(match.end() for match in re.finditer("\n", text)))
    whole = PolicyText(text, (), lines)
    rules = tuple(_rules(text, whole))
    if len(rules) > RULES_MAX:
        raise PolicyFault(
            f"the policy has {len(rules)} rules, at most {RULES_MAX} are taken: join those that "
            'differ in a value alone, as in `["a", "b"].contains(resource.class)`'
        )
    for tokens in rules:
        _hold_small(tokens, whole)
    return PolicyText(text, rules, lines)


def _tokens(text: str, whole: PolicyText) -> Iterator[RuleToken]:
    for match in _TOKEN.finditer(text):
        token = match["token"]
        if token is None:
            continue
        if token == '"':  # noqa: S105 - no password; reading on would look for its end from each further quotation mark
            raise PolicyFault(
                f"{whole.place(match.start())}: the text that begins there does not end: close it "
                'by "'
            )
        yield RuleToken(token, match.start())


def _rules(text: str, whole: PolicyText) -> Iterator[Sequence[RuleToken]]:
    tokens: list[RuleToken] = []
    for token in _tokens(text, whole):
        tokens.append(token)
        if token.text == ";":
            yield tokens
            tokens = []
    if tokens:
        yield tokens


def _hold_small(tokens: Sequence[RuleToken], whole: PolicyText) -> None:
    if len(tokens) > RULE_TOKENS_MAX:
        raise PolicyFault(
            f"{whole.place(tokens[0].begin)}: the rule has {len(tokens)} tokens, at most "
            f"{RULE_TOKENS_MAX} are taken: divide it"
        )
    level = choices = 0
    for token in tokens:
        level += (token.text in _OPENING) - (token.text in _CLOSING)
        choices += token.text == "if"
        if level > LEVELS_MAX or choices > LEVELS_MAX:
            raise PolicyFault(
                f"{whole.place(token.begin)}: the rule nests more than {LEVELS_MAX} levels deep: "
                "divide it"
            )
