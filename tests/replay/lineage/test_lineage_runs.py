"""Runs of the log: as OpenLineage's own client would tell them, and nobody's words."""

import json
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client import event_v2 as theirs
from openlineage.client import facet_v2 as facets
from openlineage.client.serde import Serde

from replay.archive import ArchiveLog
from replay.lineage.lineage_events import moment_of, source_name
from replay.lineage.lineage_runs import LINEAGE_TOPICS
from replay.lineage.lineage_walk import LineageWalk
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksCut,
    ChunksIndexed,
    ChunksRetrieved,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    Sealed,
)
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.golden.packing import unpacked
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed

GOLDEN = Path(__file__).parents[2] / "golden"
THEIRS = {
    "documentation": facets.documentation_job.DocumentationJobFacet,
    "jobType": facets.job_type_job.JobTypeJobFacet,
    "processing_engine": facets.processing_engine_run.ProcessingEngineRunFacet,
    "tags": facets.tags_run.TagsRunFacet,
    "errorMessage": facets.error_message_run.ErrorMessageRunFacet,
    "version": facets.dataset_version_dataset.DatasetVersionDatasetFacet,
    "schema": facets.schema_dataset.SchemaDatasetFacet,
    "dataSource": facets.datasource_dataset.DatasourceDatasetFacet,
    "lifecycleStateChange": facets.lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet,
    "outputStatistics": facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}
"""Which class of OpenLineage's client has which name; each knows the address of its schema."""
INSIDE = {
    ("tags", "tags"): facets.tags_run.TagsRunFacetFields,
    ("schema", "fields"): facets.schema_dataset.SchemaDatasetFacetFields,
}


@pytest.fixture(scope="module", params=["0.1.0", "present"])
def log(request, tmp_path_factory):
    """The golden logs: as many kinds of outcomes as we know of."""
    place = tmp_path_factory.mktemp("golden") / "log"
    return ArchiveLog(unpacked(GOLDEN / request.param, place) / "log")


@pytest.fixture(scope="module")
def events(log):
    return list(LineageWalk("playhead-golden").events(log))


def their_facets(told):
    made = {}
    for name, facet in told.items():
        fields = {key: value for key, value in facet.items() if not key.startswith("_")}
        for (of, key), kind in INSIDE.items():
            if of == name:
                fields[key] = [kind(**one) for one in fields[key]]
        made[name] = THEIRS[name](producer=facet["_producer"], **fields)
    return made


def their_datasets(told, kind, own):
    return [
        kind(
            namespace=one["namespace"],
            name=one["name"],
            facets=their_facets(one["facets"]),
            **{own: their_facets(one[own])} if own in one else {},
        )
        for one in told
    ]


def as_their_client_tells(event):
    """The same event, made of the classes that OpenLineage generates from its schemas."""
    run, job = event["run"], event["job"]
    made = theirs.RunEvent(
        eventType=theirs.RunState(event["eventType"]),
        eventTime=event["eventTime"],
        run=theirs.Run(runId=run["runId"], facets=their_facets(run["facets"])),
        job=theirs.Job(
            namespace=job["namespace"], name=job["name"], facets=their_facets(job["facets"])
        ),
        inputs=their_datasets(event["inputs"], theirs.InputDataset, "inputFacets"),
        outputs=their_datasets(event["outputs"], theirs.OutputDataset, "outputFacets"),
        producer=event["producer"],
    )
    return json.loads(Serde.to_json(made))


def without_empty(told):
    """Leave out what their client leaves out."""
    if isinstance(told, dict):
        found = {key: without_empty(value) for key, value in told.items()}
        return {key: value for key, value in found.items() if value not in ({}, [], None)}
    return [without_empty(one) for one in told] if isinstance(told, list) else told


def test_every_event_is_what_their_own_client_would_send(events):
    assert len(events) > 150
    for event in events:
        assert without_empty(as_their_client_tells(event)) == without_empty(event)


def test_a_run_begins_once_and_ends_once_and_not_before(events):
    by_run = defaultdict(list)
    for event in events:
        by_run[event["run"]["runId"]].append(event)
    states = Counter(tuple(one["eventType"] for one in run) for run in by_run.values())
    assert set(states) <= {
        ("START",),
        *((("START", end)) for end in ("COMPLETE", "FAIL", "ABORT")),
    }
    assert states["START", "COMPLETE"] > 50
    assert states["START", "FAIL"] > 10
    assert states[("START",)] <= 1
    assert all(run[0]["eventTime"] <= run[-1]["eventTime"] for run in by_run.values())


@cache
def records(log, record):
    """The records of a type that can be read."""
    codec, topic = Codec(log.ids), topic_of(record)
    found = []
    for name, lane in log.extents():
        for stored in log.records(name, lane) if name == topic else ():
            with suppress(Undecodable):
                found.append(codec.decode_any(stored.value))
    return found


