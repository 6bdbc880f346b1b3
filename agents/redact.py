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

from collections.abc import AsyncIterator, Mapping, Sequence

from agents.changes import SPELT_KINDS
from agents.classifier import action_for, judged
from agents.effects import Effects
from agents.numbering import Numbering, remembered
from agents.refusal import refusal, refused_for
from agents.tools.exchanged import exchanges_of, personal_parts, without_personal_parts
from agents.without_values import (
    Redacted,
    hold_expressible,
    reading_of,
    visible,
    with_earlier,
    without_values,
)
from schemas import (
    ChunksCut,
    ChunksRedacted,
    Detect,
    MapEntry,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    RedactedChunk,
    Unseal,
    Verdict,
    WritePlaceholders,
)


def clean(data: bytes) -> str:
    """Decode text and take out what nobody can see."""
    return visible(data.decode("utf-8", errors="replace"))


async def replace(
    texts: Sequence[str], scope: str, event_id: str, fx: Effects, *, typed: bool
) -> Redacted:
    """Replace the personal data of texts that belong to one conversation or document.

    `typed` says that a person typed them, so that names may stand in small letters. Raises
    Permanent for a policy with a kind that no placeholder can name.
    """
    policy = fx.configuration
    if fx.has(SPELT_KINDS):
        hold_expressible(policy)
    detected, state = await fx.gather(Detect(texts=tuple(texts)), ReadPlaceholders(scope=scope))
    reading = reading_of(texts, detected, policy, typed=typed)
    reading, digests = await with_earlier(reading, state.entries, fx)
    numbering = Numbering.extended(state.entries, reading, digests)
    if numbering.added:
        kept = remembered((*state.entries, *numbering.added), int(policy["remembered_max"]))
        await fx(WritePlaceholders(scope=scope, state=Placeholders(entries=kept)))
    return await without_values(reading, numbering, digests, event_id, fx)


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
