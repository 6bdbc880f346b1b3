"""The topology, once: which step reads and writes what. The first file to read.

One record type a topic, one name in three spellings: record `ChunksRetrieved`, file
`chunks_retrieved.avsc`, topic `playhead.chunks.retrieved`. No other module spells a topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import schemas
from agents.effects import StepFunction
from agents.embed import embed
from agents.generate import generate
from agents.index import index
from agents.ingest import ingest
from agents.moderate import moderate
from agents.redact import redact
from agents.retrieve import retrieve
from agents.rewrite import rewrite
from schemas import (
    AnswerJudged,
    AnswerReleased,
    AnswerRetracted,
    Calculate,
    CallTool,
    CancellationRequested,
    CheckpointSigned,
    CheckPolicy,
    ChunksCut,
    ChunksEmbedded,
    ChunksIndexed,
    ChunksRedacted,
    ChunksRetrieved,
    Classify,
    ConfigurationActivated,
    ConfigurationSet,
    CountTokens,
    Detect,
    Digest,
    DocumentSeen,
    DocumentSubmitted,
    DocumentWithdrawn,
    Embed,
    ErasureRefused,
    ErasureRequested,
    Event,
    EventRejected,
    FeedbackGiven,
    Fetch,
    FetchAdjacent,
    Generate,
    InboxDocument,
    InboxQuestion,
    IndexChunks,
    LegalHoldSet,
    LogInspected,
    Parse,
    PersonErased,
    PublishVersion,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    RateRoute,
    ReadRoutes,
    RecallValues,
    Record,
    RememberValues,
    Request,
    Rerank,
    Seal,
    Search,
    SessionForked,
    SourceConfigured,
    SourceRan,
    TextRestored,
    TextsEmbedded,
    TokensGenerated,
    TokensReleased,
    Unseal,
    WithdrawVersions,
)
from schemas.definitions import snake_case

PREFIX = "playhead"
HOUR_MS = 3_600_000


def topic_of(record: type[Record] | Record) -> str:
    """Spell a record type as its topic: ChunksRetrieved -> playhead.chunks.retrieved."""
    return f"{PREFIX}.{snake_case(record.SCHEMA).replace('_', '.')}"


def topics_of(*records: type[Record]) -> tuple[str, ...]:
    """Name the topics of several record types, in their order."""
    return tuple([topic_of(record) for record in records])


@dataclass(frozen=True)
class Topic:
    """A topic of the log."""

    record: type[Record]
    retention_ms: int = -1
    """How long records are kept; -1 for ever."""
    compacted: bool = False
    partitioned: bool = True
    """Whether it has the tenants' lanes; otherwise one partition."""
    since: str = "0.1.0"
    """The version of the code that has it first: logs of before do without it."""

    @property
    def name(self) -> str:
        """Name on the broker."""
        return topic_of(self.record)


@dataclass(frozen=True)
class Step:
    """A step: an agent, its inputs and its outputs."""

    name: str
    function: StepFunction
    flows: Mapping[type[Event], tuple[type[Event], ...]] = field(hash=False)
    """What it reads, and what it writes over each."""
    tables: tuple[str, ...] = ()
    """Tables of its own, kept by Faust beside the step; they answer requests of their own."""
    asks: tuple[type[Request[Any]], ...] = ()
    """What it asks connectors for; its worker makes those that answer it, and no others."""
    since: str = "0.1.0"
    """The version of the code that has it first: inputs of before may lie there without outcome."""
    stoppable: bool = False
    """Whether it looks, as it begins, if anybody still wants what it is about to make."""
    by_policy: bool = False
    """Whether it asks the policy in force (`agents.policies`), so that its runs record which."""

    @cached_property
    def reads(self) -> tuple[type[Event], ...]:
        """Types of its inputs."""
        return tuple(self.flows)

    @cached_property
    def writes(self) -> tuple[type[Event], ...]:
        """Types of its outcomes."""
        return tuple(dict.fromkeys(record for flow in self.flows.values() for record in flow))


@dataclass(frozen=True)
class Fold:
    """An agent that keeps a table up to date from a topic; it writes no record."""

    name: str
    beside: str
    """Step whose app hosts it, since tables are read within one app."""
    reads: type[Event]
    table: str


REQUESTS = (
    Topic(QuestionAsked),
    Topic(DocumentSubmitted),
    Topic(DocumentWithdrawn),
    Topic(FeedbackGiven),
    Topic(AnswerJudged, since="0.2.0.dev2"),
    Topic(CancellationRequested, since="0.2.0.dev5"),
    Topic(ErasureRequested),
    Topic(LegalHoldSet, since="0.2.0.dev4"),
    Topic(TextRestored, since="0.2.0.dev3"),
    Topic(LogInspected, since="0.2.0.dev5"),
    Topic(SessionForked, since="0.2.0.dev5"),
    Topic(TextsEmbedded, since="0.2.0.dev5"),
)
"""What the edge writes: inputs of everything else."""