@pytest.fixture(scope="module")
def by_request(events):
    """Events by namespace, request, and whether they are a beginning; of each there is one."""
    found = {}
    for event in events:
        [tag] = event["run"]["facets"]["tags"]["tags"]
        key = event["job"]["namespace"], tag["value"], event["eventType"] == "START"
        assert (tag["key"], key in found) == ("request", False)
        found[key] = event
    return found


def of_request(by_request, event, state):
    namespace = f"playhead://playhead-golden/{event.meta.tenant}"
    return by_request.get((namespace, event.meta.request, state == "START"))


def test_an_answer_rests_on_what_was_found_for_it(log, by_request):
    seen = Counter()
    for found in records(log, ChunksRetrieved):
        told = of_request(by_request, found, "end")
        if told is None:
            continue
        names = {f"index/{passage.document}" for passage in found.passages}
        assert {one["name"] for one in told["inputs"]} == names
        versions = {passage.document: str(passage.version) for passage in found.passages}
        for one in told["inputs"]:
            document = one["name"].removeprefix("index/")
            assert one["facets"]["version"]["datasetVersion"] == versions[document]
        seen[told["eventType"], bool(names)] += 1
    assert seen["COMPLETE", True] > 20
    for released in records(log, AnswerReleased):
        told = of_request(by_request, released, "end")
        stands = told["eventType"] == "COMPLETE"
        assert [one["name"] for one in told["outputs"]] == (["answers"] if stands else [])
        cancelled = released.answer.finish_reason == "cancelled"
        assert told["eventType"] == ("ABORT" if cancelled else "COMPLETE")
    for retracted in records(log, AnswerRetracted):
        told = of_request(by_request, retracted, "end")
        assert (told["eventType"], told["outputs"]) == ("FAIL", [])


def test_a_document_leads_to_what_stands_of_it_in_the_index(log, by_request):
    kinds = Counter()
    written = defaultdict(dict)  # by batch: an attempt that was cut off is done again
    for indexed in records(log, ChunksIndexed):
        written[indexed.meta.request][indexed.batch.number] = indexed.indexed
    for indexed in records(log, ChunksIndexed):
        told = of_request(by_request, indexed, "end")
        if told is None or not indexed.batch.last or told["eventType"] != "COMPLETE":
            continue
        [output] = told["outputs"]
        assert output["name"] == f"index/{indexed.document.document}"
        rows = output["outputFacets"]["outputStatistics"]["rowCount"]
        assert rows == sum(written[indexed.meta.request].values())
        change = output["facets"].get("lifecycleStateChange", {}).get("lifecycleStateChange")
        first = indexed.document.version <= 1
        assert (
            change
            == {
                "indexed": "CREATE" if first else "OVERWRITE",
                "withdrawn": "DROP",
                "unchanged": None,
            }[indexed.outcome]
        )
        assert bool(told["inputs"]) == (indexed.outcome != "withdrawn")
        kinds[indexed.outcome] += 1
    assert kinds["indexed"] > 15
    assert kinds["unchanged"]
    for submitted in records(log, DocumentSubmitted):
        [document] = of_request(by_request, submitted, "START")["inputs"]
        names = [field["name"] for field in document["facets"]["schema"]["fields"]]
        assert names == sorted(submitted.metadata)
        assert document["facets"]["dataSource"]["name"] == document["namespace"]
    for withdrawn in records(log, DocumentWithdrawn):
        assert of_request(by_request, withdrawn, "START")["inputs"] == []


def test_what_failed_says_in_which_step_and_how_and_no_more(log, by_request):
    for rejected in records(log, EventRejected):
        told = rejected.meta.request and of_request(by_request, rejected, "end")
        if told and told["eventType"] == "FAIL":
            error = told["run"]["facets"]["errorMessage"]["message"]
            assert error == f"{rejected.step}: {rejected.error}"
            assert told["outputs"] == []
    failed = {one.meta.request for one in records(log, ChunksCut) if one.outcome == "failed"}
    for cut in records(log, ChunksCut):
        if cut.meta.request in failed:
            assert of_request(by_request, cut, "end")["eventType"] == "FAIL"


def words_of(log):
    """What people said and documents hold, as far as the log has it in the open."""
    for released in records(log, AnswerReleased):
        yield from (released.text, released.answer.question, released.answer.query)
        yield released.subject
        yield from (citation.quote for citation in released.answer.citations)
    for found in records(log, ChunksRetrieved):
        yield from (passage.text for passage in found.passages)
        yield from (passage.title for passage in found.passages)
    for submitted in records(log, DocumentSubmitted):
        yield from submitted.metadata.values()
    for cut in records(log, ChunksCut):
        yield cut.reason


