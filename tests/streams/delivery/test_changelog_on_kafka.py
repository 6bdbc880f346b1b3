"""A broker compacts the changelogs that we make, and a takeover reads the same of what it leaves."""

import os
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic

from streams.delivery.changelog import Changelog
from streams.delivery.fences import HEADER, KEY
from streams.log.broker_access import client_settings
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.log.setup import CHANGELOG_SEGMENT_BYTES, changelog_configuration
from streams.topics import changelog_of

pytestmark = [pytest.mark.stack, pytest.mark.slow]  # the broker looks for work every 15 s

TABLE, LANE = "compacted", 1
AHEAD_MS = 4 * 3_600_000
ROW_BYTES = 50_000
KEYS = [f"key {number}".encode() for number in range(8)]
ROUNDS = 4 * CHANGELOG_SEGMENT_BYTES // (ROW_BYTES * len(KEYS))


class RowsAhead:
    """Rows of workers that held a lane one after the other, by a clock that is hours ahead."""

    def __init__(self, settings):
        self._producer = Producer(client_settings(settings))
        self._at_ms = int(time.time() * 1_000) + AHEAD_MS

    def write(self, fence, rows):
        for key, value in rows:
            self._producer.produce(
                changelog_of(TABLE),
                value,
                key,
                LANE,
                timestamp=self._at_ms,
                headers=[(HEADER, fence)],
            )
        assert self._producer.flush(60) == 0


def make_changelog(broker):
    """Make it as set-up does, but for the minutes in which a broker leaves records alone: a second."""
    plain = changelog_configuration(TABLE, 1) | {"min.compaction.lag.ms": "1000"}
    name = changelog_of(TABLE)
    topic = NewTopic(name, num_partitions=LANE + 1, replication_factor=1, config=plain)
    admin = broker.admin()
    admin.create_topics([topic])[name].result(60)


def held(settings):
    """Count the records that the broker has of the lane."""
    with closing(new_consumer(settings, "test")) as consumer:
        extent = extent_of(consumer, changelog_of(TABLE), LANE, 0)
        return sum(1 for _ in records(consumer, [extent]))


def read(settings):
    [change] = Changelog(TABLE, settings, new_consumer).changes(
        {LANE: 0}, lambda _: None, {}, lambda _: ()
    )
    return change


def test_what_is_left_of_a_changelog_says_what_the_whole_one_said(lone_broker):
    make_changelog(lone_broker)
    settings = lone_broker.settings
    ahead = RowsAhead(settings)
    ahead.write(b"first", [(KEY, b"-")])
    for _ in range(ROUNDS):
        ahead.write(b"first", [(key, os.urandom(ROW_BYTES)) for key in KEYS])
    true = {key: os.urandom(ROW_BYTES) for key in KEYS[1:]}
    ahead.write(b"second", [(KEY, b"-"), (KEYS[0], None), *true.items()])
    ahead.write(b"first", [(KEYS[1], b"late")])  # on its way as the lane was lost
    ahead.write(b"second", [(KEYS[1], true[KEYS[1]])])  # whoever holds the lane mends it
    # the broker compacts no segment that it writes to
    filling = os.urandom(CHANGELOG_SEGMENT_BYTES // 4)
    ahead.write(b"second", [(f"filling {at}".encode(), filling) for at in range(5)])
    whole, written = read(settings), held(settings)
    deadline = time.monotonic() + 240
    while (left := held(settings)) > written / 4:
        assert time.monotonic() < deadline, f"of {written} records {left} are left"
        time.sleep(1)
    after = read(settings)
    rows = dict(whole.rows)
    assert {key: rows[key] for key in KEYS[1:]} == true
    assert {key: value for key, value in after.rows if value} == {
        key: value for key, value in rows.items() if value
    }
    assert after.end == whole.end
    assert whole.fences[-1] == after.fences[-1] == b"second"
