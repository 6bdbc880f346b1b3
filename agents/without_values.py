"""Without values: texts whose personal data was found become texts with placeholders, and maps.

A step does so by its effects (agents/redact.py). Whoever answers a step with a stranger's text does
so before the answer is recorded, by whatever answers it in turn: see `redacted_answer`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeVar

from agents.errors import KeyDestroyed
from agents.known_values import Reading
from agents.normal_forms import normalized
from agents.numbering import Numbering, excise
from agents.personal.folding import apart
from agents.personal.foreign_texts import masked_more, otherwise, unsupported_in
from agents.personal.record_fields import NOTHING, RecordFields
from agents.personal.tenant_policy import hold_expressible, is_consistent, kinds_named
from agents.personal.term_lists import TermLists, joined, lists_of, outside
from agents.readable_words import by_place
from agents.spans import join
from schemas import (
    Detect,
    Detected,
    Digest,
    MapEntry,
    Numbered,
    RecallValues,
    Record,
    Request,
    Seal,
    Sealed,
    SealItem,
)

A = TypeVar("A", bound=Record)
DIGESTS_AT_ONCE = 2_048
"""Of stretches that are compared with lists: about 10 ms until others have a turn."""
INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    r"\ufeff\ufff9-\ufffb]"
)
"""Control characters and invisible ones that could hide a name from the detector; joiners stay."""


async def no_pause() -> None:
    """Give nobody a turn: for what is short."""


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


def reading_of(
    texts: Sequence[str],
    detected: Detected,
    policy: Mapping[str, Any],
    foreign: Sequence[str],
    *,
    typed: bool,
) -> Reading:
    """Read texts with what was detected in them, each value in all of them.

    `foreign` is what `unsupported_in` tells of the texts.
    """
    more = otherwise(policy) == "mask_more"
    lists, fields = lists_of(policy), RecordFields.of(policy)
    mentions, kept, must, placed = [], [], [], []
    for text, spans, language in zip(texts, detected.texts, foreign, strict=True):
        found = join(text, spans.spans, policy)
        if more and language:
            found = joined((*found, *masked_more(text)))
        placed.append((text, found))
        values = fields.read(text) if fields else NOTHING
        stays = apart([*lists.allowed(text), *values.kept])
        forced = (*values.masked, *lists.denied(text))
        mentions.append(joined((*forced, *outside(found, stays))) if forced or stays else found)
        kept.append(tuple(stays))
        must.append(forced)
    return Reading(
        tuple(texts),
        tuple(mentions),
        policy,
        typed,
        tuple(kept),
        tuple(must),
        by_place(placed, policy) if typed else (),
    ).repeated()


async def with_earlier(
    reading: Reading,
    earlier: Sequence[Numbered],
    ask: Asks,
    *,
    recall: bool = False,
    readable: bool = False,
    pause: Callable[[], Awaitable[None]] = no_pause,
) -> tuple[Reading, dict[str, str]]:
    """Find earlier values in a reading too; return it with the digest of each canonical form.

    What a tenant's lists name by digest comes first. With `recall` the values of the tenant's
    documents are found as well, and with `readable` what they leave as it is stays so here, too.
    """
    digests: dict[str, str] = {}
    lists = lists_of(reading.policy)
    if lists.by_digest:
        reading, digests = await _listed(reading, lists, ask, pause)
    candidates = reading.candidates(earlier)
    recallable = reading.recallable() if recall else ()
    digests |= await digests_of((*reading.values(), *candidates, *recallable), ask)
    numbered = {one.digest for one in earlier}
    doubtful = {
        digests[form]: form
        for form in (reading.by_place if recall and readable else ())
        if digests[form] not in numbered
    }
    reading = reading.recognised(candidates, digests, earlier)
    if recallable or doubtful:
        recalled = await ask(
            RecallValues(digests=tuple(digests[form] for form in recallable), words=tuple(doubtful))
        )
        if recalled.readable:
            reading = reading.readable({doubtful[one] for one in recalled.readable})
        kinds = {value.digest: value.kind for value in recalled.values}
        replaced = kinds_named(reading.policy)
        reading = reading.recalled(
            {
                form: kinds[digests[form]]
                for form in recallable
                if kinds.get(digests[form]) in replaced
            }
        )
    return reading, digests


async def _listed(
    reading: Reading, lists: TermLists, ask: Asks, pause: Callable[[], Awaitable[None]]
) -> tuple[Reading, dict[str, str]]:
    """Compare all stretches with what is listed by its digest, some at a time.

    Returns the digests of what is listed.
    """
    kinds: dict[str, str] = {}
    listed: dict[str, str] = {}
    forms = iter(dict.fromkeys((*reading.values(), *reading.all_stretches())))
    while some := tuple(islice(forms, DIGESTS_AT_ONCE)):
        for form, digest in (await digests_of(some, ask)).items():
            kind = lists.kind_of_digest(digest)
            if kind is not None:
                kinds[form], listed[form] = kind, digest
        await pause()
    return (reading.listed(kinds) if kinds else reading), listed


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
    detected = await ask(Detect(texts=plain))
    foreign = unsupported_in(plain, policy)
    reading = reading_of(plain, detected, policy, foreign, typed=False)
    reading, digests = await with_earlier(reading, known, ask)
    consistent = is_consistent(policy)
    numbering = Numbering.extended(known, reading, digests, consistent=consistent)
    redacted = await without_values(reading, numbering, digests, event_id, ask)
    return redacted.texts[0], tuple(redacted.entries[0].values())


async def digests_of(values: Iterable[str], ask: Asks) -> dict[str, str]:
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
