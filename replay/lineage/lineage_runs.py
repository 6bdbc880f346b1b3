"""Requests of the log as runs of two jobs, and the events that these are.

    ingest   a document as it came             -> its passages in the index
    answer   the passages that were found      -> the tenant's answers

A run is folded from the records of one request, whatever order their topics are read in. Its id,
times and datasets follow from them, so whoever tells it again tells the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from replay.lineage import lineage_events as shapes
from replay.lineage.lineage_events import RunState, Shape
from replay.lineage.run_shelf import LineageRun, RunKey, RunShelf
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
"""Runs in memory: so many that are waited for, others being on the disk, and so many that ended."""


class LineageFold:
    """Folds records into runs, and yields the events of what is known by then.

    What is waited for is a run that has begun and not ended, or one of which an outcome was read
    before its beginning: the ends of all partitions are not read at one moment.
    """

    def __init__(
        self, log_name: str, since_us: int | None = None, kept_max: int = KEPT_MAX
    ) -> None:
        """Tell runs of a log; those that began before `since_us` are left out."""
        self._log_name = log_name
        self._since_us = since_us
        self._kept_max = kept_max
        self._runs: OrderedDict[RunKey, LineageRun] = OrderedDict()
        """Those that are waited for, the longest untouched first; others are on the shelf."""
        self._shelf = RunShelf()
        self._news: dict[RunKey, None] = {}
        """Those of `_runs` that have begun, and of which something was read since."""
        self._ended: OrderedDict[RunKey, LineageRun] = OrderedDict()

    @property
    def held(self) -> int:
        """How many runs are in memory."""
        return len(self._runs) + len(self._ended)

    @property
    def shelved(self) -> int:
        """How many runs are waited for on the disk."""
        return len(self._shelf)

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
        """Yield what has not been told: beginnings, and the end of each run that has come to it.

        Whoever leaves off gets the rest when he asks again. Then there is room in memory again.
        """
        while self._news:
            key = next(iter(self._news))
            run = self._runs[key]
            if not run.told:
                run.told = True
                yield self._event(run, "START", run.began_us)
                continue
            del self._news[key]
            if run.ended_us is not None:
                self._ended[key] = self._runs.pop(key)
                yield self._event(run, run.state, max(run.began_us, run.ended_us))
        while len(self._runs) > self._kept_max:
            self._shelf.put(self._runs.popitem(last=False)[1])
        while len(self._ended) > self._kept_max:
            self._ended.popitem(last=False)

    def _begin(
        self, job: str, event: DocumentSubmitted | DocumentWithdrawn | QuestionAsked
    ) -> None:
        meta = event.meta
        key = meta.tenant, meta.request
        run = self._waited_for(key)
        if key in self._ended or (run is not None and run.job):
            return
        if self._since_us is not None and meta.at < self._since_us:
            self._runs.pop(key, None)
            return
        run = run or self._runs.setdefault(key, LineageRun(*key))
        run.job, run.began_us, run.code = job, meta.at, meta.step.code
        if isinstance(event, DocumentSubmitted):
            run.documents.setdefault(event.document, (0, event.uri))
            run.metadata = tuple(event.metadata)
        elif isinstance(event, DocumentWithdrawn):
            run.documents.setdefault(event.document, (0, ""))
            run.change = "DROP"
        self._news[key] = None

    def _run_of(self, event: Event) -> LineageRun:
        """Return the run of a record; one that has ended is told anew with what comes late."""
        key = event.meta.tenant, event.meta.request
        if key in self._ended:
            self._runs[key] = self._ended.pop(key)
        run = self._waited_for(key) or self._runs.setdefault(key, LineageRun(*key))
        if run.job:
            self._news[key] = None
        return run

    def _waited_for(self, key: RunKey) -> LineageRun | None:
        """Return a run that is waited for, back in memory; None for one that is not."""
        if key not in self._runs:
            run = self._shelf.take(key)
            if run is None:
                return None
            self._runs[key] = run
        self._runs.move_to_end(key)
        return self._runs[key]

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
