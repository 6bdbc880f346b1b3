"""Trivial steps: the names, records, tables and effects of the real ones, and none of their work.

What is measured or tested with them is the machinery around a step: they go the ways of the
topology and ask the world as the real steps do (those of `bench.handing_on` ask for nothing). A
question says by its `subject` what happens to it, a document by its `uri` (`BATCHES:WHAT`):
STREAMED questions are answered in parts, and what WHAT means besides is left to `spoil`.

The asking steps count: `redact` numbers the questions of a session, `ingest` the versions of a
document, `moderate` collects the text of an answer. The numbers live in tables, so a table that
lost a row, or was written twice over one event, shows in the records.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

from agents.effects import Effects, StepFunction
from agents.errors import Permanent
from schemas import (
    Answer,
    AnswerReleased,
    Batch,
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentRef,
    DocumentState,
    DocumentSubmitted,
    DocumentWithdrawn,
    Embed,
    Generate,
    IndexChunks,
    Numbered,
    Placeholders,
    PublishVersion,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    Search,
    TokensGenerated,
    TokensReleased,
    Usage,
    Verdict,
    WithdrawVersions,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
)
from streams.topics import Step, step

PARTS = 3  # of a streamed answer, before its end
LETTERS = "abcdefgh"  # texts of an answer's batches
STREAMED = ("answer", "transient", "slow")
ONLY_BATCH = Batch(number=0, last=True)

Spoil = Callable[[str, str], None]
"""Called with a step's name and what the request says of itself; may raise."""


def spare(_step: str, _what: str) -> None:
    """Spoil nothing."""


def described(uri: str) -> tuple[int, str]:
    """Read a document's uri: in how many batches it comes, and what it says of itself."""
    batches, _, what = uri.partition(":")
    return int(batches), what


# ------------------------------------------------------------------ what the question's steps write


def redacted(given: QuestionAsked, text: str = "") -> QuestionRedacted:
    """Hand a question on."""
    return QuestionRedacted(outcome="redacted", subject=given.subject, text=text, ask=given.ask)


def rewritten(given: QuestionRedacted, turns: int = 0) -> QueryRewritten:
    """Hand a question on as its own query."""
    return QueryRewritten(
        outcome="rewritten",
        subject=given.subject,
        question=given.text,
        query=given.text,
        turns=turns,
        ask=given.ask,
    )


def retrieved(given: QueryRewritten) -> ChunksRetrieved:
    """Hand a query on, without passages."""
    return ChunksRetrieved(
        outcome="retrieved",
        subject=given.subject,
        question=given.question,
        query=given.query,
        ask=given.ask,
    )


def letter(number: int) -> str:
    """Return the text of a batch: another than its neighbours have, so that their order shows."""
    return LETTERS[number % len(LETTERS)]


def generated(given: ChunksRetrieved, number: int, *, last: bool) -> TokensGenerated:
    """Make a batch of an answer of one letter a batch; the last one holds the whole answer.

    Where others were before it, the last one adds nothing to the text.
    """
    text = "".join(letter(before) for before in range(max(1, number)))
    answer = Answer(
        text=text,
        usage=Usage(prompt_tokens=1, completion_tokens=len(text)),
        finish_reason="stop",
        question=given.question,
        query=given.query,
    )
    return TokensGenerated(
        batch=Batch(number=number, last=last),
        text="" if last and number else letter(number),
        answer=answer if last else None,
        ask=given.ask,
        subject=given.subject,
    )


# ------------------------------------------------------------------ steps that ask


