"""Known values: what the detector found somewhere is looked for everywhere.

A value that one text of an event mentions is a value in all of them, and so is what earlier events
of the same conversation or document mentioned. Of those only keyed digests are kept, so the
stretches of the texts that may be one are digested, too, and compared. In the same way a question
is compared with the values of the tenant's documents, which the key store knows by their digests.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.personal.folding import apart
from agents.personal.term_lists import ALLOWED, joined, outside
from agents.placeholders import canonical
from agents.spans import WORD, Mention, stretches, with_known
from schemas import Numbered

CANDIDATES_MAX = 8_192
"""Stretches of an event's texts that are compared with earlier values: about 20 ms of digests."""


@dataclass(frozen=True)
class Reading:
    """The texts of one event, and the values that they are known to mention so far."""

    texts: tuple[str, ...]
    mentions: tuple[tuple[Mention, ...], ...]
    """For each text, apart and in reading order."""
    policy: Mapping[str, Any]
    typed: bool
    """Whether a person typed them, so that names may stand in small letters."""
    kept: tuple[tuple[tuple[int, int], ...], ...] = ()
    """For each text, the stretches that the policy leaves as they are; nothing where there are
    none in all of them."""
    forced: tuple[tuple[Mention, ...], ...] = ()
    """For each text, what is replaced though a list allows it, in any order; else nothing."""
    by_place: tuple[str, ...] = ()
    """Canonical forms of words that nothing but their place tells to be persons' names."""

    def values(self) -> tuple[str, ...]:
        """List the canonical forms of all mentions, each once, in reading order."""
        return tuple(dict.fromkeys(canonical(mention.of(text)) for text, mention in self._each()))

    def repeated(self) -> Reading:
        """Find the values of each text in all of them."""
        repeats = self.policy["repeated_kinds"]
        known: dict[str, str] = {}
        for text, mention in self._each():
            if mention.kind in repeats:
                known.setdefault(canonical(mention.of(text)), mention.kind)
        first_words = {
            match[0]
            for value in known
            if (match := WORD.search(value)) and value.startswith(match[0])
        }
        return self._with_known(known, lambda word: canonical(word) in first_words)

    def candidates(self, entries: Sequence[Numbered]) -> tuple[str, ...]:
        """List the canonical forms of stretches that may be one of the earlier values."""
        repeats = self.policy["repeated_kinds"]
        if not any(entry.kind in repeats for entry in entries):
            return ()
        forms: dict[str, None] = {}
        for text, mentions in zip(self.texts, self.mentions, strict=True):
            for start, end in self._stretches(
                text, mentions, lambda word: self.typed or not word.islower()
            ):
                if len(forms) == CANDIDATES_MAX:
                    return tuple(forms)
                forms[canonical(text[start:end])] = None
        return tuple(forms)

    def recallable(self) -> tuple[str, ...]:
        """List the canonical forms of stretches that may be a value of one of the documents.

        What a detector once took for a name is asked of every question, so ordinary words are left
        out, and so are lone ones in small letters. At most CANDIDATES_MAX are compared.
        """
        forms: dict[str, None] = {}
        for text, mentions in zip(self.texts, self.mentions, strict=True):
            for start, end in self._stretches(
                text, mentions, lambda word: self.typed or not word.islower()
            ):
                if len(forms) == CANDIDATES_MAX:
                    return tuple(forms)
                if worth_recalling(text[start:end], self.policy):
                    forms[canonical(text[start:end])] = None
        return tuple(forms)

    def recalled(self, kinds: Mapping[str, str]) -> Reading:
        """Find values of the tenant's documents: canonical form -> kind."""
        return self._with_known(kinds, lambda _: True) if kinds else self

    def readable(self, forms: Container[str]) -> Reading:
        """Leave words as they are, though they were found; but for those that a list names."""
        must = {
            canonical(one.of(text))
            for text, forced in zip(self.texts, self.forced, strict=False)
            for one in forced
        }
        mentions = tuple(
            tuple(
                one
                for one in before
                if (form := canonical(one.of(text))) in must or form not in forms
            )
            for text, before in zip(self.texts, self.mentions, strict=True)
        )
        return replace(self, mentions=mentions)

    def all_stretches(self) -> Iterator[str]:
        """Yield the canonical forms of all stretches, whatever is known of them, some twice."""
        for text in self.texts:
            for start, end in stretches(text, (), lambda _: True):
                yield canonical(text[start:end])

    def listed(self, kinds: Mapping[str, str]) -> Reading:
        """Apply what lists say of canonical forms: a kind that they must have, or ALLOWED.

        What is allowed stays as it is from now on, whatever is known of it otherwise.
        """
        allowed = {form: kind for form, kind in kinds.items() if kind == ALLOWED}
        denied = {form: kind for form, kind in kinds.items() if kind != ALLOWED}
        nothing: tuple[tuple[Any, ...], ...] = ((),) * len(self.texts)
        forced = tuple(
            (*_places(text, denied), *before)
            for text, before in zip(self.texts, self.forced or nothing, strict=True)
        )
        kept = tuple(
            tuple(apart([*before, *((one.start, one.end) for one in _places(text, allowed))]))
            for text, before in zip(self.texts, self.kept or nothing, strict=True)
        )
        mentions = []
        for text, before, must, stays in zip(self.texts, self.mentions, forced, kept, strict=True):
            standing = [one for one in before if canonical(one.of(text)) not in allowed]
            mentions.append(joined((*must, *outside(standing, stays))))
        return replace(self, mentions=tuple(mentions), kept=kept, forced=forced)

    def recognised(
        self,
        candidates: Sequence[str],
        digests: Mapping[str, str],
        entries: Sequence[Numbered],
    ) -> Reading:
        """Find the candidates that are earlier values, given the digests of all candidates."""
        kinds = {entry.digest: entry.kind for entry in entries}
        repeats = self.policy["repeated_kinds"]
        earlier = {
            value: kinds[digests[value]]
            for value in candidates
            if kinds.get(digests[value]) in repeats
        }
        return self._with_known(earlier, lambda _: True) if earlier else self

    def _each(self) -> Iterator[tuple[str, Mention]]:
        for text, mentions in zip(self.texts, self.mentions, strict=True):
            for mention in mentions:
                yield text, mention

    def _stretches(
        self, text: str, mentions: Sequence[Mention], starts: Callable[[str], bool]
    ) -> Iterator[tuple[int, int]]:
        for start, end in stretches(text, mentions, starts):
            stretch = text[start:end]
            if " " in stretch or worth_repeating(stretch, self.policy, typed=self.typed):
                yield start, end

    def _with_known(self, known: Mapping[str, str], starts: Callable[[str], bool]) -> Reading:
        mentions = tuple(
            with_known(text, mentions, self._stretches(text, mentions, starts), known)
            for text, mentions in zip(self.texts, self.mentions, strict=True)
        )
        if any(self.kept):
            mentions = tuple(
                before if found == before else joined((*before, *outside(found, spans)))
                for found, before, spans in zip(mentions, self.mentions, self.kept, strict=True)
            )
        return replace(self, mentions=mentions)


def _places(text: str, known: Mapping[str, str]) -> tuple[Mention, ...]:
    """Return where canonical forms stand in a text, of those that overlap the first and longest."""
    return with_known(text, (), stretches(text, (), lambda _: True), known) if known else ()


def worth_recalling(stretch: str, policy: Mapping[str, Any]) -> bool:
    """Tell whether a stretch of a question may be a value of a document."""
    words = [word.lower() for word in WORD.findall(stretch)]
    if any(word in policy["ordinary_words"] for word in words):
        return False
    if len(words) > 1:
        return True
    small = stretch.islower() and not any(character.isdigit() for character in stretch)
    return not small and words[0] not in policy["ambiguous_words"]


def worth_repeating(word: str, policy: Mapping[str, Any], *, typed: bool) -> bool:
    """Tell whether a lone word may be a known value.

    People type names in small letters, documents don't; and a small "may" is seldom the person.
    """
    if len(word) < 3:
        return False
    if not word.islower() or any(character.isdigit() for character in word):
        return True
    return typed and word not in policy["ambiguous_words"]
