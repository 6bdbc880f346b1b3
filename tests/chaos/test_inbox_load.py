"""What comes through the inbox is known by its key or its place; what is no request has a dead letter."""

import pytest

from schemas import EventRejected, InboxDocument, InboxQuestion
from streams.log.ids import request_id
from streams.topics import topic_of
from tests.chaos.chain_log import answered
from tests.chaos.inbox_load import TENANT, InboxLoad
from tests.chaos.judge import judge
from tests.chaos.judgement import Expected
from tests.chaos.steps import chain
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.memory_producer import MemoryProducer

INBOX = topic_of(InboxQuestion)


@pytest.fixture
def load():
    load = InboxLoad(7, MemoryProducer(a_broker()), a_codec(), 4, Expected())
    for _ in range(20_000):
        load.ask()
    load.producer.settle()
    load.producer.poll(0)
    return load


def test_a_part_of_the_load_comes_through_the_inbox(load):
    assert 400 < len(load.expected.fates) < 900
    assert load.copies > 20
    assert load.failed == []


def test_records_without_a_key_are_known_by_their_places(load):
    places = {request_id(TENANT, f"inbox|{INBOX}|{n}|{o}") for n in range(4) for o in range(600)}
    by_place = places & load.expected.fates.keys()
    assert 50 < len(by_place) < len(load.expected.fates) / 2


def test_records_that_are_no_requests_are_known_by_their_places(load):
    topics = {topic for topic, _, _ in load.expected.unreadable}
    assert topics == {INBOX, topic_of(InboxDocument)}
    assert 20 < len(load.expected.unreadable) < 120


# ---------------------------------------------------------------------- their dead letters


def reject(log, offset=3):
    """Put the dead letter of an inbox's record."""
    given = log.ask("r-x")  # for its meta alone
    letter = EventRejected(
        step="inbox",
        topic=INBOX,
        partition=0,
        offset=offset,
        key=None,
        value=None,
        error="Undecodable",
        message="no",
        traceback="",
        attempts=1,
    )
    log.topics[given[1], 0].pop()
    log.run("inbox", given, letter, cause=None, request="", id="letter")


def expected(*offsets):
    known = answered("r-1", "r-2", "r-d")
    known.unreadable |= {(INBOX, 0, offset) for offset in offsets}
    return known


def test_a_dead_letter_of_the_inbox_is_due_for_what_is_no_request(log):
    reject(log)
    assert judge(log, chain(), expected(3)).failures == []
    assert judge(log, chain(), expected(3)).unreadable == 1


def test_an_inbox_record_that_vanished_is_lost(log):
    reject(log)
    [lost] = judge(log, chain(), expected(3, 4)).lost
    assert lost == f"{INBOX}[0]@4 is no request and has no dead letter of the inbox"


def test_a_request_that_the_inbox_rejected_is_told(log):
    reject(log)
    [invented] = judge(log, chain(), expected()).invented
    assert invented == f"{INBOX}[0]@3 has a dead letter of the inbox and is a request"