def test_no_text_and_nobodys_name_is_told(log, events):
    told = json.dumps(events, ensure_ascii=False)
    words = {word for word in words_of(log) if len(word) > 8}
    assert len(words) > 100
    assert [word for word in words if word in told] == []


def test_told_again_it_is_the_same_whatever_was_told_before(log, events):
    assert list(LineageWalk("playhead-golden").events(log)) == events
    walk = LineageWalk("playhead-golden")
    assert list(walk.events(log)) == events
    assert list(walk.events(log)) == []
    other = {one["run"]["runId"] for one in LineageWalk("playhead-other").events(log)}
    assert not other & {one["run"]["runId"] for one in events}


class Growing:
    """A log of which so much of each partition is there."""

    def __init__(self, log, share):
        self.ids, self._log, self.share = log.ids, log, share

    def extents(self):
        return {
            place: type(one)(*place, one.begin, one.begin + int((one.end - one.begin) * self.share))
            for place, one in self._log.extents().items()
        }

    def records(self, topic, partition):
        end = self.extents()[topic, partition].end
        return (one for one in self._log.records(topic, partition) if one.offset < end)


def test_a_log_that_grows_tells_the_same_bit_by_bit(log, events):
    walk, found = LineageWalk("playhead-golden"), []
    for share in (0, 0.3, 0.31, 0.8, 1):
        found += walk.events(Growing(log, share))
    last = {one["run"]["runId"]: one for one in events}
    assert {one["run"]["runId"]: one for one in found} == last
    starts = [one["run"]["runId"] for one in found if one["eventType"] == "START"]
    assert len(starts) == len(set(starts)) == len(last)


def test_only_what_began_since_is_told(log, events):
    times = sorted(one["eventTime"] for one in events if one["eventType"] == "START")
    middle = times[len(times) // 2]
    since_us = round(datetime.fromisoformat(middle).timestamp() * 1_000_000)
    found = list(LineageWalk("playhead-golden", since_us).events(log))
    assert {one["eventTime"] for one in found if one["eventType"] == "START"} == {
        one for one in times if one >= middle
    }


def test_topics_are_read_from_requests_to_ends():
    assert LINEAGE_TOPICS[:3] == (
        "playhead.document.submitted",
        "playhead.document.withdrawn",
        "playhead.question.asked",
    )


HERE = ("ours", "documents/1")


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("file:///srv/handbook/leave.md", ("file", "/srv/handbook/leave.md")),
        ("s3://bucket/a/b.pdf", ("s3://bucket", "a/b.pdf")),
        ("https://acme.test/docs/x", ("https://acme.test", "/docs/x")),
        ("https://acme.test:8443/x", ("https://acme.test:8443", "/x")),
        ("https://acme.test/x?token=secret", HERE),
        ("https://ann:secret@acme.test/x", HERE),
        ("https://acme.test/", HERE),
        ("https://[x/y", HERE),
        ("https://acme.test:99999/y", HERE),
        ("leave.md", HERE),
        ("mail:7", HERE),
        ("", HERE),
    ],
)
def test_a_document_is_named_where_it_came_from(uri, named):
    assert source_name(uri, HERE) == named


@given(st.text())
def test_any_address_has_a_name_without_what_may_be_secret(uri):
    namespace, name = source_name(uri, HERE)
    assert namespace
    assert name
    assert "@" not in namespace
    assert "?" not in namespace + name


@pytest.mark.parametrize(
    ("at_us", "spelt"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_764_370_649_700_001, "2025-11-28T22:57:29.700001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (2**63 - 1, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_any_time_of_a_record_is_a_time(at_us, spelt):
    assert moment_of(at_us) == spelt


@pytest.mark.parametrize("how", ["unsigned", "another's key", "another lane", "nothing", "bytes"])
def test_what_no_step_would_have_met_is_told_to_nobody(how):
    log, topic = MemoryLog(), topic_of(DocumentSubmitted)
    sealed = Sealed(key="document/d", event="e", field="content", ciphertext=b"c")
    forged = DocumentSubmitted(
        meta=a_meta(request="x"), document="d", uri="https://acme.test/a", media_type="text/plain",
        content=sealed)  # fmt: skip
    value = a_codec().encode(forged)
    match how:
        case "unsigned":
            must_sign(log, ProducerKeys({topic: [0]}))
            put_signed(log, forged)
        case "another's key":
            log.put(topic, value, key=b"globex")
        case "another lane":
            log.put(topic, value, partition=1)
        case "nothing":
            log.put(topic, None)
        case "bytes":
            log.put(topic, b"?")
    assert list(LineageWalk("l").events(log)) == []
    put_signed(other := MemoryLog(), forged)
    assert len(list(LineageWalk("l").events(other))) == 1
