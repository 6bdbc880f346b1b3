import pytest

from infra.kafka import deploy
from streams.log.setup import wanted
from streams.settings import Settings
from streams.topics import INBOX, STEPS, by_name, changelog_of, step, topic


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
