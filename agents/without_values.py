"""Without values: texts whose personal data was found become texts with placeholders, and maps.

A step does so by its effects (agents/redact.py). Whoever answers a step with a stranger's text does
so before the answer is recorded, by whatever answers it in turn: see `redacted_answer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from agents.errors import KeyDestroyed, Permanent
from agents.known_values import Reading
from agents.normal_forms import normalized
from agents.numbering import Numbering, excise
from agents.placeholders import inexpressible
from agents.spans import join
from schemas import (
    Detect,
    Detected,
    Digest,
    MapEntry,
    Numbered,
    Record,
    Request,
    Seal,
    Sealed,
    SealItem,
)

A = TypeVar("A", bound=Record)
INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    r"\ufeff\ufff9-\ufffb]"
)
"""Control characters and invisible ones that could hide a name from the detector; joiners stay."""


class Asks(Protocol):
    """Who detects, digests and seals: the `fx` of a step, or a connector's neighbours."""

    async def __call__(self, request: Request[A], /) -> A:
        """Ask, and wait for the answer; raises Transient or Permanent."""
        ...


@dataclass(frozen=True)
class Redacted:
    """Texts without their values, and the values that each of them mentioned."""

    texts: tuple[str, ...]
    entries: tuple[Mapping[str, MapEntry], ...]
    """For each text, by placeholder, in the order of first use."""


def visible(text: str) -> str:
    """Take out of a text what nobody can see, and spell its characters and line ends in one way."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return INVISIBLE.sub("", normalized("NFC", text))


def hold_expressible(policy: Mapping[str, Any]) -> None:
    """Raise Permanent for a policy with a kind that no placeholder can name."""
    if unnamed := inexpressible(policy["kinds"]):
        raise Permanent(
            f"configuration of redact: no placeholder can name {', '.join(unnamed)}: rename it, in "
            "the detector too, to capital letters joined by single underscores, such as IP_ADDRESS"
        )


def reading_of(
    texts: Sequence[str], detected: Detected, policy: Mapping[str, Any], *, typed: bool
) -> Reading:
    """Read texts with what was detected in them, each value in all of them."""
    mentions = tuple(
        join(text, spans.spans, policy) for text, spans in zip(texts, detected.texts, strict=True)
    )
    return Reading(tuple(texts), mentions, policy, typed).repeated()


async def with_earlier(
    reading: Reading, earlier: Sequence[Numbered], ask: Asks
) -> tuple[Reading, dict[str, str]]:
    """Find earlier values in a reading too; return it with the digest of each canonical form."""
    candidates = reading.candidates(earlier)
    digests = await _digests((*reading.values(), *candidates), ask)
    return reading.recognised(candidates, digests, earlier), digests


async def without_values(
    reading: Reading,
    numbering: Numbering,
    digests: Mapping[str, str],
    event_id: str,
    ask: Asks,
) -> Redacted:
    """Cut the values out of the texts of a reading, and seal each of them."""
    excised = [
        excise(text, mentions, numbering, digests)
        for text, mentions in zip(reading.texts, reading.mentions, strict=True)
    ]
    values = [value for one in excised for value in one.values.values()]
    sealed = await _sealed(values, event_id, ask)
    return Redacted(
        texts=tuple(one.text for one in excised),
        entries=tuple(_entries(one.values, sealed) for one in excised),
    )


async def redacted_answer(
    text: str,
    known: Sequence[Numbered],
    policy: Mapping[str, Any],
    event_id: str,
    ask: Asks,
) -> tuple[str, tuple[MapEntry, ...]]:
    """Redact what a stranger answered, of which nothing was recorded yet.

    `known` are the values of the question, which are found even where the detector sees none; they
    keep their placeholders. Raises Permanent for a policy that can't be used, and what `ask` does.
    """
    hold_expressible(policy)
    plain = (visible(text),)
    reading = reading_of(plain, await ask(Detect(texts=plain)), policy, typed=False)
    reading, digests = await with_earlier(reading, known, ask)
    numbering = Numbering.extended(known, reading, digests)
    redacted = await without_values(reading, numbering, digests, event_id, ask)
    return redacted.texts[0], tuple(redacted.entries[0].values())


async def _digests(values: Iterable[str], ask: Asks) -> dict[str, str]:
    """Ask for the keyed digest of each value; of none, nothing is asked."""
    distinct = list(dict.fromkeys(values))
    if not distinct:
        return {}
    answer = await ask(Digest(values=tuple(value.encode() for value in distinct)))
    return dict(zip(distinct, answer.digests, strict=True))


def _entries(
    values: Mapping[str, tuple[Numbered, str]], sealed: Mapping[tuple[str, str], Sealed]
) -> dict[str, MapEntry]:
    """Return the map of one text; a value that could not be sealed has no entry."""
    return {
        name: MapEntry(
            placeholder=name, kind=entry.kind, digest=entry.digest, value=sealed[(name, value)]
        )
        for name, (entry, value) in values.items()
        if (name, value) in sealed
    }


async def _sealed(
    values: Iterable[tuple[Numbered, str]], event_id: str, ask: Asks
) -> dict[tuple[str, str], Sealed]:
    """Seal each value under its own key, by placeholder and spelling.

    A value whose key was destroyed is left out: its person was erased, here too.
    """
    items = {
        (entry.placeholder, value): SealItem(
            key=f"value/{entry.digest}",
            event=event_id,
            field=f"value/{entry.placeholder}",
            value=value.encode(),
        )
        for entry, value in values
    }
    if not items:
        return {}
    try:
        return dict(zip(items, (await ask(Seal(values=tuple(items.values())))).values, strict=True))
    except KeyDestroyed:
        sealed = {}
        for name, item in items.items():
            try:
                sealed[name] = (await ask(Seal(values=(item,)))).values[0]
            except KeyDestroyed:
                continue
        return sealed
