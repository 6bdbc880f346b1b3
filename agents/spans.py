"""Spans: where values stand in a text.

The detector's spans may overlap, cut words and touch blanks; a text's mentions are apart, in
reading order, and consist of whole words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.placeholders import canonical
from schemas import Span

MENTION_WORDS_MAX = 4
"""Words of the longest known value that is looked for again: names rarely have more."""
WORD_CHARS_MAX = 40
"""A span that ends within a word grows to its edges, unless the script writes without spaces."""

WORD = re.compile(r"\w+(?:['’.\-]\w+)*")


@dataclass(frozen=True)
class Mention:
    """A value where it stands in a text."""

    start: int
    end: int
    kind: str
    by_place: bool = False
    """Whether a person's name is told by its place alone."""

    def of(self, text: str) -> str:
        """Return the value as the text spells it."""
        return text[self.start : self.end]


def join(text: str, spans: Iterable[Span], policy: Mapping[str, Any]) -> tuple[Mention, ...]:
    """Merge overlapping spans into one; the longest of them names the kind.

    What overlaps is joined rather than dropped: the characters of the shorter one would stay
    visible. A span that cuts a word takes the whole of it. The policy gives the least score of
    each kind that is replaced, and words that the detector often takes for names.
    """
    joined: list[Mention] = []
    rank: tuple[int, float, str] = (0, 0.0, "")
    for start, end, span in sorted(
        _wanted(text, spans, policy), key=lambda w: (w[0], w[1], w[2].kind, w[2].score)
    ):
        mine = (span.end - span.start, span.score, span.kind)
        if joined and start < joined[-1].end:
            kind = span.kind if mine > rank else joined[-1].kind
            rank = max(rank, mine)
            by_place = span.by_place and joined[-1].by_place
            joined[-1] = Mention(joined[-1].start, max(joined[-1].end, end), kind, by_place)
        else:
            rank = mine
            joined.append(Mention(start, end, span.kind, span.by_place))
    return tuple(joined)


def _wanted(
    text: str, spans: Iterable[Span], policy: Mapping[str, Any]
) -> Iterator[tuple[int, int, Span]]:
    """Yield the spans that the policy replaces, each with where its whole words begin and end."""
    kinds, ordinary = policy["kinds"], policy["ordinary_words"]
    for span in spans:
        if span.kind not in kinds or span.score < kinds[span.kind]:
            continue
        start, end = _whole_words(text, max(span.start, 0), min(span.end, len(text)))
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end and text[start:end].lower() not in ordinary:
            yield start, end, span


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    def within_word(at: int) -> bool:
        """Whether the characters before and at `at` belong to one word."""
        return 0 < at < len(text) and all(
            character.isalnum() and ord(character) < 0x2E80 for character in text[at - 1 : at + 1]
        )

    grown_start, grown_end = start, end
    while within_word(grown_start) and start - grown_start < WORD_CHARS_MAX:
        grown_start -= 1
    while within_word(grown_end) and grown_end - end < WORD_CHARS_MAX:
        grown_end += 1
    return grown_start, grown_end


def stretches(
    text: str, mentions: Sequence[Mention], starts: Callable[[str], bool]
) -> Iterator[tuple[int, int]]:
    """List the stretches of up to MENTION_WORDS_MAX words that no mention overlaps, longest first.

    `starts` says of a word whether a stretch may begin with it.
    """
    words = [(word.start(), word.end()) for word in WORD.finditer(text)]
    blocked = _blocked(words, mentions, len(text))
    for first, (start, end) in enumerate(words):
        if blocked[first] < 0 or not starts(text[start:end]):
            continue
        for last in range(min(first + MENTION_WORDS_MAX, len(words)) - 1, first - 1, -1):
            if words[last][1] <= blocked[first]:
                yield start, words[last][1]


def _blocked(
    words: Sequence[tuple[int, int]], mentions: Sequence[Mention], length: int
) -> list[int]:
    """Return for each word where the next mention after it begins; -1 for a word inside one."""
    upcoming = iter(mentions)
    mention = next(upcoming, None)
    blocked = []
    for start, end in words:
        while mention is not None and mention.end <= start:
            mention = next(upcoming, None)
        blocked.append(length if mention is None else -1 if mention.start < end else mention.start)
    return blocked


def with_known(
    text: str,
    mentions: Sequence[Mention],
    stretched: Iterable[tuple[int, int]],
    known: Mapping[str, str],
) -> tuple[Mention, ...]:
    """Add to a text's mentions the stretches that are known values (canonical form -> kind)."""
    added: list[Mention] = []
    for start, end in stretched:
        if added and start < added[-1].end:
            continue
        kind = known.get(canonical(text[start:end]))
        if kind is not None:
            added.append(Mention(start, end, kind))
    return tuple(sorted((*mentions, *added), key=lambda mention: mention.start))
