"""Requests of the log as runs of two jobs, and the events that these are.

    ingest   a document as it came             -> its passages in the index
    answer   the passages that were found      -> the tenant's answers

A run is folded from the records of one request, whatever order their topics are read in. Its id,
times and datasets follow from them, so whoever tells it again tells the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from replay.lineage import lineage_events as shapes
from replay.lineage.lineage_events import RunState, Shape
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    EventRejected,
    QuestionAsked,
)
from streams.topics import topic_of

LINEAGE_RECORDS: tuple[type[Event], ...] = (
    DocumentSubmitted,
    DocumentWithdrawn,
    QuestionAsked,
    EventRejected,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    AnswerRetracted,
    AnswerReleased,
)
"""What lineage follows from, requests first and ends last: in this order topics are read."""
LINEAGE_TOPICS = tuple(topic_of(record) for record in LINEAGE_RECORDS)
INGEST, ANSWER = "ingest", "answer"
JOBS = {
    INGEST: "Reads a document, cuts it, replaces personal data, writes its passages to the index.",
    ANSWER: "Finds passages for a question, and answers by what they say.",
}
KEPT_MAX = 10_000
"""Runs that are known after their end, and records whose request is not read yet: the ends of all
partitions are not read at one moment, so a pass may see an outcome before what it follows from."""


@dataclass
class LineageRun:
    """What is known of one request."""

    tenant: str
    request: str
    job: str = ""
    """Empty until its beginning is known."""
    began_us: int = 0
    code: str = ""
    ended_us: int | None = None
    state: RunState = "COMPLETE"
    error: str = ""
    documents: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Read or written: version and address by id."""
    metadata: tuple[str, ...] = ()
    """Names of the document's properties."""
    change: str = ""
    """What became of the document in the index: CREATE, OVERWRITE, DROP; empty for nothing."""
    written: dict[int, int] = field(default_factory=dict)
    """Passages written, by batch: one that was done again is the same."""
    told: bool = False
    """Whether its beginning was told."""

    def end(self, at_us: int, state: RunState = "COMPLETE", error: str = "") -> None:
        """Note an end; of several the latest counts, for what failed may have been tried again."""
        before = (-1, False) if self.ended_us is None else (self.ended_us, self.state == "FAIL")
        if (at_us, state == "FAIL") > before:
            self.ended_us, self.state, self.error = at_us, state, error


class LineageFold:
    """Folds records into runs, and yields the events of what is known by then."""

    def __init__(self, log_name: str, since_us: int | None = None) -> None:
        """Tell runs of a log; those that began before `since_us` are left out."""
        self._log_name = log_name
        self._since_us = since_us
        self._runs: dict[tuple[str, str], LineageRun] = {}
        self._ended: OrderedDict[tuple[str, str], LineageRun] = OrderedDict()
        self._early: OrderedDict[tuple[str, str], LineageRun] = OrderedDict()
        """Runs whose beginning is not known: the others of a request that was left out, too."""

    def take(self, event: Event) -> None:
        """Take in a record; of one whose beginning was left out nothing is told."""
        match event:
            case DocumentSubmitted() | DocumentWithdrawn():
                self._begin(INGEST, event)
            case QuestionAsked():
                self._begin(ANSWER, event)
            case _ if self._since_us is None or event.meta.at >= self._since_us:
                _fold(self._run_of(event), event)

    def events(self) -> Iterator[Shape]:
        """Yield what has not been told: beginnings, and the end of each run that has come to it."""
        for key in list(self._runs):
            run = self._runs[key]
            if not run.told:
                run.told = True
                yield self._event(run, "START", run.began_us)
            if run.ended_us is not None:
                del self._runs[key]
                self._ended[key] = run
                yield self._event(run, run.state, max(run.began_us, run.ended_us))
        for kept in (self._ended, self._early):
            while len(kept) > KEPT_MAX:
                kept.popitem(last=False)

    def _begin(
        self, job: str, event: DocumentSubmitted | DocumentWithdrawn | QuestionAsked
    ) -> None:
        meta = event.meta
        key = meta.tenant, meta.request
        if key in self._runs or key in self._ended:
            return
        run = self._early.pop(key, None) or LineageRun(*key)
        if self._since_us is not None and meta.at < self._since_us:
            return
        run.job, run.began_us, run.code = job, meta.at, meta.step.code
        if isinstance(event, DocumentSubmitted):
            run.documents.setdefault(event.document, (0, event.uri))
            run.metadata = tuple(event.metadata)
        elif isinstance(event, DocumentWithdrawn):
            run.documents.setdefault(event.document, (0, ""))
            run.change = "DROP"
        self._runs[key] = run

    def _run_of(self, event: Event) -> LineageRun:
        """Return the run of a record; one that has ended is told anew with what comes late."""
        key = event.meta.tenant, event.meta.request
        if key in self._ended:
            self._runs[key] = self._ended.pop(key)
        if key in self._runs:
            return self._runs[key]
        return self._early.setdefault(key, LineageRun(*key))

    def _namespace(self, run: LineageRun) -> str:
        return f"playhead://{self._log_name}/{run.tenant}"

    def _event(self, run: LineageRun, state: RunState, at_us: int) -> Shape:
        namespace = self._namespace(run)
        facets: Shape = {
            "processing_engine": shapes.engine(run.code),
            "tags": shapes.tags({"request": run.request}),
        }
        if state == "FAIL":
            facets["errorMessage"] = shapes.error_message(run.error)
        job: Shape = {
            "namespace": namespace,
            "name": run.job,
            "facets": {
                "documentation": shapes.documentation(JOBS[run.job]),
                "jobType": shapes.job_type(),
            },
        }
        made: Shape = {"runId": shapes.run_id(namespace, run.request), "facets": facets}
        begun = state == "START"
        datasets = _ingested if run.job == INGEST else _answered
        return shapes.run_event(state, at_us, made, job, datasets(run, namespace, begun=begun))


