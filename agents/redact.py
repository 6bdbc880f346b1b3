"""Redact: replace personal data by numbered placeholders before anything is embedded or prompted.

Equal values of one conversation or document get the same placeholder, `<PERSON_1>`, wherever they
stand: those that the detector found in any text of the event, and those known from earlier events,
of which only keyed digests are kept. Each value travels beside its text, sealed under a key of its
own, so that one person can be erased from everyone's maps. A value whose key was destroyed keeps
its placeholder and loses its entry: it can't be restored any more.

What a tenant wants beyond that (kinds, lists, fields of records, one placeholder in all of its
texts, texts in other languages): agents/personal. How the text comes back: agents/placeholders.py.

Why it is so: the detector also finds organisations, places, dates, nationalities and URLs, and the
policy (configuration/redact.json) leaves them in place. They are seldom personal by themselves,
while most technical questions hold one: replacing organisations alone would change 28 of 45
questions to a cloud provider's manual. Whoever needs more adds kinds to the policy.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace as put

from agents.changes import READABLE_WORDS, SPELT_KINDS
from agents.classifier import action_for, judged
from agents.effects import Effects
from agents.known_values import Reading
from agents.numbering import Numbering, remembered
from agents.personal.document_languages import BatchLanguages, languages_after
from agents.personal.foreign_texts import refuses, reported_by, unsupported_in
from agents.personal.tenant_policy import (
    hold_expressible,
    is_consistent,
    policy_of,
    recalls,
    remembers,
)
from agents.readable_words import named_words, readable_words
from agents.refusal import refusal, refused_for
from agents.tools.exchanged import exchanges_of, personal_parts, without_personal_parts
from agents.without_values import (
    Redacted,
    digests_of,
    reading_of,
    visible,
    with_earlier,
    without_values,
)
from schemas import (
    ChunksCut,
    ChunksRedacted,
    Detect,
    KnownValue,
    Manifest,
    MapEntry,
    Numbered,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    RedactedChunk,
    RememberValues,
    Sealed,
    Unseal,
    Verdict,
    WritePlaceholders,
)

UNRECALLED = frozenset({"SECRET"})
"""Kinds of which no value is recognised elsewhere."""


def clean(data: bytes) -> str:
    """Decode text and take out what nobody can see."""
    return visible(data.decode("utf-8", errors="replace"))


@dataclass(frozen=True)
class Findings:
    """Texts as they were read, before anything is taken out of them."""

    policy: Mapping[str, Any]
    reading: Reading
    state: Placeholders
    """What earlier events of the conversation or document left."""
    unsupported: tuple[str, ...]
    """Their languages that the detector does not read, sorted."""


async def find(texts: Sequence[str], event: ChunksCut | QuestionAsked, fx: Effects) -> Findings:
    """Look for personal data in texts that belong to one conversation or document.

    Raises Permanent for a policy with a kind that no placeholder can name.
    """
    policy = policy_of(fx.configuration, event.meta.tenant)
    if fx.has(SPELT_KINDS):
        hold_expressible(policy)
    detected, state = await fx.gather(
        Detect(texts=tuple(texts)), ReadPlaceholders(scope=event.meta.session)
    )
    foreign = unsupported_in(texts, policy)
    # a person types names in small letters, a document does not
    reading = reading_of(texts, detected, policy, foreign, typed=isinstance(event, QuestionAsked))
    unsupported = {*foreign, *reported_by(detected, policy)} - {""}
    return Findings(policy, reading, state, tuple(sorted(unsupported)))


async def replace(
    found: Findings, state: Placeholders, event: ChunksCut | QuestionAsked, fx: Effects
) -> Redacted:
    """Replace what was found, and what is known from elsewhere.

    `state` is what the conversation or document has from now on, but for the values of this event.
    """
    policy, earlier, scope = found.policy, found.state.entries, event.meta.session
    reading, digests = await with_earlier(
        found.reading,
        earlier,
        fx,
        recall=recalls(policy, typed=found.reading.typed),
        readable=fx.has(READABLE_WORDS),
        pause=fx.pause,
    )
    numbering = Numbering.extended(earlier, reading, digests, consistent=is_consistent(policy))
    if numbering.added:
        kept = remembered((*earlier, *numbering.added), int(policy["remembered_max"]))
        state = put(state, entries=kept)
    if state != found.state:
        await fx(WritePlaceholders(scope=scope, state=state))
    redacted = await without_values(reading, numbering, digests, event.meta.id, fx)
    if isinstance(event, ChunksCut) and remembers(policy):
        await _remember(numbering.mentioned, reading, digests, fx)
    return redacted


async def _remember(
    values: Sequence[Numbered], reading: Reading, digests: Mapping[str, str], fx: Effects
) -> None:
    """Let the values of a document be recognised in other texts of its tenant.

    All that a batch mentions: the document may have known them before anybody remembered. But no
    passwords: a question of a thousand guesses would come back with the right one replaced. And
    which words it leaves as they are, so that a question may keep them.
    """
    kinds = {*reading.policy["repeated_kinds"]} - UNRECALLED
    repeated = [one for one in values if one.kind in kinds]
    known = tuple(KnownValue(digest=one.digest, kind=one.kind) for one in repeated)
    readable: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    if fx.has(READABLE_WORDS):
        words, parts = readable_words(reading), named_words(reading)
        digests = {
            **digests,
            **await digests_of((one for one in (*words, *parts) if one not in digests), fx),
        }
        readable, named = (tuple(digests[form] for form in forms) for forms in (words, parts))
    if known or readable or named:
        await fx(RememberValues(values=known, readable=readable, named=named))


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
    title, texts, manifest = "", Redacted((), ()), cut.manifest
    in_title: Mapping[str, MapEntry] = {}
    unsupported: tuple[str, ...] = ()
    if found := await find_in_chunks(sealed, cut, fx):
        after = languages_after(cut, found.state, found.unsupported, found.policy)
        unsupported, manifest = found.unsupported, with_languages(cut, after)
        if after.reason:
            return await refuse(cut, found, after, fx)
        texts = await replace(found, after.state, cut, fx)
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
        manifest=manifest,
        unsupported=unsupported,
    )


async def find_in_chunks(sealed: Sequence[Sealed], cut: ChunksCut, fx: Effects) -> Findings | None:
    """Look through a batch; None where nothing of it or of those before it matters."""
    if sealed:
        plain = [clean(value) for value in (await fx(Unseal(values=tuple(sealed)))).values]
        return await find(plain, cut, fx)
    policy = policy_of(fx.configuration, cut.meta.tenant)
    if cut.manifest is None or policy.get("languages") is None:
        return None
    state = await fx(ReadPlaceholders(scope=cut.meta.session))
    return Findings(policy, Reading((), (), policy, typed=False), state, ())


def with_languages(cut: ChunksCut, after: BatchLanguages) -> Manifest | None:
    """Return the manifest, on the last batch, with what no detector reads."""
    if cut.manifest is None:
        return None
    return put(cut.manifest, unsupported=after.state.unsupported)


async def refuse(
    cut: ChunksCut, found: Findings, after: BatchLanguages, fx: Effects
) -> ChunksRedacted:
    """Let nothing of a batch pass, and remember that for the batches behind it."""
    if after.state != found.state:
        await fx(WritePlaceholders(scope=cut.meta.session, state=after.state))
    return ChunksRedacted(
        document=cut.document,
        batch=cut.batch,
        outcome="failed",
        reason=after.reason,
        manifest=with_languages(cut, after),
        unsupported=found.unsupported,
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
    found = await find([text, *told], asked, fx)
    if refuses(found.unsupported, found.policy):
        return QuestionRedacted(
            outcome="refused",
            reason=refused_for("language", text, found.policy),
            subject=asked.subject,
            text="",
            ask=asked.ask,
            unsupported=found.unsupported,
        )
    redacted = await replace(found, found.state, asked, fx)
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
                unsupported=found.unsupported,
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
        unsupported=found.unsupported,
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
