"""Redact: replace personal data by numbered placeholders before anything is embedded or prompted.

Equal values of one conversation or document get the same placeholder, `<PERSON_1>`, wherever they
stand: those that the detector found in any text of the event, and those known from earlier events,
of which only keyed digests are kept. Each value travels beside its text, sealed under a key of its
own, so that one person can be erased from everyone's maps. A value whose key was destroyed keeps
its placeholder and loses its entry: it can't be restored any more.

How the text comes back: agents/placeholders.py.

Why it is so: the detector also finds organisations, places, dates, nationalities and URLs, and the
policy (configuration/redact.json) leaves them in place. They are seldom personal by themselves,
while most technical questions hold one: replacing organisations alone would change 28 of 45
questions to a cloud provider's manual. Whoever needs more adds kinds to the policy.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.changes import SPELT_KINDS
from agents.classifier import action_for, judged
from agents.effects import Effects
from agents.errors import KeyDestroyed, Permanent
from agents.known_values import Reading
from agents.normal_forms import normalized
from agents.numbering import Numbering, excise, remembered
from agents.placeholders import inexpressible
from agents.refusal import refusal, refused_for
from agents.spans import join
from agents.tools.exchanged import exchanges_of, personal_parts, without_personal_parts
from schemas import (
    ChunksCut,
    ChunksRedacted,
    Detect,
    Digest,
    MapEntry,
    Numbered,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    RedactedChunk,
    Seal,
    Sealed,
    SealItem,
    Unseal,
    Verdict,
    WritePlaceholders,
)

INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    r"\ufeff\ufff9-\ufffb]"
)
"""Control characters and invisible ones that could hide a name from the detector; joiners stay."""


@dataclass(frozen=True)
class Redacted:
    """Texts without their values, and the values that each of them mentioned."""

    texts: tuple[str, ...]
    entries: tuple[Mapping[str, MapEntry], ...]
    """For each text, by placeholder, in the order of first use."""


def clean(data: bytes) -> str:
    """Decode text and take out what nobody can see."""
    text = data.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return INVISIBLE.sub("", normalized("NFC", text))


async def replace(
    texts: Sequence[str], scope: str, event_id: str, fx: Effects, *, typed: bool
) -> Redacted:
    """Replace the personal data of texts that belong to one conversation or document.

    `typed` says that a person typed them, so that names may stand in small letters. Raises
    Permanent for a policy with a kind that no placeholder can name.
    """
    policy = fx.configuration
    if fx.has(SPELT_KINDS) and (unnamed := inexpressible(policy["kinds"])):
        raise Permanent(
            f"configuration of redact: no placeholder can name {', '.join(unnamed)}: rename it, in "
            "the detector too, to capital letters joined by single underscores, such as IP_ADDRESS"
        )
    detected, state = await fx.gather(Detect(texts=tuple(texts)), ReadPlaceholders(scope=scope))
    mentions = tuple(
        join(text, spans.spans, policy) for text, spans in zip(texts, detected.texts, strict=True)
    )
    reading = Reading(tuple(texts), mentions, policy, typed).repeated()
    candidates = reading.candidates(state.entries)
    digests = await _digests((*reading.values(), *candidates), fx)
    reading = reading.recognised(candidates, digests, state.entries)
    numbering = Numbering.extended(state.entries, reading, digests)
    if numbering.added:
        kept = remembered((*state.entries, *numbering.added), int(policy["remembered_max"]))
        await fx(WritePlaceholders(scope=scope, state=Placeholders(entries=kept)))
    excised = [
        excise(text, mentions, numbering, digests)
        for text, mentions in zip(reading.texts, reading.mentions, strict=True)
    ]
    values = [value for one in excised for value in one.values.values()]
    sealed = await seal(values, event_id, fx)
    return Redacted(
        texts=tuple(one.text for one in excised),
        entries=tuple(_entries(one.values, sealed) for one in excised),
    )


async def _digests(values: Iterable[str], fx: Effects) -> dict[str, str]:
    """Ask for the keyed digest of each value; of none, nothing is asked."""
    distinct = list(dict.fromkeys(values))
    if not distinct:
        return {}
    answer = await fx(Digest(values=tuple(value.encode() for value in distinct)))
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


async def seal(
    values: Iterable[tuple[Numbered, str]], event_id: str, fx: Effects
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
        return dict(zip(items, (await fx(Seal(values=tuple(items.values())))).values, strict=True))
    except KeyDestroyed:
        sealed = {}
        for name, item in items.items():
            try:
                sealed[name] = (await fx(Seal(values=(item,)))).values[0]
            except KeyDestroyed:
                continue
        return sealed


async def redact_chunks(cut: ChunksCut, fx: Effects) -> ChunksRedacted:
    """Redact a batch of chunks together with the document's title."""
    if cut.outcome != "cut":
        return ChunksRedacted(
            document=cut.document,
            batch=cut.batch,
            outcome=cut.outcome,
            reason=cut.reason,
            manifest=cut.manifest,
        )
    sealed = (*((cut.title,) if cut.title else ()), *(chunk.text for chunk in cut.chunks))
    title, texts = "", Redacted((), ())
    in_title: Mapping[str, MapEntry] = {}
    if sealed:
        plain = [clean(value) for value in (await fx(Unseal(values=sealed))).values]
        texts = await replace(plain, cut.meta.session, cut.meta.id, fx, typed=False)
        if cut.title:
            title, in_title = texts.texts[0], texts.entries[0]
            texts = Redacted(texts.texts[1:], texts.entries[1:])
    return ChunksRedacted(
        document=cut.document,
        batch=cut.batch,
        outcome="redacted",
        title=title,
        chunks=tuple(
            RedactedChunk(
                id=chunk.id,
                number=chunk.number,
                text=text,
                tokens=chunk.tokens,
                # a passage is shown with its title, so its map must restore both
                entries=tuple({**in_title, **entries}.values()),
            )
            for chunk, text, entries in zip(cut.chunks, texts.texts, texts.entries, strict=True)
        ),
        manifest=cut.manifest,
    )


