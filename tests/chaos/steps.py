"""All eight steps in a form that does little, for the fault harness: the machinery around them is the real one.

What a request says of itself decides what happens to it: a question by its `subject`, a document by its `uri`
(`BATCHES:WHAT`). WHAT is one of ORDINARY, or POISON that some step can't digest.

The steps count: `redact` numbers the questions of a session, `ingest` the versions of a document, `moderate`
collects the text of an answer. The numbers live in tables, so a table that lost a row, or was written twice over one
event, shows in the records (`tally`, `contradiction`).
"""

import contextlib
import dataclasses

from agents.errors import Permanent
from schemas import (
    Answer,
    AnswerReleased,
    AnswerRetracted,
    Batch,
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentRef,
    DocumentState,
    DocumentWithdrawn,
    Embed,
    Event,
    EventRejected,
    Generate,
    IndexChunks,
    Numbered,
    Placeholders,
    PublishVersion,
    QueryRewritten,
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
STREAMED = frozenset({"answer", "poison generate", "bug moderate"})
ORDINARY_QUESTIONS = ("hop", "answer", "slow")
POISON_QUESTIONS = (
    "poison redact",
    "bug rewrite",
    "poison retrieve",
    "late retrieve",
    "poison generate",
    "bug moderate",
)
ORDINARY_DOCUMENTS = ("plain", "slow")
POISON_DOCUMENTS = ("poison ingest", "bug redact", "poison embed", "poison index")


def spoil(name, what, *, last=True):
    """Raise what a poisoned request raises in this step; a document's does so with its last batch."""
    if last and what == f"poison {name}":
        raise Permanent(f"{name} refuses this request")
    if last and what == f"bug {name}":
        raise ZeroDivisionError(f"division of {what}")


def described(uri):
    """Read a document's uri: how many batches, and what happens to it."""
    batches, _, what = uri.partition(":")
    return int(batches), what


async def ingest(event, fx):
    state = await fx(ReadDocument(document=event.document))
    if isinstance(event, DocumentWithdrawn):
        ref = DocumentRef(document=event.document, version=0, uri="1:plain")
        yield ChunksCut(document=ref, batch=Batch(number=0, last=True), outcome="withdrawn")
        return
    batches, what = described(event.uri)
    spoil("ingest", what)
    version = state.version + 1
    ref = DocumentRef(document=event.document, version=version, uri=event.uri)
    await fx(WriteDocument(document=event.document, state=DocumentState(version=version, ref=ref)))
    for number in range(batches):
        await fx(Embed(texts=(what,), kind="passage"))  # stands for what a batch costs
        batch = Batch(number=number, last=number == batches - 1)
        yield ChunksCut(document=ref, batch=batch, outcome="cut")


async def _number(fx, scope):
    """Count one up in the table of placeholders."""
    known = await fx(ReadPlaceholders(scope=scope))
    number = int(known.entries[0].placeholder) + 1 if known.entries else 1
    entry = Numbered(placeholder=str(number), kind="count", digest="")
    await fx(WritePlaceholders(scope=scope, state=Placeholders(entries=(entry,))))
    return number


async def redact(event, fx):
    if isinstance(event, ChunksCut):
        spoil("redact", described(event.document.uri)[1], last=event.batch.last)
        yield ChunksRedacted(document=event.document, batch=event.batch, outcome=event.outcome)
        return
    spoil("redact", event.subject)
    number = await _number(fx, event.meta.session)
    text = f"{number}"
    yield QuestionRedacted(outcome="redacted", subject=event.subject, text=text, ask=event.ask)


async def embed(event, fx):
    what = described(event.document.uri)[1]
    spoil("embed", what, last=event.batch.last)
    made = await fx(Embed(texts=(what,), kind="passage"))
    yield ChunksEmbedded(
        document=event.document,
        batch=event.batch,
        outcome=event.outcome,
        model=made.model,
        dimensions=made.dimensions,
    )


async def index(event, fx):
    what = described(event.document.uri)[1]
    if event.outcome == "withdrawn":
        written = await fx(WithdrawVersions(document=event.document))
    elif event.batch.last:
        spoil("index", what)
        written = await fx(PublishVersion(document=event.document))
    else:
        written = await fx(
            IndexChunks(document=event.document, title="", model=event.model, chunks=())
        )
    yield ChunksIndexed(
        document=event.document,
        batch=event.batch,
        outcome="withdrawn" if event.outcome == "withdrawn" else "indexed",
        indexed=written.count,
        position=written.position,
    )


async def rewrite(event, fx):
    turns = await fx(ReadTurns(limit=5))
    spoil("rewrite", event.subject)
    yield QueryRewritten(
        outcome="rewritten",
        subject=event.subject,
        question=event.text,
        query=event.text,
        turns=len(turns.turns),
        ask=event.ask,
    )


async def retrieve(event, fx):
    made = await fx(Embed(texts=(event.subject,), kind="query"))
    spoil("retrieve", event.subject)
    await fx(
        Search(text=event.query, vector=made.vectors[0], filters={}, limit=event.ask.passages_max)
    )
    yield ChunksRetrieved(
        outcome="retrieved",
        subject=event.subject,
        question=event.question,
        query=event.query,
        ask=event.ask,
    )


async def generate(event, fx):
    number = 0
    if event.subject in STREAMED:
        request = Generate(prompt="p", max_tokens=PARTS)
        async with contextlib.aclosing(fx.stream(request)) as parts:
            async for part in parts:
                if part.last:
                    break
                yield _generated(event, number, last=False)
                number += 1
    spoil("generate", event.subject)
    yield _generated(event, number, last=True)


def _generated(event, number, *, last):
    answer = Answer(
        text="t" * (number + 1),
        usage=Usage(prompt_tokens=1, completion_tokens=number + 1),
        finish_reason="stop",
        question=event.question,
        query=event.query,
    )
    return TokensGenerated(
        batch=Batch(number=number, last=last),
        text="t",
        answer=answer if last else None,
        ask=event.ask,
        subject=event.subject,
    )


async def moderate(event, fx):
    number = event.batch.number
    state = await fx(ReadRelease(batch=number))
    text = state.released + event.text
    await fx(WriteRelease(state=ReleaseState(batch=number, released=text)))
    spoil("moderate", event.subject, last=event.batch.last)
    if event.batch.last:
        yield AnswerReleased(
            text=text, answer=event.answer, verdict=Verdict(allowed=True), subject=event.subject
        )
    else:
        yield TokensReleased(batch=event.batch, text=event.text, subject=event.subject)


FUNCTIONS = {
    "ingest": ingest,
    "redact": redact,
    "embed": embed,
    "index": index,
    "rewrite": rewrite,
    "retrieve": retrieve,
    "generate": generate,
    "moderate": moderate,
}


def chain() -> list[Step]:
    """Return the steps of the table with these functions, in the order of the flow."""
    return [
        dataclasses.replace(step(name), function=function) for name, function in FUNCTIONS.items()
    ]


# ---------------------------------------------------------------------- what the judge has to know


ENDS = (ChunksIndexed, AnswerReleased, AnswerRetracted, EventRejected)


def is_end(event: Event) -> bool:
    """Whether a requester waits for nothing more after this record."""
    return isinstance(event, ENDS) and (not isinstance(event, ChunksIndexed) or event.batch.last)


def tally(event: Event) -> int:
    """Return the number that a record has in its session, from 1; 0 where it has none."""
    if isinstance(event, QuestionRedacted):
        return int(event.text)
    if isinstance(event, ChunksCut) and event.batch.number == 0:
        return event.document.version
    return 0


def contradiction(event: Event) -> str:
    """Say what in a record can't be; empty where nothing is wrong."""
    if isinstance(event, AnswerReleased) and event.text != event.answer.text:
        return f"releases {event.text!r} of the answer {event.answer.text!r}"
    return ""
