"""Typed records. Generated from avro/*.avsc by `python -m schemas.generate`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from schemas.record import Event, Record, Request, StreamRequest

__all__ = [
    "Answer",
    "AnswerReleased",
    "AnswerRetracted",
    "Ask",
    "Batch",
    "Begin",
    "Begun",
    "Block",
    "Candidate",
    "Cause",
    "CheckpointSigned",
    "ChunksCut",
    "ChunksEmbedded",
    "ChunksIndexed",
    "ChunksRedacted",
    "ChunksRetrieved",
    "Citation",
    "ConfigurationSet",
    "CountTokens",
    "CutChunk",
    "Detect",
    "Detected",
    "Digest",
    "Digested",
    "DocumentRef",
    "DocumentState",
    "DocumentSubmitted",
    "DocumentWithdrawn",
    "Effect",
    "Embed",
    "Embedded",
    "EmbeddedChunk",
    "ErasureRequested",
    "EventRejected",
    "Fail",
    "Failed",
    "FeedbackGiven",
    "Fetch",
    "Fetched",
    "Found",
    "Generate",
    "Generated",
    "GeneratedToken",
    "InboxDocument",
    "InboxQuestion",
    "IndexChunks",
    "IndexWritten",
    "Instant",
    "Manifest",
    "MapEntry",
    "Meta",
    "Now",
    "Numbered",
    "Parse",
    "Parsed",
    "Passage",
    "PersonErased",
    "Placeholders",
    "PublishVersion",
    "QueryRewritten",
    "QuestionAsked",
    "QuestionRedacted",
    "ReadDocument",
    "ReadPlaceholders",
    "ReadRelease",
    "ReadTurns",
    "RedactedChunk",
    "ReleaseState",
    "Rerank",
    "Reranked",
    "Seal",
    "SealItem",
    "Sealed",
    "SealedValues",
    "Search",
    "Span",
    "Spans",
    "StepVersion",
    "TableEntry",
    "TableRow",
    "TokenCounts",
    "TokensGenerated",
    "TokensReleased",
    "Turn",
    "Turns",
    "UNSTAMPED",
    "Unseal",
    "Unsealed",
    "Usage",
    "Verdict",
    "WithdrawVersions",
    "WriteDocument",
    "WritePlaceholders",
    "WriteRelease",
    "Written",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Record):
    """The input of a step: where it lies in the log."""

    SCHEMA: ClassVar[str] = "Cause"

    topic: str
    """Topic of the input."""
    partition: int
    """Partition of the input."""
    offset: int
    """Offset of the input."""
    id: str
    """meta.id of the input."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "id": self.id,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            topic=datum["topic"],
            partition=datum["partition"],
            offset=datum["offset"],
            id=datum["id"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(Record):
    """One answer of the world that a step used, or one part of a streamed answer."""

    SCHEMA: ClassVar[str] = "Effect"

    number: int
    """Position in the order in which the step issued its effects; 0 is the beginning of the run."""
    part: int = 0
    """Position within a streamed answer; 0 for a plain one."""
    kind: str
    """Name of the request record."""
    request: bytes
    """Digest of the request: SHA-256 of its Avro encoding, or HMAC-SHA-256 under the tenant's
    digest key where the request holds personal data; empty for later parts of a stream.
    """
    response: bytes | None = None
    """The response in the Confluent wire format; null for a local effect, which is executed again
    at replay.
    """
    digest: bytes = b""
    """For a local effect, HMAC-SHA-256 of the response's Avro encoding under the tenant's digest
    key; empty otherwise.
    """
    model: str = ""
    """Model and version that answered, empty where no model did."""
    started: int
    """When the request was issued."""
    took_us: int
    """From request to response, in microseconds."""
    cost_micros: int = 0
    """Price of the call in millionths of the accounting currency; 0 for models of our own."""
    error: str = ""
    """Name of the error that the connector answered with; empty for a response."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "part": self.part,
            "kind": self.kind,
            "request": self.request,
            "response": self.response,
            "digest": self.digest,
            "model": self.model,
            "started": self.started,
            "took_us": self.took_us,
            "cost_micros": self.cost_micros,
            "error": self.error,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            number=datum["number"],
            part=datum["part"],
            kind=datum["kind"],
            request=datum["request"],
            response=datum["response"],
            digest=datum["digest"],
            model=datum["model"],
            started=datum["started"],
            took_us=datum["took_us"],
            cost_micros=datum["cost_micros"],
            error=datum["error"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepVersion(Record):
    """What wrote a record."""

    SCHEMA: ClassVar[str] = "StepVersion"

    name: str
    """Name of the step; for a request, of the edge that took it in (gateway, producer, inbox)."""
    code: str
    """Version of the Playhead distribution that ran."""
    configuration: str
    """Hex SHA-256 of the configuration in force (a ConfigurationSet holds it), empty for a request.
    """

    def to_avro(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "code": self.code,
            "configuration": self.configuration,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            name=datum["name"],
            code=datum["code"],
            configuration=datum["configuration"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta(Record):
    """What every event begins with: identity, lineage, and the effects that it rests on."""

    SCHEMA: ClassVar[str] = "Meta"

    id: str
    """UUIDv5 of (cause id, step, ordinal); for a request, of (tenant, idempotency fingerprint)."""
    tenant: str
    """Isolation key; also the Kafka key."""
    lane: int
    """Partition, one of the tenant's lanes."""
    request: str
    """Correlation id given at the edge and carried by all that follows."""
    session: str
    """Conversation, or the id of the document: what keeps its order within the lane."""
    cause: Cause | None = None
    """The input; null for a request."""
    at: int
    """Event time: when the last effect that this record rests on had been answered."""
    step: StepVersion
    """What wrote the record."""
    attempt: int = 1
    """Which run of the step over this input wrote it; a later attempt supersedes a partial earlier
    one.
    """
    ordinal: int = 0
    """Position among the outcomes of this input in this attempt."""
    last: bool = True
    """Whether this record closes the outcome of its input."""
    trace: str = ""
    """W3C traceparent of the span that wrote it."""
    effects: tuple[Effect, ...] = ()
    """The effects consumed since the previous outcome of this run."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "tenant": self.tenant,
            "lane": self.lane,
            "request": self.request,
            "session": self.session,
            "cause": None if self.cause is None else self.cause.to_avro(),
            "at": self.at,
            "step": self.step.to_avro(),
            "attempt": self.attempt,
            "ordinal": self.ordinal,
            "last": self.last,
            "trace": self.trace,
            "effects": [item.to_avro() for item in self.effects],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            id=datum["id"],
            tenant=datum["tenant"],
            lane=datum["lane"],
            request=datum["request"],
            session=datum["session"],
            cause=None if datum["cause"] is None else Cause.from_avro(datum["cause"]),
            at=datum["at"],
            step=StepVersion.from_avro(datum["step"]),
            attempt=datum["attempt"],
            ordinal=datum["ordinal"],
            last=datum["last"],
            trace=datum["trace"],
            effects=tuple([Effect.from_avro(item) for item in datum["effects"]]),
        )


UNSTAMPED = Meta(
    id="",
    tenant="",
    lane=-1,
    request="",
    session="",
    at=0,
    step=StepVersion(name="", code="", configuration=""),
)
"""The meta of an event that no run has stamped yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation(Record):
    """Where a statement of an answer stands."""

    SCHEMA: ClassVar[str] = "Citation"

    document: str
    """Document id."""
    chunk: str
    """Chunk id."""
    title: str
    """Redacted title."""
    uri: str
    """Where the document comes from."""
    quote: str
    """The supporting sentence, redacted."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document,
            "chunk": self.chunk,
            "title": self.title,
            "uri": self.uri,
            "quote": self.quote,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=datum["document"],
            chunk=datum["chunk"],
            title=datum["title"],
            uri=datum["uri"],
            quote=datum["quote"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """Tokens used by a generation."""

    SCHEMA: ClassVar[str] = "Usage"

    prompt_tokens: int = 0
    """Tokens of the prompt."""
    completion_tokens: int = 0
    """Tokens generated."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            prompt_tokens=datum["prompt_tokens"],
            completion_tokens=datum["completion_tokens"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Record):
    """A whole answer before moderation."""

    SCHEMA: ClassVar[str] = "Answer"

    text: str
    """All of it, redacted."""
    citations: tuple[Citation, ...] = ()
    """In the order of the text."""
    usage: Usage
    """Tokens used."""
    finish_reason: str
    """stop, length, extractive, not_found, search, refused or cancelled."""
    question: str
    """The redacted question."""
    query: str
    """The stand-alone query."""
    model: str = ""
    """Model and version, empty where no model answered."""
    prompt: str = ""
    """Hex SHA-256 of the prompt sent, empty where none was."""
    support: float = 0.0
    """Share of the answer's content words that the passages hold, 0 to 1."""
    degraded: tuple[str, ...] = ()
    """What was left out along the way."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "citations": [item.to_avro() for item in self.citations],
            "usage": self.usage.to_avro(),
            "finish_reason": self.finish_reason,
            "question": self.question,
            "query": self.query,
            "model": self.model,
            "prompt": self.prompt,
            "support": self.support,
            "degraded": list(self.degraded),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            text=datum["text"],
            citations=tuple([Citation.from_avro(item) for item in datum["citations"]]),
            usage=Usage.from_avro(datum["usage"]),
            finish_reason=datum["finish_reason"],
            question=datum["question"],
            query=datum["query"],
            model=datum["model"],
            prompt=datum["prompt"],
            support=datum["support"],
            degraded=tuple(datum["degraded"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed(Record):
    """Text or bytes that may hold personal data, encrypted with AES-SIV."""

    SCHEMA: ClassVar[str] = "Sealed"

    key: str
    """Name of the key in the key store: user/…, document/… or value/…, each within the tenant."""
    event: str
    """Id of the event that the sealing is bound to; part of the associated data."""
    field: str
    """Field that the sealing is bound to; part of the associated data."""
    ciphertext: bytes
    """Synthetic initialisation vector (16 bytes), then the ciphertext; empty where it travels by
    claim check.
    """
    claim: str = ""
    """Name of the body in the claim store: hex SHA-256 of the ciphertext; empty where the
    ciphertext is here.
    """

    def to_avro(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "event": self.event,
            "field": self.field,
            "ciphertext": self.ciphertext,
            "claim": self.claim,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            key=datum["key"],
            event=datum["event"],
            field=datum["field"],
            ciphertext=datum["ciphertext"],
            claim=datum["claim"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MapEntry(Record):
    """One value that was replaced in a text."""

    SCHEMA: ClassVar[str] = "MapEntry"

    placeholder: str
    """What stands in the text instead, such as <PERSON_1>."""
    kind: str
    """Type of the value: PERSON, EMAIL_ADDRESS, …"""
    digest: str
    """Hex HMAC-SHA-256 of the normalised value under the tenant's digest key: equal values compare
    equal.
    """
    value: Sealed
    """The value, under a key of its own."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "placeholder": self.placeholder,
            "kind": self.kind,
            "digest": self.digest,
            "value": self.value.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            placeholder=datum["placeholder"],
            kind=datum["kind"],
            digest=datum["digest"],
            value=Sealed.from_avro(datum["value"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Record):
    """What moderation found in a whole answer or question."""

    SCHEMA: ClassVar[str] = "Verdict"

    allowed: bool
    """Whether it may stand."""
    categories: tuple[str, ...] = ()
    """Policies it falls under."""
    policy: str = ""
    """Name and version of the rules."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "allowed": self.allowed,
            "categories": list(self.categories),
            "policy": self.policy,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            allowed=datum["allowed"],
            categories=tuple(datum["categories"]),
            policy=datum["policy"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReleased(Event):
    """An answer is complete and stands."""

    SCHEMA: ClassVar[str] = "AnswerReleased"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    text: str
    """All released text, redacted."""
    answer: Answer
    """Citations, usage and how it came about."""
    verdict: Verdict
    """What moderation found."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind the placeholders of the text."""
    subject: str
    """Keyed digest of the user."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "text": self.text,
            "answer": self.answer.to_avro(),
            "verdict": self.verdict.to_avro(),
            "entries": [item.to_avro() for item in self.entries],
            "subject": self.subject,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            text=datum["text"],
            answer=Answer.from_avro(datum["answer"]),
            verdict=Verdict.from_avro(datum["verdict"]),
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            subject=datum["subject"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRetracted(Event):
    """An answer must be removed from what was shown."""

    SCHEMA: ClassVar[str] = "AnswerRetracted"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    reason: str
    """What the reader may be told."""
    verdict: Verdict
    """What moderation found."""
    subject: str
    """Keyed digest of the user."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "reason": self.reason,
            "verdict": self.verdict.to_avro(),
            "subject": self.subject,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            reason=datum["reason"],
            verdict=Verdict.from_avro(datum["verdict"]),
            subject=datum["subject"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Record):
    """What the asker wants and may see."""

    SCHEMA: ClassVar[str] = "Ask"

    mode: str = "answer"
    """answer, or search for passages without generation."""
    passages_max: int = 6
    """Passages wanted."""
    max_tokens: int = 160
    """Bound on generated tokens."""
    deadline: int = 0
    """When an answer is no longer of use; 0 for no deadline."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Document metadata that must match."""
    groups: tuple[str, ...] = ()
    """Groups of the reader: documents of other groups stay out."""
    response_schema: str = ""
    """JSON schema that the answer must follow; empty for prose."""
    as_of: int = -1
    """Index position to search at; -1 for now."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "passages_max": self.passages_max,
            "max_tokens": self.max_tokens,
            "deadline": self.deadline,
            "filters": dict(self.filters),
            "groups": list(self.groups),
            "response_schema": self.response_schema,
            "as_of": self.as_of,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            mode=datum["mode"],
            passages_max=datum["passages_max"],
            max_tokens=datum["max_tokens"],
            deadline=datum["deadline"],
            filters=datum["filters"],
            groups=tuple(datum["groups"]),
            response_schema=datum["response_schema"],
            as_of=datum["as_of"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Record):
    """Position of a record among the batches of one document or answer."""

    SCHEMA: ClassVar[str] = "Batch"

    number: int
    """From 0."""
    last: bool
    """Whether no batch follows."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "last": self.last,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            number=datum["number"],
            last=datum["last"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun(Record):
    """The circumstances of one run of a step."""

    SCHEMA: ClassVar[str] = "Begun"

    at: int
    """When the run began."""
    attempt: int
    """Which run over this input it is, from 1."""
    code: str
    """Version of the Playhead distribution."""
    configuration: str
    """Hex SHA-256 of the configuration in force."""
    trace: str
    """W3C traceparent of the run's span."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "attempt": self.attempt,
            "code": self.code,
            "configuration": self.configuration,
            "trace": self.trace,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            at=datum["at"],
            attempt=datum["attempt"],
            code=datum["code"],
            configuration=datum["configuration"],
            trace=datum["trace"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(Request[Begun]):
    """Ask under what circumstances a run of a step begins; the runner issues it as effect 0."""

    SCHEMA: ClassVar[str] = "Begin"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Begun

    step: str
    """Name of the step."""
    cause: str
    """meta.id of the input."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "cause": self.cause,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            step=datum["step"],
            cause=datum["cause"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Record):
    """A block of a parsed document."""

    SCHEMA: ClassVar[str] = "Block"

    kind: str
    """heading, paragraph, list, code or table."""
    level: int = 0
    """1 to 6 for a heading, 0 otherwise."""
    text: str
    """Normalised text."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "level": self.level,
            "text": self.text,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            kind=datum["kind"],
            level=datum["level"],
            text=datum["text"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Record):
    """A chunk that may be relevant."""

    SCHEMA: ClassVar[str] = "Candidate"

    chunk: str
    """Chunk id."""
    document: str
    """Document id."""
    dense: float
    """Cosine similarity to the query, -1 to 1; 0 where the vector search did not name it."""
    lexical: float
    """BM25 score; 0 where the word search did not name it."""
    score: float
    """The index's fused score."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "chunk": self.chunk,
            "document": self.document,
            "dense": self.dense,
            "lexical": self.lexical,
            "score": self.score,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            chunk=datum["chunk"],
            document=datum["document"],
            dense=datum["dense"],
            lexical=datum["lexical"],
            score=datum["score"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSigned(Event):
    """A partition's Merkle root was signed."""

    SCHEMA: ClassVar[str] = "CheckpointSigned"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    topic: str
    """Topic sealed."""
    partition: int
    """Partition sealed."""
    size: int
    """Number of leaves."""
    root: bytes
    """Merkle tree hash, 32 bytes."""
    note: str
    """The signed checkpoint in C2SP text form."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "topic": self.topic,
            "partition": self.partition,
            "size": self.size,
            "root": self.root,
            "note": self.note,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            topic=datum["topic"],
            partition=datum["partition"],
            size=datum["size"],
            root=datum["root"],
            note=datum["note"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CutChunk(Record):
    """A chunk before redaction."""

    SCHEMA: ClassVar[str] = "CutChunk"

    id: str
    """UUIDv5 of (tenant, document, keyed digest of the text, repetition)."""
    number: int
    """Position in the document, from 0."""
    text: Sealed
    """Title, headings and passage, under the document's key."""
    tokens: int
    """Length in the embedder's tokens."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "text": self.text.to_avro(),
            "tokens": self.tokens,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            id=datum["id"],
            number=datum["number"],
            text=Sealed.from_avro(datum["text"]),
            tokens=datum["tokens"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRef(Record):
    """Which version of which document."""

    SCHEMA: ClassVar[str] = "DocumentRef"

    document: str
    """Document id."""
    version: int
    """From 1, growing with each changed submission."""
    uri: str
    """Where the document comes from."""
    media_type: str = "text/plain"
    """Media type as submitted."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Properties to filter by."""
    groups: tuple[str, ...] = ()
    """Groups that may read it; empty for everyone in the tenant."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document,
            "version": self.version,
            "uri": self.uri,
            "media_type": self.media_type,
            "metadata": dict(self.metadata),
            "groups": list(self.groups),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=datum["document"],
            version=datum["version"],
            uri=datum["uri"],
            media_type=datum["media_type"],
            metadata=datum["metadata"],
            groups=tuple(datum["groups"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Record):
    """What a version of a document consists of."""

    SCHEMA: ClassVar[str] = "Manifest"

    checksum: str
    """Hex HMAC-SHA-256 of the bytes under the tenant's digest key."""
    parser: str
    """Parser that read it."""
    parser_version: str
    """Its version."""
    policy: str
    """Chunk policy."""
    chunks: tuple[str, ...]
    """Chunk ids in reading order."""
    kept: tuple[str, ...] = ()
    """Those that the previous version had too: not embedded again."""
    retired: tuple[str, ...] = ()
    """Chunk ids of the previous version that this one no longer has."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "checksum": self.checksum,
            "parser": self.parser,
            "parser_version": self.parser_version,
            "policy": self.policy,
            "chunks": list(self.chunks),
            "kept": list(self.kept),
            "retired": list(self.retired),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            checksum=datum["checksum"],
            parser=datum["parser"],
            parser_version=datum["parser_version"],
            policy=datum["policy"],
            chunks=tuple(datum["chunks"]),
            kept=tuple(datum["kept"]),
            retired=tuple(datum["retired"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksCut(Event):
    """A document was parsed and cut; or was unchanged, withdrawn, or could not be read."""

    SCHEMA: ClassVar[str] = "ChunksCut"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: DocumentRef
    """Which version of which document."""
    batch: Batch
    """Position among the document's batches."""
    outcome: str
    """cut, unchanged, withdrawn or failed."""
    reason: str = ""
    """What was wrong and what to do; empty unless failed."""
    title: Sealed | None = None
    """Title in force, under the document's key."""
    chunks: tuple[CutChunk, ...] = ()
    """At most 64, new chunks only."""
    manifest: Manifest | None = None
    """On the last batch of a cut document."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document.to_avro(),
            "batch": self.batch.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "title": None if self.title is None else self.title.to_avro(),
            "chunks": [item.to_avro() for item in self.chunks],
            "manifest": None if self.manifest is None else self.manifest.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=DocumentRef.from_avro(datum["document"]),
            batch=Batch.from_avro(datum["batch"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            title=None if datum["title"] is None else Sealed.from_avro(datum["title"]),
            chunks=tuple([CutChunk.from_avro(item) for item in datum["chunks"]]),
            manifest=None if datum["manifest"] is None else Manifest.from_avro(datum["manifest"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedChunk(Record):
    """A redacted chunk with its vectors."""

    SCHEMA: ClassVar[str] = "EmbeddedChunk"

    id: str
    """Chunk id."""
    number: int
    """Position in the document, from 0."""
    text: str
    """The redacted text."""
    tokens: int
    """Length in the embedder's tokens."""
    entries: tuple[MapEntry, ...] = ()
    """The values replaced in this chunk."""
    vector: bytes
    """Little-endian float32, unit length."""
    token_vectors: bytes = b""
    """The model's compact token vectors for late interaction, in the model's own format."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "text": self.text,
            "tokens": self.tokens,
            "entries": [item.to_avro() for item in self.entries],
            "vector": self.vector,
            "token_vectors": self.token_vectors,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            id=datum["id"],
            number=datum["number"],
            text=datum["text"],
            tokens=datum["tokens"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            vector=datum["vector"],
            token_vectors=datum["token_vectors"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksEmbedded(Event):
    """Chunks got their vectors."""

    SCHEMA: ClassVar[str] = "ChunksEmbedded"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: DocumentRef
    """Which version of which document."""
    batch: Batch
    """Position among the document's batches."""
    outcome: str
    """embedded, unchanged, withdrawn or failed."""
    reason: str = ""
    """Why it failed."""
    title: str = ""
    """Redacted title."""
    model: str = ""
    """Embedder and version."""
    dimensions: int = 0
    """Length of each vector."""
    chunks: tuple[EmbeddedChunk, ...] = ()
    """In order."""
    manifest: Manifest | None = None
    """On the last batch."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document.to_avro(),
            "batch": self.batch.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "title": self.title,
            "model": self.model,
            "dimensions": self.dimensions,
            "chunks": [item.to_avro() for item in self.chunks],
            "manifest": None if self.manifest is None else self.manifest.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=DocumentRef.from_avro(datum["document"]),
            batch=Batch.from_avro(datum["batch"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            title=datum["title"],
            model=datum["model"],
            dimensions=datum["dimensions"],
            chunks=tuple([EmbeddedChunk.from_avro(item) for item in datum["chunks"]]),
            manifest=None if datum["manifest"] is None else Manifest.from_avro(datum["manifest"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksIndexed(Event):
    """Chunks were written to the index; with the last batch the version is visible."""

    SCHEMA: ClassVar[str] = "ChunksIndexed"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: DocumentRef
    """Which version of which document."""
    batch: Batch
    """Position among the document's batches."""
    outcome: str
    """indexed, unchanged, withdrawn or failed."""
    reason: str = ""
    """Why it failed."""
    indexed: int = 0
    """Chunks written by this batch."""
    retired: int = 0
    """Chunks of the previous version retired by it."""
    visible: bool = False
    """Whether this record made the version visible."""
    position: int = 0
    """Index position from which that holds: the offset of the causing record in the lane."""
    manifest: Manifest | None = None
    """On the last batch."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document.to_avro(),
            "batch": self.batch.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "indexed": self.indexed,
            "retired": self.retired,
            "visible": self.visible,
            "position": self.position,
            "manifest": None if self.manifest is None else self.manifest.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=DocumentRef.from_avro(datum["document"]),
            batch=Batch.from_avro(datum["batch"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            indexed=datum["indexed"],
            retired=datum["retired"],
            visible=datum["visible"],
            position=datum["position"],
            manifest=None if datum["manifest"] is None else Manifest.from_avro(datum["manifest"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedChunk(Record):
    """A chunk in which personal data is replaced by placeholders."""

    SCHEMA: ClassVar[str] = "RedactedChunk"

    id: str
    """Chunk id."""
    number: int
    """Position in the document, from 0."""
    text: str
    """The redacted text."""
    tokens: int
    """Length before redaction, in the embedder's tokens."""
    entries: tuple[MapEntry, ...] = ()
    """The values replaced in this chunk."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "number": self.number,
            "text": self.text,
            "tokens": self.tokens,
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            id=datum["id"],
            number=datum["number"],
            text=datum["text"],
            tokens=datum["tokens"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksRedacted(Event):
    """Personal data in chunks was replaced."""

    SCHEMA: ClassVar[str] = "ChunksRedacted"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: DocumentRef
    """Which version of which document."""
    batch: Batch
    """Position among the document's batches."""
    outcome: str
    """redacted, unchanged, withdrawn or failed."""
    reason: str = ""
    """Why it failed."""
    title: str = ""
    """Redacted title."""
    chunks: tuple[RedactedChunk, ...] = ()
    """In order."""
    manifest: Manifest | None = None
    """On the last batch."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document.to_avro(),
            "batch": self.batch.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "title": self.title,
            "chunks": [item.to_avro() for item in self.chunks],
            "manifest": None if self.manifest is None else self.manifest.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=DocumentRef.from_avro(datum["document"]),
            batch=Batch.from_avro(datum["batch"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            title=datum["title"],
            chunks=tuple([RedactedChunk.from_avro(item) for item in datum["chunks"]]),
            manifest=None if datum["manifest"] is None else Manifest.from_avro(datum["manifest"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage(Record):
    """A chunk in a result."""

    SCHEMA: ClassVar[str] = "Passage"

    chunk: str
    """Chunk id."""
    document: str
    """Document id."""
    version: int
    """Version of the document."""
    number: int
    """Position in the document."""
    title: str
    """Redacted title."""
    uri: str
    """Where the document comes from."""
    text: str
    """Redacted text."""
    tokens: int
    """Length in the embedder's tokens."""
    score: float = 0.0
    """Score of the last ranking stage; compares within one result only."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind the placeholders of the text."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "chunk": self.chunk,
            "document": self.document,
            "version": self.version,
            "number": self.number,
            "title": self.title,
            "uri": self.uri,
            "text": self.text,
            "tokens": self.tokens,
            "score": self.score,
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            chunk=datum["chunk"],
            document=datum["document"],
            version=datum["version"],
            number=datum["number"],
            title=datum["title"],
            uri=datum["uri"],
            text=datum["text"],
            tokens=datum["tokens"],
            score=datum["score"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunksRetrieved(Event):
    """The passages that may answer a query were found."""

    SCHEMA: ClassVar[str] = "ChunksRetrieved"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    outcome: str
    """retrieved, empty (nothing relevant) or refused."""
    reason: str = ""
    """Why it was refused."""
    subject: str
    """Keyed digest of the user."""
    question: str
    """The redacted question as asked."""
    query: str
    """The stand-alone query."""
    passages: tuple[Passage, ...] = ()
    """Best first."""
    relevance: float = 0.0
    """Late-interaction relevance of the best passage, 0 to 1; decides abstention."""
    index: str = ""
    """Index name and version searched."""
    position: int = 0
    """Index position that the result reflects."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind the placeholders of question and query."""
    ask: Ask
    """What is wanted."""
    degraded: tuple[str, ...] = ()
    """What was left out to keep the deadline."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "subject": self.subject,
            "question": self.question,
            "query": self.query,
            "passages": [item.to_avro() for item in self.passages],
            "relevance": self.relevance,
            "index": self.index,
            "position": self.position,
            "entries": [item.to_avro() for item in self.entries],
            "ask": self.ask.to_avro(),
            "degraded": list(self.degraded),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            subject=datum["subject"],
            question=datum["question"],
            query=datum["query"],
            passages=tuple([Passage.from_avro(item) for item in datum["passages"]]),
            relevance=datum["relevance"],
            index=datum["index"],
            position=datum["position"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            ask=Ask.from_avro(datum["ask"]),
            degraded=tuple(datum["degraded"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationSet(Event):
    """A configuration came into force; kept by digest for every later replay."""

    SCHEMA: ClassVar[str] = "ConfigurationSet"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    step: str
    """Step that it configures."""
    digest: str
    """Hex SHA-256 of the content; also the Kafka key."""
    content: str
    """Canonical JSON."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "step": self.step,
            "digest": self.digest,
            "content": self.content,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            step=datum["step"],
            digest=datum["digest"],
            content=datum["content"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts(Record):
    """Lengths, in the order asked."""

    SCHEMA: ClassVar[str] = "TokenCounts"

    counts: tuple[int, ...]
    """Tokens of each text, without the model's own marks."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "counts": list(self.counts),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            counts=tuple(datum["counts"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTokens(Request[TokenCounts]):
    """Measure texts in the embedder's tokens."""

    SCHEMA: ClassVar[str] = "CountTokens"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "local"
    PERSONAL: ClassVar[bool] = True
    RESPONSE: ClassVar[type[Record]] = TokenCounts

    texts: tuple[str, ...]
    """Texts to measure."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "texts": list(self.texts),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            texts=tuple(datum["texts"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Record):
    """A stretch of a text."""

    SCHEMA: ClassVar[str] = "Span"

    start: int
    """First character."""
    end: int
    """Character after the last."""
    kind: str
    """Type of the value."""
    score: float
    """Confidence, 0 to 1."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "score": self.score,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            start=datum["start"],
            end=datum["end"],
            kind=datum["kind"],
            score=datum["score"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans(Record):
    """Personal data found in one text."""

    SCHEMA: ClassVar[str] = "Spans"

    spans: tuple[Span, ...]
    """By start; spans may overlap."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "spans": [item.to_avro() for item in self.spans],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            spans=tuple([Span.from_avro(item) for item in datum["spans"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected(Record):
    """Where personal data stands; the texts themselves are not in it."""

    SCHEMA: ClassVar[str] = "Detected"

    texts: tuple[Spans, ...]
    """One entry for each text asked, in order."""
    model: str
    """Detector and versions."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "texts": [item.to_avro() for item in self.texts],
            "model": self.model,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            texts=tuple([Spans.from_avro(item) for item in datum["texts"]]),
            model=datum["model"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect(Request[Detected]):
    """Find personal data in texts."""

    SCHEMA: ClassVar[str] = "Detect"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = True
    RESPONSE: ClassVar[type[Record]] = Detected

    texts: tuple[str, ...]
    """Plain texts."""
    language: str = "en"
    """ISO 639-1 code of their language."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "texts": list(self.texts),
            "language": self.language,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            texts=tuple(datum["texts"]),
            language=datum["language"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested(Record):
    """Keyed digests, in the order asked."""

    SCHEMA: ClassVar[str] = "Digested"

    digests: tuple[str, ...]
    """Hex HMAC-SHA-256, as many as were asked."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "digests": list(self.digests),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            digests=tuple(datum["digests"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Request[Digested]):
    """Compute keyed digests of values under the tenant's digest key."""

    SCHEMA: ClassVar[str] = "Digest"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "local"
    PERSONAL: ClassVar[bool] = True
    RESPONSE: ClassVar[type[Record]] = Digested

    values: tuple[bytes, ...]
    """What to digest."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "values": list(self.values),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            values=tuple(datum["values"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentState(Record):
    """The newest version of a document."""

    SCHEMA: ClassVar[str] = "DocumentState"

    version: int = 0
    """0 where there is none."""
    checksum: str = ""
    """Keyed checksum of its bytes."""
    title_digest: str = ""
    """Keyed digest of its title, metadata and groups."""
    policy: str = ""
    """Chunk policy."""
    chunks: tuple[str, ...] = ()
    """Chunk ids in reading order."""
    withdrawn: bool = False
    """Whether it was withdrawn since."""
    ref: DocumentRef | None = None
    """What it was submitted as."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "checksum": self.checksum,
            "title_digest": self.title_digest,
            "policy": self.policy,
            "chunks": list(self.chunks),
            "withdrawn": self.withdrawn,
            "ref": None if self.ref is None else self.ref.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            version=datum["version"],
            checksum=datum["checksum"],
            title_digest=datum["title_digest"],
            policy=datum["policy"],
            chunks=tuple(datum["chunks"]),
            withdrawn=datum["withdrawn"],
            ref=None if datum["ref"] is None else DocumentRef.from_avro(datum["ref"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSubmitted(Event):
    """A document was handed in, for the first time or in a new version."""

    SCHEMA: ClassVar[str] = "DocumentSubmitted"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: str
    """Document id: UUIDv5 of (tenant, uri)."""
    uri: str
    """Where the document comes from; an identifier that must not hold personal data."""
    media_type: str
    """text/plain, text/markdown or text/html."""
    title: Sealed | None = None
    """Title as given, under the document's key."""
    content: Sealed
    """The bytes, under the document's key."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Properties to filter by; must not hold personal data."""
    groups: tuple[str, ...] = ()
    """Groups that may read it; empty for everyone in the tenant."""
    chunk_policy: str = "procedural"
    """procedural or faq."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document,
            "uri": self.uri,
            "media_type": self.media_type,
            "title": None if self.title is None else self.title.to_avro(),
            "content": self.content.to_avro(),
            "metadata": dict(self.metadata),
            "groups": list(self.groups),
            "chunk_policy": self.chunk_policy,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=datum["document"],
            uri=datum["uri"],
            media_type=datum["media_type"],
            title=None if datum["title"] is None else Sealed.from_avro(datum["title"]),
            content=Sealed.from_avro(datum["content"]),
            metadata=datum["metadata"],
            groups=tuple(datum["groups"]),
            chunk_policy=datum["chunk_policy"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWithdrawn(Event):
    """A document is to be found no longer."""

    SCHEMA: ClassVar[str] = "DocumentWithdrawn"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    document: str
    """Document id."""
    reason: str = ""
    """Why, for the auditor."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "document": self.document,
            "reason": self.reason,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            document=datum["document"],
            reason=datum["reason"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded(Record):
    """Vectors, in the order asked."""

    SCHEMA: ClassVar[str] = "Embedded"

    vectors: tuple[bytes, ...]
    """Little-endian float32, unit length."""
    token_vectors: tuple[bytes, ...] = ()
    """Compact token vectors, where asked for."""
    counts: tuple[int, ...] = ()
    """Tokens of each text as the model saw it."""
    model: str
    """Model and version."""
    dimensions: int
    """Length of each vector."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "vectors": list(self.vectors),
            "token_vectors": list(self.token_vectors),
            "counts": list(self.counts),
            "model": self.model,
            "dimensions": self.dimensions,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            vectors=tuple(datum["vectors"]),
            token_vectors=tuple(datum["token_vectors"]),
            counts=tuple(datum["counts"]),
            model=datum["model"],
            dimensions=datum["dimensions"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed(Request[Embedded]):
    """Turn texts into vectors."""

    SCHEMA: ClassVar[str] = "Embed"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Embedded

    texts: tuple[str, ...]
    """Redacted texts."""
    kind: str
    """query or passage."""
    token_vectors: bool = False
    """Whether token vectors are wanted too."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "texts": list(self.texts),
            "kind": self.kind,
            "token_vectors": self.token_vectors,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            texts=tuple(datum["texts"]),
            kind=datum["kind"],
            token_vectors=datum["token_vectors"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested(Event):
    """A person asked to be forgotten."""

    SCHEMA: ClassVar[str] = "ErasureRequested"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    subject: str
    """Keyed digest of the person."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "subject": self.subject,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            subject=datum["subject"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRejected(Event):
    """An event could not be processed: a dead letter."""

    SCHEMA: ClassVar[str] = "EventRejected"

    meta: Meta = UNSTAMPED
    """Identity and lineage; tenant and request are empty where the bytes could not be read."""
    topic: str
    """Topic of the rejected event."""
    partition: int
    """Its partition."""
    offset: int
    """Its offset."""
    step: str
    """Step that gave up."""
    error: str
    """Class of the error."""
    message: str
    """What is wrong and what to do."""
    traceback: str = ""
    """Stack of the error without values."""
    attempts: int
    """How often it was tried."""
    key: bytes | None = None
    """Kafka key of the rejected event."""
    value: bytes | None = None
    """Its bytes; null where it came from an inbox and may hold plain text."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "step": self.step,
            "error": self.error,
            "message": self.message,
            "traceback": self.traceback,
            "attempts": self.attempts,
            "key": self.key,
            "value": self.value,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            topic=datum["topic"],
            partition=datum["partition"],
            offset=datum["offset"],
            step=datum["step"],
            error=datum["error"],
            message=datum["message"],
            traceback=datum["traceback"],
            attempts=datum["attempts"],
            key=datum["key"],
            value=datum["value"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Record):
    """Why a step gave up."""

    SCHEMA: ClassVar[str] = "Failed"

    error: str
    """Class of the error."""
    message: str
    """What is wrong and what to do; holds no text of a person."""
    traceback: str
    """Stack of the error without values."""
    attempts: int
    """How often the step was tried."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "error": self.error,
            "message": self.message,
            "traceback": self.traceback,
            "attempts": self.attempts,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            error=datum["error"],
            message=datum["message"],
            traceback=datum["traceback"],
            attempts=datum["attempts"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Request[Failed]):
    """Record that a step gave up; the runner issues it as the last effect of a rejected input."""

    SCHEMA: ClassVar[str] = "Fail"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Failed

    step: str
    """Name of the step."""
    cause: str
    """meta.id of the input, or its position where it could not be decoded."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "cause": self.cause,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            step=datum["step"],
            cause=datum["cause"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackGiven(Event):
    """A reader judged an answer."""

    SCHEMA: ClassVar[str] = "FeedbackGiven"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    about: str
    """Request id of the judged answer."""
    rating: int
    """-1 bad, 0 neutral, 1 good."""
    comment: Sealed | None = None
    """The reader's words, under the key of (tenant, user)."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "about": self.about,
            "rating": self.rating,
            "comment": None if self.comment is None else self.comment.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            about=datum["about"],
            rating=datum["rating"],
            comment=None if datum["comment"] is None else Sealed.from_avro(datum["comment"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched(Record):
    """Chunks, in the order asked; one that is gone is left out."""

    SCHEMA: ClassVar[str] = "Fetched"

    passages: tuple[Passage, ...]
    """With score 0."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "passages": [item.to_avro() for item in self.passages],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            passages=tuple([Passage.from_avro(item) for item in datum["passages"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Request[Fetched]):
    """Read chunks."""

    SCHEMA: ClassVar[str] = "Fetch"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Fetched

    chunks: tuple[str, ...]
    """Chunk ids."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "chunks": list(self.chunks),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            chunks=tuple(datum["chunks"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Record):
    """Candidates."""

    SCHEMA: ClassVar[str] = "Found"

    candidates: tuple[Candidate, ...]
    """Best first, ties by chunk id."""
    index: str
    """Index name and version searched."""
    position: int = 0
    """Index position that the result reflects."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "candidates": [item.to_avro() for item in self.candidates],
            "index": self.index,
            "position": self.position,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            candidates=tuple([Candidate.from_avro(item) for item in datum["candidates"]]),
            index=datum["index"],
            position=datum["position"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedToken(Record):
    """One token."""

    SCHEMA: ClassVar[str] = "GeneratedToken"

    text: str
    """Its text; may be empty where a character spans tokens."""
    at_us: int
    """When it arrived, in microseconds since the request."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "at_us": self.at_us,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            text=datum["text"],
            at_us=datum["at_us"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated(Record):
    """The tokens that arrived since the last part of the stream."""

    SCHEMA: ClassVar[str] = "Generated"

    tokens: tuple[GeneratedToken, ...]
    """In order."""
    last: bool = False
    """Whether the generation is over."""
    finish_reason: str = ""
    """stop or length, on the last part."""
    usage: Usage | None = None
    """On the last part."""
    model: str = ""
    """Model and version."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "tokens": [item.to_avro() for item in self.tokens],
            "last": self.last,
            "finish_reason": self.finish_reason,
            "usage": None if self.usage is None else self.usage.to_avro(),
            "model": self.model,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            tokens=tuple([GeneratedToken.from_avro(item) for item in datum["tokens"]]),
            last=datum["last"],
            finish_reason=datum["finish_reason"],
            usage=None if datum["usage"] is None else Usage.from_avro(datum["usage"]),
            model=datum["model"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate(StreamRequest[Generated]):
    """Continue a prompt."""

    SCHEMA: ClassVar[str] = "Generate"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "stream"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Generated

    prompt: str
    """The whole prompt, redacted."""
    max_tokens: int
    """Bound on new tokens."""
    temperature: float = 0.0
    """0 for the most likely token always."""
    seed: int = 0
    """For temperatures above 0."""
    stop: tuple[str, ...] = ()
    """Strings that end the answer; they are not part of it."""
    json_schema: str = ""
    """JSON schema that the text must follow; empty for none."""
    model: str = "chat"
    """Name of the model."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "stop": list(self.stop),
            "json_schema": self.json_schema,
            "model": self.model,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            prompt=datum["prompt"],
            max_tokens=datum["max_tokens"],
            temperature=datum["temperature"],
            seed=datum["seed"],
            stop=tuple(datum["stop"]),
            json_schema=datum["json_schema"],
            model=datum["model"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxDocument(Record):
    """A plain document from a producer that can't seal; kept for hours only."""

    SCHEMA: ClassVar[str] = "InboxDocument"

    tenant: str
    """Owner."""
    uri: str
    """Where the document comes from."""
    media_type: str
    """text/plain, text/markdown or text/html."""
    content: bytes
    """The document's bytes."""
    title: str = ""
    """Title; empty to take the document's own."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Properties to filter by."""
    groups: tuple[str, ...] = ()
    """Groups that may read it; empty for everyone in the tenant."""
    chunk_policy: str = "procedural"
    """procedural or faq."""
    idempotency_key: str = ""
    """Repeats with the same key are one request; empty to use the record's position."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "uri": self.uri,
            "media_type": self.media_type,
            "content": self.content,
            "title": self.title,
            "metadata": dict(self.metadata),
            "groups": list(self.groups),
            "chunk_policy": self.chunk_policy,
            "idempotency_key": self.idempotency_key,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            tenant=datum["tenant"],
            uri=datum["uri"],
            media_type=datum["media_type"],
            content=datum["content"],
            title=datum["title"],
            metadata=datum["metadata"],
            groups=tuple(datum["groups"]),
            chunk_policy=datum["chunk_policy"],
            idempotency_key=datum["idempotency_key"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxQuestion(Record):
    """A plain question from a producer that can't seal; kept for hours only."""

    SCHEMA: ClassVar[str] = "InboxQuestion"

    tenant: str
    """Owner."""
    user: str
    """Who asks: the data subject."""
    session: str
    """Conversation."""
    text: str
    """The words."""
    max_tokens: int = 160
    """Bound on generated tokens."""
    groups: tuple[str, ...] = ()
    """Groups of the reader."""
    idempotency_key: str = ""
    """Repeats with the same key are one request; empty to use the record's position."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "user": self.user,
            "session": self.session,
            "text": self.text,
            "max_tokens": self.max_tokens,
            "groups": list(self.groups),
            "idempotency_key": self.idempotency_key,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            tenant=datum["tenant"],
            user=datum["user"],
            session=datum["session"],
            text=datum["text"],
            max_tokens=datum["max_tokens"],
            groups=tuple(datum["groups"]),
            idempotency_key=datum["idempotency_key"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexWritten(Record):
    """What an index write did."""

    SCHEMA: ClassVar[str] = "IndexWritten"

    count: int
    """Chunks written or retired."""
    position: int = 0
    """Index position from which it holds."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "position": self.position,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            count=datum["count"],
            position=datum["position"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChunks(Request[IndexWritten]):
    """Write chunks of a version that is not visible yet."""

    SCHEMA: ClassVar[str] = "IndexChunks"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = IndexWritten

    document: DocumentRef
    """Which version of which document."""
    title: str
    """Redacted title."""
    model: str
    """Embedder and version."""
    chunks: tuple[EmbeddedChunk, ...]
    """What to write."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document.to_avro(),
            "title": self.title,
            "model": self.model,
            "chunks": [item.to_avro() for item in self.chunks],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=DocumentRef.from_avro(datum["document"]),
            title=datum["title"],
            model=datum["model"],
            chunks=tuple([EmbeddedChunk.from_avro(item) for item in datum["chunks"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant(Record):
    """A point in time."""

    SCHEMA: ClassVar[str] = "Instant"

    at: int
    """Wall clock of the worker, UTC."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "at": self.at,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            at=datum["at"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Now(Request[Instant]):
    """Ask for the time."""

    SCHEMA: ClassVar[str] = "Now"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Instant

    def to_avro(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered(Record):
    """A placeholder in use."""

    SCHEMA: ClassVar[str] = "Numbered"

    placeholder: str
    """Such as <PERSON_1>."""
    kind: str
    """Type of the value."""
    digest: str
    """Keyed digest of the value."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "placeholder": self.placeholder,
            "kind": self.kind,
            "digest": self.digest,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            placeholder=datum["placeholder"],
            kind=datum["kind"],
            digest=datum["digest"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed(Record):
    """A parsed document."""

    SCHEMA: ClassVar[str] = "Parsed"

    title: str = ""
    """Title found in it."""
    blocks: tuple[Block, ...]
    """In reading order."""
    parser: str
    """Parser that read it."""
    parser_version: str
    """Its version."""
    error: str = ""
    """What is wrong with it and what to do; empty if it could be read."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "blocks": [item.to_avro() for item in self.blocks],
            "parser": self.parser,
            "parser_version": self.parser_version,
            "error": self.error,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            title=datum["title"],
            blocks=tuple([Block.from_avro(item) for item in datum["blocks"]]),
            parser=datum["parser"],
            parser_version=datum["parser_version"],
            error=datum["error"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse(Request[Parsed]):
    """Read a document into blocks of text."""

    SCHEMA: ClassVar[str] = "Parse"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "local"
    PERSONAL: ClassVar[bool] = True
    RESPONSE: ClassVar[type[Record]] = Parsed

    media_type: str
    """Media type as submitted."""
    content: bytes
    """The document's bytes."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "media_type": self.media_type,
            "content": self.content,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            media_type=datum["media_type"],
            content=datum["content"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(Event):
    """A person's keys were destroyed."""

    SCHEMA: ClassVar[str] = "PersonErased"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    subject: str
    """Keyed digest of the person."""
    keys: tuple[str, ...]
    """Names of the destroyed keys."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "subject": self.subject,
            "keys": list(self.keys),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            subject=datum["subject"],
            keys=tuple(datum["keys"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders(Record):
    """The placeholders in use."""

    SCHEMA: ClassVar[str] = "Placeholders"

    entries: tuple[Numbered, ...] = ()
    """In the order of their first use."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            entries=tuple([Numbered.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishVersion(Request[IndexWritten]):
    """Make a version of a document visible and retire the old one, at once."""

    SCHEMA: ClassVar[str] = "PublishVersion"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = IndexWritten

    document: DocumentRef
    """Which version of which document."""
    retired: tuple[str, ...] = ()
    """Chunk ids that the version no longer has."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document.to_avro(),
            "retired": list(self.retired),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=DocumentRef.from_avro(datum["document"]),
            retired=tuple(datum["retired"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRewritten(Event):
    """A question was made to stand alone."""

    SCHEMA: ClassVar[str] = "QueryRewritten"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    outcome: str
    """rewritten, unchanged or refused."""
    reason: str = ""
    """Why it was refused, or why it was left unchanged."""
    subject: str
    """Keyed digest of the user."""
    question: str
    """The redacted question as asked."""
    query: str
    """The stand-alone query."""
    wordings: tuple[str, ...] = ()
    """All wordings to search for, the query first."""
    turns: int = 0
    """Turns of the session that were read."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind the placeholders of question and query."""
    ask: Ask
    """What is wanted."""
    degraded: tuple[str, ...] = ()
    """What was left out to keep the deadline."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "subject": self.subject,
            "question": self.question,
            "query": self.query,
            "wordings": list(self.wordings),
            "turns": self.turns,
            "entries": [item.to_avro() for item in self.entries],
            "ask": self.ask.to_avro(),
            "degraded": list(self.degraded),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            subject=datum["subject"],
            question=datum["question"],
            query=datum["query"],
            wordings=tuple(datum["wordings"]),
            turns=datum["turns"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            ask=Ask.from_avro(datum["ask"]),
            degraded=tuple(datum["degraded"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Event):
    """A person asked something in a conversation."""

    SCHEMA: ClassVar[str] = "QuestionAsked"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    subject: str
    """Keyed digest of the user whose words these are."""
    text: Sealed
    """The words, under the key of (tenant, user)."""
    ask: Ask
    """What is wanted."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "subject": self.subject,
            "text": self.text.to_avro(),
            "ask": self.ask.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            subject=datum["subject"],
            text=Sealed.from_avro(datum["text"]),
            ask=Ask.from_avro(datum["ask"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRedacted(Event):
    """Personal data in a question was replaced; or the question was refused."""

    SCHEMA: ClassVar[str] = "QuestionRedacted"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    outcome: str
    """redacted or refused."""
    reason: str = ""
    """Why it was refused, as the asker may read it."""
    subject: str
    """Keyed digest of the user."""
    text: str
    """The redacted question; empty if refused."""
    entries: tuple[MapEntry, ...] = ()
    """All values of the session so far that the question mentions."""
    ask: Ask
    """What is wanted."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "outcome": self.outcome,
            "reason": self.reason,
            "subject": self.subject,
            "text": self.text,
            "entries": [item.to_avro() for item in self.entries],
            "ask": self.ask.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            outcome=datum["outcome"],
            reason=datum["reason"],
            subject=datum["subject"],
            text=datum["text"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            ask=Ask.from_avro(datum["ask"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument(Request[DocumentState]):
    """Look up the newest version of a document before this event."""

    SCHEMA: ClassVar[str] = "ReadDocument"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = DocumentState

    document: str
    """Document id."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=datum["document"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlaceholders(Request[Placeholders]):
    """Look up the placeholders in use in a session or document before this event."""

    SCHEMA: ClassVar[str] = "ReadPlaceholders"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Placeholders

    scope: str
    """Session id or document id."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            scope=datum["scope"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState(Record):
    """How far moderation of an answer has come."""

    SCHEMA: ClassVar[str] = "ReleaseState"

    batch: int = -1
    """Last batch checked; -1 before the first."""
    released: str = ""
    """All text released so far."""
    held: str = ""
    """Text that was checked but held back."""
    batches: int = 0
    """Released batches so far."""
    blocked: bool = False
    """Whether the rest is not to be released."""
    categories: tuple[str, ...] = ()
    """Policies that blocked it."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind all placeholders that the answer may use."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "batch": self.batch,
            "released": self.released,
            "held": self.held,
            "batches": self.batches,
            "blocked": self.blocked,
            "categories": list(self.categories),
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            batch=datum["batch"],
            released=datum["released"],
            held=datum["held"],
            batches=datum["batches"],
            blocked=datum["blocked"],
            categories=tuple(datum["categories"]),
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRelease(Request[ReleaseState]):
    """Look up how far moderation of this answer had come before a batch."""

    SCHEMA: ClassVar[str] = "ReadRelease"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = ReleaseState

    batch: int
    """Batch that is about to be checked."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "batch": self.batch,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            batch=datum["batch"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Record):
    """One question and its answer, redacted."""

    SCHEMA: ClassVar[str] = "Turn"

    request: str
    """Request id."""
    question: str
    """The stand-alone query, redacted."""
    answer: str
    """The released answer, redacted."""
    entries: tuple[MapEntry, ...] = ()
    """Values behind the placeholders of both."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "request": self.request,
            "question": self.question,
            "answer": self.answer,
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            request=datum["request"],
            question=datum["question"],
            answer=datum["answer"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns(Record):
    """Turns of a session."""

    SCHEMA: ClassVar[str] = "Turns"

    turns: tuple[Turn, ...] = ()
    """Oldest first."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "turns": [item.to_avro() for item in self.turns],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            turns=tuple([Turn.from_avro(item) for item in datum["turns"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTurns(Request[Turns]):
    """Look up the recent turns of the session before this request."""

    SCHEMA: ClassVar[str] = "ReadTurns"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Turns

    limit: int
    """Most turns wanted."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "limit": self.limit,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            limit=datum["limit"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked(Record):
    """Late-interaction scores, in the order asked."""

    SCHEMA: ClassVar[str] = "Reranked"

    scores: tuple[float, ...]
    """Mean over query tokens of the best match, -1 to 1; -1 for a chunk without token vectors."""
    similarities: bytes = b""
    """Cosine similarities of the chunks' vectors, n x n little-endian float32, row by row."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "scores": list(self.scores),
            "similarities": self.similarities,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            scores=tuple(datum["scores"]),
            similarities=datum["similarities"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerank(Request[Reranked]):
    """Score candidates by late interaction with the query's token vectors."""

    SCHEMA: ClassVar[str] = "Rerank"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Reranked

    query: bytes
    """The query's token vectors, in the model's format."""
    model: str
    """Model that made them: scores only compare with chunks of the same model."""
    chunks: tuple[str, ...]
    """Chunk ids."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "query": self.query,
            "model": self.model,
            "chunks": list(self.chunks),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            query=datum["query"],
            model=datum["model"],
            chunks=tuple(datum["chunks"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealItem(Record):
    """A value to seal."""

    SCHEMA: ClassVar[str] = "SealItem"

    key: str
    """Name of the key within the tenant."""
    event: str
    """Id of the event to bind to."""
    field: str
    """Field to bind to."""
    value: bytes
    """The plain value."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "event": self.event,
            "field": self.field,
            "value": self.value,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            key=datum["key"],
            event=datum["event"],
            field=datum["field"],
            value=datum["value"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedValues(Record):
    """Sealed values, in the order asked."""

    SCHEMA: ClassVar[str] = "SealedValues"

    values: tuple[Sealed, ...]
    """As many as were asked."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "values": [item.to_avro() for item in self.values],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            values=tuple([Sealed.from_avro(item) for item in datum["values"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(Request[SealedValues]):
    """Encrypt values, creating their keys where needed."""

    SCHEMA: ClassVar[str] = "Seal"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "local"
    PERSONAL: ClassVar[bool] = True
    RESPONSE: ClassVar[type[Record]] = SealedValues

    values: tuple[SealItem, ...]
    """What to seal."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "values": [item.to_avro() for item in self.values],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            values=tuple([SealItem.from_avro(item) for item in datum["values"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Request[Found]):
    """Find candidate chunks in the tenant's index by words and by vector."""

    SCHEMA: ClassVar[str] = "Search"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Found

    text: str
    """Query text."""
    vector: bytes
    """Query vector, little-endian float32."""
    entities: tuple[str, ...] = ()
    """Keyed digests of values that the query mentions."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Document metadata that must match."""
    groups: tuple[str, ...] = ()
    """Groups of the reader."""
    limit: int
    """Most candidates wanted."""
    as_of: int = -1
    """Index position; -1 for now."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "vector": self.vector,
            "entities": list(self.entities),
            "filters": dict(self.filters),
            "groups": list(self.groups),
            "limit": self.limit,
            "as_of": self.as_of,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            text=datum["text"],
            vector=datum["vector"],
            entities=tuple(datum["entities"]),
            filters=datum["filters"],
            groups=tuple(datum["groups"]),
            limit=datum["limit"],
            as_of=datum["as_of"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEntry(Record):
    """A value of a table with the event that set it."""

    SCHEMA: ClassVar[str] = "TableEntry"

    event: str
    """meta.id of the event: run again, it sees the entry before its own."""
    value: bytes
    """The value in the Confluent wire format."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "value": self.value,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            event=datum["event"],
            value=datum["value"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow(Record):
    """The newest values under one key of a table."""

    SCHEMA: ClassVar[str] = "TableRow"

    entries: tuple[TableEntry, ...]
    """Oldest first, a bounded number."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "entries": [item.to_avro() for item in self.entries],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            entries=tuple([TableEntry.from_avro(item) for item in datum["entries"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensGenerated(Event):
    """A stretch of an answer was generated."""

    SCHEMA: ClassVar[str] = "TokensGenerated"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    batch: Batch
    """Position among the answer's batches."""
    restart: bool = False
    """Whether all earlier text of the answer is void and this one begins it anew."""
    text: str
    """The new text, redacted."""
    times: tuple[int, ...] = ()
    """When each token of the text arrived."""
    entries: tuple[MapEntry, ...] = ()
    """On the first batch: values behind all placeholders that the answer may use."""
    answer: Answer | None = None
    """On the last batch."""
    ask: Ask
    """What is wanted."""
    subject: str
    """Keyed digest of the user."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "batch": self.batch.to_avro(),
            "restart": self.restart,
            "text": self.text,
            "times": list(self.times),
            "entries": [item.to_avro() for item in self.entries],
            "answer": None if self.answer is None else self.answer.to_avro(),
            "ask": self.ask.to_avro(),
            "subject": self.subject,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            batch=Batch.from_avro(datum["batch"]),
            restart=datum["restart"],
            text=datum["text"],
            times=tuple(datum["times"]),
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            answer=None if datum["answer"] is None else Answer.from_avro(datum["answer"]),
            ask=Ask.from_avro(datum["ask"]),
            subject=datum["subject"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensReleased(Event):
    """A stretch of an answer passed the inline check and may be shown."""

    SCHEMA: ClassVar[str] = "TokensReleased"

    meta: Meta = UNSTAMPED
    """Identity and lineage."""
    batch: Batch
    """Position among the answer's released batches."""
    restart: bool = False
    """Whether all text released earlier is void."""
    text: str
    """Text to append; may be empty."""
    entries: tuple[MapEntry, ...] = ()
    """On the first batch: values behind all placeholders that the answer may use."""
    subject: str
    """Keyed digest of the user."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "meta": self.meta.to_avro(),
            "batch": self.batch.to_avro(),
            "restart": self.restart,
            "text": self.text,
            "entries": [item.to_avro() for item in self.entries],
            "subject": self.subject,
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            meta=Meta.from_avro(datum["meta"]),
            batch=Batch.from_avro(datum["batch"]),
            restart=datum["restart"],
            text=datum["text"],
            entries=tuple([MapEntry.from_avro(item) for item in datum["entries"]]),
            subject=datum["subject"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed(Record):
    """Plain values, in the order asked."""

    SCHEMA: ClassVar[str] = "Unsealed"

    values: tuple[bytes, ...]
    """As many as were asked."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "values": list(self.values),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            values=tuple(datum["values"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseal(Request[Unsealed]):
    """Decrypt sealed values."""

    SCHEMA: ClassVar[str] = "Unseal"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "local"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Unsealed

    values: tuple[Sealed, ...]
    """What to open."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "values": [item.to_avro() for item in self.values],
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            values=tuple([Sealed.from_avro(item) for item in datum["values"]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawVersions(Request[IndexWritten]):
    """Make all versions of a document invisible."""

    SCHEMA: ClassVar[str] = "WithdrawVersions"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = IndexWritten

    document: DocumentRef
    """Which document."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=DocumentRef.from_avro(datum["document"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Record):
    """A state was written."""

    SCHEMA: ClassVar[str] = "Written"

    def to_avro(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteDocument(Request[Written]):
    """Remember the newest version of a document as of this event."""

    SCHEMA: ClassVar[str] = "WriteDocument"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Written

    document: str
    """Document id."""
    state: DocumentState
    """What to remember."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "document": self.document,
            "state": self.state.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            document=datum["document"],
            state=DocumentState.from_avro(datum["state"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlaceholders(Request[Written]):
    """Remember the placeholders in use in a session or document as of this event."""

    SCHEMA: ClassVar[str] = "WritePlaceholders"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Written

    scope: str
    """Session id or document id."""
    state: Placeholders
    """All of them."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "state": self.state.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            scope=datum["scope"],
            state=Placeholders.from_avro(datum["state"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRelease(Request[Written]):
    """Remember how far moderation of this answer has come after a batch."""

    SCHEMA: ClassVar[str] = "WriteRelease"
    EFFECT: ClassVar[Literal["recorded", "local", "stream"]] = "recorded"
    PERSONAL: ClassVar[bool] = False
    RESPONSE: ClassVar[type[Record]] = Written

    state: ReleaseState
    """What to remember."""

    def to_avro(self) -> dict[str, Any]:
        return {
            "state": self.state.to_avro(),
        }

    @classmethod
    def from_avro(cls, datum: dict[str, Any]) -> Self:
        return cls(
            state=ReleaseState.from_avro(datum["state"]),
        )
