"""Term lists: what a tenant never wants replaced, and what it always does.

    {"texts": ["Blue Heron"], "patterns": ["KD-[0-9]{6}"], "digests": ["9f3c…"]}

Texts are found as whole words, without case, width and accents; patterns as
agents/personal/bounded_patterns.py says. Configuration lies on the log in plain, so what is
personal itself is named by a digest: the beginning of the keyed digest that redaction knows a value
by (`playhead personal-data digest`). Those are compared with the digests of all stretches of up to
four words.

What is denied stays denied where it is allowed as well.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from agents.personal.bounded_patterns import BoundedPatterns
from agents.personal.folding import apart
from agents.personal.phrase_list import PhraseList
from agents.spans import Mention

DIGEST_CHARS_MIN = 24
"""Of a digest in hexadecimal: 96 bits, by which no two values of a tenant meet by chance."""
KEPT_MAX = 64
"""Lists that stay compiled: those of so many tenants."""
ALLOWED = ""
"""The kind of what is allowed."""


class TermLists:
    """What is allowed and denied, as texts are looked through for it."""

    def __init__(self, allow: Mapping[str, Any], deny: Mapping[str, Mapping[str, Any]]) -> None:
        """Take both lists of a policy; raises UnboundedPattern."""
        lists = [(ALLOWED, allow), *deny.items()]
        self._phrases = [
            PhraseList((text, kind) for kind, one in some for text in one.get("texts", ()))
            for some in (lists[:1], lists[1:])
        ]
        self._patterns = [
            BoundedPatterns(
                [(text, kind) for kind, one in some for text in one.get("patterns", ())]
            )
            for some in (lists[:1], lists[1:])
        ]
        self._digests = {
            digest[:DIGEST_CHARS_MIN]: (digest, kind)
            for kind, one in (lists[0], *reversed(lists[1:]))  # what comes later counts
            for digest in one.get("digests", ())
        }

    @property
    def by_digest(self) -> bool:
        """Whether digests are listed, so that those of all stretches are needed."""
        return bool(self._digests)

    def kind_of_digest(self, digest: str) -> str | None:
        """Say what a value is by its digest: a kind, ALLOWED, or None where it is not listed."""
        listed, kind = self._digests.get(digest[:DIGEST_CHARS_MIN], (".", ALLOWED))
        return kind if digest.startswith(listed) else None

    def allowed(self, text: str) -> list[tuple[int, int]]:
        """Return the stretches that stay as they are, apart and in reading order."""
        return apart([(start, end) for start, end, _ in self._found(text, 0)])

    def denied(self, text: str) -> tuple[Mention, ...]:
        """Return what is replaced whatever else is known of it, apart and in reading order."""
        return joined([Mention(*found) for found in self._found(text, 1)])

    def _found(self, text: str, which: int) -> list[tuple[int, int, str]]:
        phrases, patterns = self._phrases[which], self._patterns[which]
        return [*phrases.found(text), *patterns.found(text)]


def joined(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Join what overlaps, in reading order; the longest of it names the kind, else the first."""
    whole: list[Mention] = []
    longest = 0
    for mention in sorted(mentions, key=lambda one: (one.start, -one.end)):
        length = mention.end - mention.start
        if whole and mention.start < whole[-1].end:
            last = whole[-1]
            kind = mention.kind if length > longest else last.kind
            whole[-1] = Mention(last.start, max(last.end, mention.end), kind)
            longest = max(longest, length)
        else:
            whole.append(mention)
            longest = length
    return tuple(whole)


def outside(mentions: Sequence[Mention], spans: Sequence[tuple[int, int]]) -> tuple[Mention, ...]:
    """Leave out mentions that lie within one of some spans, which are apart and in order."""
    if not spans:
        return tuple(mentions)
    starts = [start for start, _ in spans]

    def lies_within(mention: Mention) -> bool:
        at = bisect_right(starts, mention.start) - 1
        return at >= 0 and mention.end <= spans[at][1]

    return tuple(one for one in mentions if not lies_within(one))


NO_LISTS = TermLists({}, {})
_KEPT: dict[tuple[int, int], tuple[Any, Any, TermLists]] = {}


def lists_of(policy: Mapping[str, Any]) -> TermLists:
    """Return the lists of a policy, compiled once for the lists that a configuration holds.

    They are known by their identity, since to compare 50,000 texts would take a millisecond each
    time; what is kept holds on to them, so no other list takes the place of one.
    """
    allow, deny = policy.get("allow"), policy.get("deny")
    if not allow and not deny:
        return NO_LISTS
    key = id(allow), id(deny)
    known = _KEPT.get(key)
    if known is None:
        if len(_KEPT) >= KEPT_MAX:
            _KEPT.clear()
        known = _KEPT[key] = allow, deny, TermLists(allow or {}, deny or {})
    return known[2]