@dataclass(frozen=True)
class AskingSteps:
    """The eight steps, which ask what the real ones ask."""

    spoil: Spoil = spare
    """Called by every step before it hands a request on; of a document with its last batch."""
    streamed: Container[str] = frozenset(STREAMED)
    """Subjects of questions whose answers come in parts; other answers are one record."""

    def steps(self, *names: str) -> list[Step]:
        """Return steps of the table with these functions, in the order of the flow; all by default.

        Raises KeyError for a name that is no step.
        """
        return [replace(step(name), function=self.function(name)) for name in names or FLOW]

    def function(self, name: str) -> StepFunction:
        """Return the function of a step of FLOW."""
        if name not in FLOW:
            raise KeyError(f"no step {name}: choose from {', '.join(FLOW)}")
        return cast(StepFunction, getattr(self, name))

    def _spoil(self, name: str, uri: str, batch: Batch) -> None:
        if batch.last:
            self.spoil(name, described(uri)[1])

    async def ingest(
        self, event: DocumentSubmitted | DocumentWithdrawn, fx: Effects
    ) -> AsyncIterator[ChunksCut]:
        """Cut a document into as many batches as it says."""
        state = await fx(ReadDocument(document=event.document))
        if isinstance(event, DocumentWithdrawn):
            gone = DocumentRef(document=event.document, version=0, uri="1:plain")
            yield ChunksCut(document=gone, batch=ONLY_BATCH, outcome="withdrawn")
            return
        batches, what = described(event.uri)
        self.spoil("ingest", what)
        version = state.version + 1
        ref = DocumentRef(document=event.document, version=version, uri=event.uri)
        written = DocumentState(version=version, ref=ref)
        await fx(WriteDocument(document=event.document, state=written))
        for number in range(batches):
            await fx(Embed(texts=(what,), kind="passage"))  # stands for what a batch costs
            batch = Batch(number=number, last=number == batches - 1)
            yield ChunksCut(document=ref, batch=batch, outcome="cut")

    async def redact(
        self, event: ChunksCut | QuestionAsked, fx: Effects
    ) -> AsyncIterator[ChunksRedacted | QuestionRedacted]:
        """Hand chunks on; number the questions of a session."""
        if isinstance(event, ChunksCut):
            self._spoil("redact", event.document.uri, event.batch)
            outcome: Any = "redacted" if event.outcome == "cut" else event.outcome
            yield ChunksRedacted(document=event.document, batch=event.batch, outcome=outcome)
            return
        self.spoil("redact", event.subject)
        yield redacted(event, text=str(await self._next_number(event.meta.session, fx)))

    async def _next_number(self, scope: str, fx: Effects) -> int:
        """Count one up in the table of placeholders."""
        known = await fx(ReadPlaceholders(scope=scope))
        number = int(known.entries[0].placeholder) + 1 if known.entries else 1
        entry = Numbered(placeholder=str(number), kind="count", digest="")
        await fx(WritePlaceholders(scope=scope, state=Placeholders(entries=(entry,))))
        return number

    async def embed(self, event: ChunksRedacted, fx: Effects) -> AsyncIterator[ChunksEmbedded]:
        """Embed what a document says of itself."""
        self._spoil("embed", event.document.uri, event.batch)
        made = await fx(Embed(texts=(described(event.document.uri)[1],), kind="passage"))
        outcome: Any = "embedded" if event.outcome == "redacted" else event.outcome
        yield ChunksEmbedded(
            document=event.document,
            batch=event.batch,
            outcome=outcome,
            model=made.model,
            dimensions=made.dimensions,
        )

    async def index(self, event: ChunksEmbedded, fx: Effects) -> AsyncIterator[ChunksIndexed]:
        """Write no chunks, and publish with the last batch; or withdraw."""
        withdrawn = event.outcome == "withdrawn"
        if withdrawn:
            written = await fx(WithdrawVersions(document=event.document))
        elif event.batch.last:
            self._spoil("index", event.document.uri, event.batch)
            written = await fx(PublishVersion(document=event.document))
        else:
            nothing = IndexChunks(document=event.document, title="", model=event.model, chunks=())
            written = await fx(nothing)
        yield ChunksIndexed(
            document=event.document,
            batch=event.batch,
            outcome="withdrawn" if withdrawn else "indexed",
            indexed=written.count,
            position=written.position,
        )

    async def rewrite(self, event: QuestionRedacted, fx: Effects) -> AsyncIterator[QueryRewritten]:
        """Count the turns there were."""
        turns = await fx(ReadTurns(limit=5))
        self.spoil("rewrite", event.subject)
        yield rewritten(event, turns=len(turns.turns))

    async def retrieve(self, event: QueryRewritten, fx: Effects) -> AsyncIterator[ChunksRetrieved]:
        """Embed the subject and search for it."""
        made = await fx(Embed(texts=(event.subject,), kind="query"))
        self.spoil("retrieve", event.subject)
        await fx(
            Search(
                text=event.query, vector=made.vectors[0], filters={}, limit=event.ask.passages_max
            )
        )
        yield retrieved(event)

    async def generate(self, event: ChunksRetrieved, fx: Effects) -> AsyncIterator[TokensGenerated]:
        """Answer with one letter a batch."""
        number = 0
        if event.subject in self.streamed:
            request = Generate(prompt="p", max_tokens=PARTS)
            # a stream that is closed half-way is closed here, not when it is collected
            async with aclosing(cast(Any, fx.stream(request))) as parts:
                async for part in parts:
                    if part.last:
                        break
                    yield generated(event, number, last=False)
                    number += 1
        self.spoil("generate", event.subject)
        yield generated(event, number, last=True)

    async def moderate(
        self, event: TokensGenerated, fx: Effects
    ) -> AsyncIterator[TokensReleased | AnswerReleased]:
        """Release what came; with the last batch the text collected so far.

        Raises Permanent where the batch before it is not known, as the real step does.
        """
        number = event.batch.number
        state = await fx(ReadRelease(batch=number)) if number else ReleaseState()
        if state.batch != number - 1:
            raise Permanent(f"batch {number} of an answer, but batch {state.batch} was the last")
        text = state.released + event.text
        await fx(WriteRelease(state=ReleaseState(batch=number, released=text)))
        if not event.batch.last:
            yield TokensReleased(batch=event.batch, text=event.text, subject=event.subject)
            return
        self.spoil("moderate", event.subject)
        assert event.answer is not None
        yield AnswerReleased(
            text=text, answer=event.answer, verdict=Verdict(allowed=True), subject=event.subject
        )


FLOW = ("ingest", "redact", "embed", "index", "rewrite", "retrieve", "generate", "moderate")
"""The steps, each after those that it reads from."""
QUESTION = ("redact", "rewrite", "retrieve", "generate", "moderate")
"""The steps on a question's way."""
