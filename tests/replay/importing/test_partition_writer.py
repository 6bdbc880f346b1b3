"""What an import writes where, and what it does about offsets that hold nothing."""

from collections import deque
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from replay.archive import BadArchive
from replay.importing.held_records import FILLER
from replay.importing.partition_writer import OffsetTaken, PartitionWriter
from replay.log import Stored
from streams.log.offsets import Extent
from streams.settings import Settings

PLACE = ("playhead.question.asked", 0)


class Partition:
    """One partition: what its readers see, and where it ends."""

    def __init__(self):
        self.seen, self.end, self.begin = {}, 0, 0
        self.transactions = []
        self.failing = None


class Client:
    """A producer of librdkafka over a partition in memory, plain or transactional."""

    def __init__(self, partition, transactional):
        self.partition, self.transactional = partition, transactional
        self.waiting, self.written, self.open = deque(), [], False

    def init_transactions(self, _):
        assert self.transactional

    def begin_transaction(self):
        assert not self.open
        self.open, self.written = True, []

    def produce(self, topic, value, key, partition, on_delivery, timestamp, headers):
        assert (topic, partition) == PLACE
        assert self.open is self.transactional
        self.waiting.append((key, value, timestamp, tuple(headers), on_delivery))

    def poll(self, _):
        while self.waiting:
            key, value, timestamp, headers, settle = self.waiting.popleft()
            offset = self.partition.end
            self.partition.end += 1
            stored = Stored(*PLACE, offset, timestamp, key, value, headers)
            if self.transactional:
                self.written.append(stored)
            else:
                self.partition.seen[offset] = stored
            settle(self.partition.failing, SimpleNamespace(offset=lambda at=offset: at))

    def flush(self, _):
        self.poll(0)
        return 0

    def commit_transaction(self, _):
        self.partition.seen |= {stored.offset: stored for stored in self.written}
        self._end("commit")

    def abort_transaction(self, _):
        self._end("abort")

    def _end(self, how):
        assert not self.waiting
        self.partition.transactions.append((how, len(self.written)))
        self.partition.end += 1
        self.open = False

    def purge(self):
        self.waiting.clear()


class Writer(PartitionWriter):
    """The writer, with the broker's end and its dropping of records at hand."""

    def __init__(self, partition):
        self.partition = partition
        super().__init__(
            Settings(kafka="127.0.0.1:1"),
            lambda *_, **more: Client(partition, "transactional.id" in more),
        )

    def _await_end(self, topic, partition, end):
        assert (topic, partition) == PLACE
        assert self.partition.end == end

    def _drop_before(self, topic, partition, offset):
        assert (topic, partition) == PLACE
        self.partition.begin = offset
        for gone in [one for one in self.partition.seen if one < offset]:
            del self.partition.seen[gone]


class ShortSteps(Writer):
    aborted_max, told_each = 3, 2


def a_record(offset, **fields):
    told = {"timestamp_ms": 5, "key": b"k", "value": b"v", "headers": (("h", b"1"),), **fields}
    return Stored(*PLACE, offset, **told)


def written(partition, rows, begin, end, make=Writer, **more):
    writer = make(partition)
    held = Extent(*PLACE, partition.begin, partition.end)
    left = (row for row in rows if row.offset >= held.end)
    try:
        extent = Extent(*PLACE, begin, end)
        return list(writer.write(extent, held, left, **{"compacted": False, **more}))
    finally:
        writer.close()


GAPS = st.lists(st.integers(0, 4), min_size=1, max_size=8)


@given(st.integers(0, 5), GAPS, st.integers(0, 4))
def test_every_record_lies_where_it_lay_and_nothing_is_seen_between(begin, gaps, tail):
    offsets = [begin]
    for gap in gaps:
        offsets.append(offsets[-1] + 1 + gap)
    rows, end = [a_record(offset) for offset in offsets], offsets[-1] + 1 + tail
    partition = Partition()
    assert written(partition, rows, begin, end) == rows
    assert [partition.seen[offset] for offset in sorted(partition.seen)] == rows
    assert (partition.begin, partition.end) == (begin, end)