INBOX = (
    Topic(InboxDocument, retention_ms=6 * HOUR_MS),
    Topic(InboxQuestion, retention_ms=6 * HOUR_MS),
)
"""Plain records of foreign producers: outside the durable log."""

STEPS = (
    Step(
        "ingest",
        ingest,
        {DocumentSubmitted: (ChunksCut,), DocumentWithdrawn: (ChunksCut,)},
        ("documents",),
        asks=(Unseal, Digest, Parse, CountTokens, Seal),
    ),
    Step(
        "redact",
        redact,
        {ChunksCut: (ChunksRedacted,), QuestionAsked: (QuestionRedacted,)},
        ("placeholders",),
        asks=(Unseal, Detect, Digest, Seal, Classify, RecallValues, RememberValues),
    ),
    Step("embed", embed, {ChunksRedacted: (ChunksEmbedded,)}, asks=(Embed,)),
    Step(
        "index",
        index,
        {ChunksEmbedded: (ChunksIndexed,)},
        asks=(IndexChunks, PublishVersion, WithdrawVersions),
    ),
    Step("rewrite", rewrite, {QuestionRedacted: (QueryRewritten,)}, ("sessions",)),
    Step(
        "retrieve",
        retrieve,
        {QueryRewritten: (ChunksRetrieved,)},
        asks=(Embed, Search, Rerank, Fetch, FetchAdjacent),
        by_policy=True,
    ),
    Step(
        "generate",
        generate,
        {ChunksRetrieved: (TokensGenerated,)},
        asks=(
            Generate,
            ReadRoutes,
            RateRoute,
            Calculate,
            CallTool,
            CheckPolicy,
            Embed,
            Search,
            Fetch,
        ),
        stoppable=True,
        by_policy=True,
    ),
    Step(
        "moderate",
        moderate,
        {TokensGenerated: (TokensReleased, AnswerReleased, AnswerRetracted)},
        ("releases",),
        asks=(Classify,),
    ),
)

FOLDS = (
    Fold("remember", beside="rewrite", reads=AnswerReleased, table="sessions"),
    # a fork begins with what the other conversation had
    Fold("carry", beside="rewrite", reads=SessionForked, table="sessions"),
    Fold("number", beside="redact", reads=SessionForked, table="placeholders"),
)

CONTROL = (
    Topic(ConfigurationSet, compacted=True, partitioned=False),
    Topic(ConfigurationActivated, partitioned=False, since="0.2.0.dev2"),
    Topic(EventRejected),
    Topic(PersonErased, partitioned=False),
    Topic(ErasureRefused, partitioned=False, since="0.2.0.dev4"),
    Topic(CheckpointSigned, partitioned=False),
    # what sources of documents are, and what was seen of them: in the lanes of their tenants
    Topic(SourceConfigured, compacted=True, since="0.2.0.dev3"),
    Topic(DocumentSeen, compacted=True, since="0.2.0.dev3"),
    Topic(SourceRan, since="0.2.0.dev3"),
)

DERIVED = tuple(Topic(record) for step in STEPS for record in step.writes)

TOPICS = (*REQUESTS, *INBOX, *DERIVED, *CONTROL)


@cache
def by_name() -> dict[str, Topic]:
    """Every topic by its name on the broker."""
    return {topic.name: topic for topic in TOPICS}


def topic(name: str) -> Topic:
    """Look a topic up; raises KeyError that says so for one that is not in the table."""
    try:
        return by_name()[name]
    except KeyError:
        raise KeyError(f"no topic {name}: the topics are in streams/topics.py") from None


def step(name: str) -> Step:
    """Look a step up by name; raises KeyError that lists the steps for another name."""
    for entry in STEPS:
        if entry.name == name:
            return entry
    raise KeyError(f"no step {name}: choose from {', '.join(entry.name for entry in STEPS)}")


def changelog_of(table: str) -> str:
    """Name of the compacted topic that a table is recovered from."""
    return f"{PREFIX}.table.{table}"


def group_of(reader: str) -> str:
    """Name of the consumer group of a step, which is its Faust app's name, or of another reader."""
    return f"{PREFIX}-{reader}"


def step_reading(record: type[Event]) -> Step | None:
    """Return the step that reads a record type; at most one does."""
    return next((entry for entry in STEPS if record in entry.reads), None)


def effect_records() -> tuple[type[Record], ...]:
    """Response types that the log keeps inside `meta.effects`; they have schemas of their own."""
    responses: dict[str, type[Record]] = {}
    for name in schemas.__all__:
        record: Any = getattr(schemas, name)
        if isinstance(record, type) and issubclass(record, Request) and "RESPONSE" in vars(record):
            responses[record.RESPONSE.SCHEMA] = record.RESPONSE
    return tuple(responses[name] for name in sorted(responses))
