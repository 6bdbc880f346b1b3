import pytest

import schemas
from infra.kafka import deploy
from schemas import ChunksRetrieved, Request
from streams.log.setup import wanted
from streams.settings import Settings
from streams.topics import (
    DERIVED,
    FOLDS,
    INBOX,
    REQUESTS,
    STEPS,
    TOPICS,
    by_name,
    changelog_of,
    effect_records,
    group_of,
    step,
    step_reading,
    topic,
    topic_of,
    topics_of,
)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        (topic_of(ChunksRetrieved), "playhead.chunks.retrieved"),
        (changelog_of("sessions"), "playhead.table.sessions"),
        (group_of("embed"), "playhead-embed"),
    ],
)
def test_names_on_the_broker_never_change(spelled, name):
    # another name would begin an empty topic, or a group that reads everything again
    assert spelled == name


def test_topics_are_named_in_the_order_they_are_asked_for():
    first, second = schemas.TokensReleased, schemas.AnswerReleased
    assert topics_of(second, first) == (topic_of(second), topic_of(first))


def test_the_deployed_topics_are_those_of_the_table():
    assert deploy.TARGET.read_text() == deploy.generated(), "run python -m infra.kafka.deploy"


def test_a_topic_that_is_not_in_the_table_is_an_error():
    with pytest.raises(KeyError, match=r"streams/topics\.py"):
        topic("playhead.unknown")


def test_a_step_that_is_not_in_the_table_is_an_error_that_names_the_steps():
    with pytest.raises(KeyError, match="choose from ingest, redact"):
        step("translate")


def test_a_lane_has_one_number_in_every_tenant_topic_and_changelog():
    topics = {t.topic: t for t in wanted(Settings(partitions=8))}
    tenant = [name for name, t in by_name().items() if t.partitioned]
    changelogs = [changelog_of(table) for s in STEPS for table in s.tables]
    assert {topics[name].num_partitions for name in (*tenant, *changelogs)} == {8}


def test_production_waits_for_two_of_three_replicas():
    for t in wanted(deploy.PRODUCTION):
        assert (t.replication_factor, t.config["min.insync.replicas"]) == (3, "2"), t.topic


def test_only_the_inbox_forgets():
    forgetful = {name for name, t in by_name().items() if t.retention_ms >= 0}
    assert forgetful == {t.name for t in INBOX}


def test_no_two_records_share_a_topic():
    assert len({t.name for t in TOPICS}) == len(TOPICS) == len(by_name())
    assert all(topic(t.name) is t for t in TOPICS)


def test_every_record_of_the_flow_is_read_by_one_step_at_most():
    readers = [record for s in STEPS for record in s.reads]
    assert len(readers) == len(set(readers))
    for s in STEPS:
        assert all(step_reading(record) is s for record in s.reads)


def test_every_input_is_a_request_or_written_by_a_step():
    written = {t.record for t in (*REQUESTS, *DERIVED)}
    assert {record for s in STEPS for record in s.reads} <= written
    assert {fold.reads for fold in FOLDS} <= written


def test_an_outcome_of_no_step_is_read_by_nobody():
    assert step_reading(schemas.AnswerReleased) is None
    assert step_reading(schemas.EventRejected) is None


def test_a_step_writes_each_of_its_records_once_in_the_order_of_its_flows():
    assert step("redact").writes == (schemas.ChunksRedacted, schemas.QuestionRedacted)
    assert step("ingest").writes == (schemas.ChunksCut,)


def test_a_fold_keeps_a_table_of_the_step_that_it_stands_beside():
    for fold in FOLDS:
        assert fold.table in step(fold.beside).tables


def test_tables_have_one_owner():
    tables = [table for s in STEPS for table in s.tables]
    assert len(tables) == len(set(tables))


def test_what_a_request_is_answered_with_has_a_schema_of_its_own_once():
    records = effect_records()
    assert [r.SCHEMA for r in records] == sorted({r.SCHEMA for r in records})
    requests = [
        r
        for r in map(vars(schemas).get, schemas.__all__)
        if isinstance(r, type) and issubclass(r, Request) and "RESPONSE" in vars(r)
    ]
    assert {r.RESPONSE for r in requests} == set(records)