@given(GAPS, st.integers(0, 8))
def test_an_import_goes_on_behind_what_is_held(gaps, held):
    offsets = [0]
    for gap in gaps:
        offsets.append(offsets[-1] + 1 + gap)
    rows = [a_record(offset) for offset in offsets]
    partition = Partition()
    first = rows[: held + 1]
    written(
        partition,
        first,
        0,
        rows[len(first)].offset if len(first) < len(rows) else first[-1].offset + 1,
    )
    more = written(partition, rows, 0, offsets[-1] + 1)
    assert more == rows[len(first) :]
    assert [partition.seen[offset] for offset in sorted(partition.seen)] == rows


@pytest.mark.parametrize(
    ("offsets", "end", "transactions"),
    [
        ((0, 1), 2, []),
        ((0, 2), 3, [("commit", 1)]),  # a hole of one: the record before has a marker
        ((0, 3), 4, [("abort", 1)]),
        ((0, 6), 7, [("abort", 4)]),
        ((0,), 3, [("abort", 1)]),
        ((0,), 2, [("commit", 1)]),
    ],
)
def test_holes_are_transactions_and_nothing_else_is(offsets, end, transactions):
    partition = Partition()
    written(partition, [a_record(offset) for offset in offsets], 0, end)
    assert partition.transactions == transactions


@pytest.mark.parametrize(
    ("offsets", "transactions", "told"),
    [
        ((0, 7), [("abort", 2), ("abort", 2)], [2, 4]),
        ((0, 8), [("abort", 2), ("abort", 3)], [2, 4, 6]),
        ((0, 9), [("abort", 2), ("abort", 2), ("abort", 1)], [2, 4]),
        ((6,), [], [0, 2, 4]),
    ],
)
def test_a_long_hole_takes_several_transactions_and_is_told_of(offsets, transactions, told):
    partition, reached = Partition(), []
    rows = [a_record(offset) for offset in offsets]
    written(partition, rows, offsets[0], offsets[-1] + 1, ShortSteps, filled=reached.append)
    assert sorted(partition.seen) == [*offsets]
    assert (partition.transactions, reached) == (transactions, told)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("end", [0, 1, 7])
def test_a_partition_of_which_nothing_is_left_begins_where_it_ends(end, compacted):
    partition = Partition()
    assert written(partition, [], 0 if compacted else end, end, compacted=compacted) == []
    assert (partition.seen, partition.begin, partition.end) == ({}, end, end)


def test_a_compacted_topic_begins_at_its_first_row():
    partition = Partition()
    written(partition, [a_record(1), a_record(2)], 0, 3, compacted=True)
    assert (sorted(partition.seen), partition.begin) == ([1, 2], 1)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_fillers_of_an_import_that_was_cut_off_are_dropped_all_the_same(count):
    partition = Partition()
    partition.seen = {offset: Stored(*PLACE, offset, 1, FILLER, None) for offset in range(count)}
    partition.end = count
    written(partition, [a_record(5)], 5, 6)
    assert (sorted(partition.seen), partition.begin) == ([5], 5)


@pytest.mark.parametrize(
    ("rows", "begin", "says"),
    [
        ([a_record(1)], 0, "can't leave out one offset"),
        ([a_record(0, timestamp_ms=0)], 0, "has no timestamp"),
        ([a_record(0, timestamp_ms=-1)], 0, "has no timestamp"),
    ],
)
def test_what_no_broker_can_keep_is_told(rows, begin, says):
    with pytest.raises(BadArchive, match=says):
        written(Partition(), rows, begin, rows[-1].offset + 1)


def test_a_stranger_who_writes_too_is_noticed():
    partition = Partition()
    writer = Writer(partition)
    writing = writer.write(
        Extent(*PLACE, 0, 2),
        Extent(*PLACE, 0, 0),
        iter([a_record(0), a_record(1)]),
        compacted=False,
    )
    next(writing)
    partition.end += 1
    with pytest.raises(OffsetTaken, match="somebody else writes there"):
        list(writing)


def test_what_the_broker_refuses_ends_it():
    partition = Partition()
    partition.failing = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        written(partition, [a_record(0)], 0, 1)