def _fold(run: LineageRun, event: Event) -> None:
    at_us = event.meta.at
    match event:
        case ChunksCut(outcome="failed"):
            run.end(at_us, "FAIL", "ingest: the document could not be read")
        case ChunksCut():
            _take_document(run, event)
        case ChunksIndexed():
            _take_document(run, event)
            run.written[event.batch.number] = event.indexed
            if event.outcome == "failed":
                why = run.error or "index: the document could not be written to the index"
                run.end(at_us, "FAIL", why)
            elif event.batch.last:
                run.end(at_us)
        case ChunksRetrieved():
            run.documents = {one.document: (one.version, one.uri) for one in event.passages}
        case AnswerReleased():
            cancelled = event.answer.finish_reason == "cancelled"
            run.end(at_us, "ABORT" if cancelled else "COMPLETE")
        case AnswerRetracted():
            run.end(at_us, "FAIL", "moderate: the answer was retracted")
        case EventRejected():
            run.end(at_us, "FAIL", f"{event.step}: {event.error}")


def _take_document(run: LineageRun, event: ChunksCut | ChunksIndexed) -> None:
    ref = event.document
    run.documents[ref.document] = ref.version, ref.uri
    run.metadata = run.metadata or tuple(ref.metadata)
    if not run.change and event.outcome in {"cut", "indexed"}:
        run.change = "CREATE" if ref.version <= 1 else "OVERWRITE"


Datasets = tuple[list[Shape], list[Shape]]


def _ingested(run: LineageRun, namespace: str, *, begun: bool) -> Datasets:
    """Return the document as it came, and, at the end, what stands of it in the index."""
    inputs, outputs = [], []
    for document, (version, uri) in run.documents.items():
        here = _indexed(namespace, document)
        place = shapes.source_name(uri, (namespace, f"documents/{document}"))
        if run.change != "DROP":
            facets = {
                "dataSource": shapes.data_source(place[0], _uri_of(place[0])),
                "schema": shapes.schema(run.metadata),
            }
            inputs.append(shapes.dataset(place, facets))
        if begun or run.state != "COMPLETE":
            continue
        change = {"lifecycleStateChange": shapes.life_cycle(run.change)} if run.change else {}
        facets = {**_known_version(version), **change, "schema": shapes.schema(run.metadata)}
        written = {"outputStatistics": shapes.rows_written(sum(run.written.values()))}
        outputs.append(shapes.dataset(here, facets, outputFacets=written))
    return inputs, outputs


def _answered(run: LineageRun, namespace: str, *, begun: bool) -> Datasets:
    """Return what was found for a question, and, at the end, the tenant's answers."""
    if begun:
        return [], []
    inputs = [
        shapes.dataset(_indexed(namespace, document), _known_version(version))
        for document, (version, _) in sorted(run.documents.items())
    ]
    if run.state != "COMPLETE":
        return inputs, []
    written = {"outputStatistics": shapes.rows_written(1)}
    return inputs, [shapes.dataset((namespace, "answers"), {}, outputFacets=written)]


def _indexed(namespace: str, document: str) -> tuple[str, str]:
    return namespace, f"index/{document}"


def _known_version(version: int) -> Shape:
    return {"version": shapes.dataset_version(version)} if version else {}


def _uri_of(namespace: str) -> str:
    return namespace if "://" in namespace else f"{namespace}:///"
