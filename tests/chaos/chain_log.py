"""One lane of a log in memory, written outcome by outcome: whole, or with one thing wrong."""

import inspect

from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Batch,
    Cause,
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentRef,
    DocumentSubmitted,
    EventRejected,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
    TokensGenerated,
    Usage,
    Verdict,
)
from streams.log.ids import outcome_id
from streams.running.run import stamped
from streams.topics import topic_of
from tests.chaos.judgement import Expected
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog

CODEC = a_codec()
ANSWER = Answer(
    text="t",
    usage=Usage(prompt_tokens=1, completion_tokens=1),
    finish_reason="stop",
    question="q",
    query="q",
)
REF = DocumentRef(document="d-1", version=1, uri="1:plain")
ONLY = Batch(number=0, last=True)
SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
OUTCOMES = {
    "redact": QuestionRedacted(outcome="redacted", subject="u", text="1", ask=Ask()),
    "rewrite": QueryRewritten(
        outcome="rewritten", subject="u", question="q", query="q", turns=0, ask=Ask()
    ),
    "retrieve": ChunksRetrieved(
        outcome="retrieved", subject="u", question="q", query="q", ask=Ask()
    ),
    "generate": TokensGenerated(
        batch=Batch(number=0, last=True), text="t", answer=ANSWER, ask=Ask(), subject="u"
    ),
    "moderate": AnswerReleased(text="t", answer=ANSWER, verdict=Verdict(allowed=True), subject="u"),
}
OF_DOCUMENTS = {
    "ingest": ChunksCut(document=REF, batch=ONLY, outcome="cut"),
    "redact": ChunksRedacted(document=REF, batch=ONLY, outcome="redacted"),
    "embed": ChunksEmbedded(document=REF, batch=ONLY, outcome="embedded"),
    "index": ChunksIndexed(document=REF, batch=ONLY, outcome="indexed"),
}


def but(record, **changes):
    """Return a record with some fields changed."""
    names = inspect.signature(type(record)).parameters
    return type(record)(**{**{name: getattr(record, name) for name in names}, **changes})


class ChainLog(MemoryLog):
    """One lane of a log in memory, into which outcomes are written as the chain's steps would."""

    def __init__(self):
        super().__init__()
        self._numbers = {}

    def write(self, event):
        key = event.meta.tenant.encode()
        return event, *self.put(topic_of(event), CODEC.encode(event), key)

    def ask(self, request, session="s-1", **meta):
        meta = but(a_meta(request=request, session=session), id=f"id-{request}", **meta)
        return self.write(QuestionAsked(meta=meta, subject="hop", text=SEALED, ask=Ask()))

    def submit(self, request, document="d-1"):
        meta = but(a_meta(request=request, session=document), id=f"id-{request}")
        return self.write(
            DocumentSubmitted(
                meta=meta,
                document=document,
                uri="1:plain",
                media_type="text/plain",
                content=SEALED,
                metadata={},
            )
        )

    def run(self, step, given, outcome=None, **meta):
        """Put a step's outcome over an input."""
        event, topic, offset = given
        if outcome is None:
            outcome = OUTCOMES[step]
        if isinstance(outcome, QuestionRedacted):
            outcome = but(outcome, text=str(self._number(event.meta.session, event.meta.id)))
        cause = Cause(topic=topic, partition=0, offset=offset, id=event.meta.id)
        values = {"id": outcome_id(event.meta.id, step, 0), "cause": cause, "last": True}
        values["effects"] = ()
        return self.write(stamped(outcome, but(event.meta, **{**values, **meta})))

    def _number(self, session, event):
        numbers = self._numbers.setdefault(session, {})
        return numbers.setdefault(event, len(numbers) + 1)

    def reject(self, step, given, value=None, **meta):
        """Put the dead letter of an input."""
        _, topic, offset = given
        letter = EventRejected(
            step=step,
            topic=topic,
            partition=0,
            offset=offset,
            key=b"acme",
            value=self.topics[topic, 0][offset].value if value is None else value,
            error="Permanent",
            message="no",
            traceback="",
            attempts=1,
        )
        return self.run(step, given, letter, **meta)

    def answer(self, given, steps=tuple(OUTCOMES)):
        """Put the outcomes of all steps over a question."""
        for step in steps:
            given = self.run(step, given)
        return given

    def index(self, given, version=1):
        """Put the outcomes of all steps over a document."""
        for step, outcome in OF_DOCUMENTS.items():
            given = self.run(step, given, but(outcome, document=but(REF, version=version)))
        return given


def answered(*requests):
    return Expected(dict.fromkeys(requests, (0, "answered")))