async def redact_question(asked: QuestionAsked, fx: Effects) -> QuestionRedacted:
    """Refuse a question or redact it."""
    sealed = (asked.text,) if asked.exchanges is None else (asked.text, asked.exchanges)
    plain, *given = (await fx(Unseal(values=sealed))).values
    exchanges = exchanges_of(given[0]) if given else ()
    text = clean(plain).strip()
    reason = refusal(text, bool(plain.strip()), fx.configuration)
    if reason:
        return QuestionRedacted(
            outcome="refused", reason=reason, subject=asked.subject, text="", ask=asked.ask
        )
    told = [clean(one.encode()) for exchange in exchanges for one in personal_parts(exchange)]
    redacted = await replace([text, *told], asked.meta.session, asked.meta.id, fx, typed=True)
    verdict = None
    if action_for(asked.meta.tenant, fx.configuration) != "off":
        bounds = fx.configuration["classifier"]["heads"]
        finding = await judged(asked, [(redacted.texts[0], bounds)], fx)
        verdict = Verdict(
            allowed=not finding.refuses,
            categories=finding.categories,
            policy=fx.configuration["classifier"]["policy"],
            scores=finding.scores,
            model=finding.model,
            degraded=finding.degraded,
        )
        if finding.refuses:
            return QuestionRedacted(
                outcome="refused",
                reason=refused_for(finding.categories[0], redacted.texts[0], fx.configuration),
                subject=asked.subject,
                text="",
                ask=asked.ask,
                verdict=verdict,
            )
    return QuestionRedacted(
        outcome="redacted",
        subject=asked.subject,
        text=redacted.texts[0],
        entries=tuple(
            {name: one for map_ in redacted.entries for name, one in map_.items()}.values()
        ),
        ask=asked.ask,
        exchanges=without_personal_parts(exchanges, redacted.texts[1:]),
        verdict=verdict,
    )


async def redact(
    event: ChunksCut | QuestionAsked, fx: Effects
) -> AsyncIterator[ChunksRedacted | QuestionRedacted]:
    """Replace personal data; refuse questions that the policy rules out; pass the rest on."""
    match event:
        case ChunksCut():
            yield await redact_chunks(event, fx)
        case QuestionAsked():
            yield await redact_question(event, fx)
