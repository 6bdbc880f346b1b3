"""What tables should hold, by the log: what is open, in doubt, erased or folded up to a place."""

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from agents.errors import KeyDestroyed
from bench.synthetic.synthetic_log import SyntheticLog
from replay.log import Stored
from replay.rebuild.made_tables import ERASED, MadeTables
from replay.rebuild.row_store import MADE, RowStore
from schemas import (
    AnswerReleased,
    ChunksCut,
    Detect,
    Parse,
    QuestionAsked,
    SessionForked,
    Unseal,
)
from streams.delivery.rows import whose_row
from streams.topics import topic_of
from tests.producer_keys import ProducerKeys, must_sign
from tests.replay.cross_checks.test_forks import a_fork

ANSWERS, FORKS = topic_of(AnswerReleased), topic_of(SessionForked)
ALL = -1


async def made_of(of, lane, names):
    store = RowStore()
    tables = MadeTables(of, lane, store, names)
    await tables.make()
    return store, tables


def lane_with(kept, record):
    """A lane in which there are records of a type."""
    extents = kept.log.extents()
    return next(
        lane for lane in range(kept.of.settings.partitions) if extents[topic_of(record), lane].end
    )


def doubted(store):
    return store._db.execute("SELECT DISTINCT name, why FROM doubts").fetchall()


async def test_rows_of_people_who_were_erased_are_not_made(kept):
    lane = lane_with(kept, AnswerReleased)
    store, _ = await made_of(kept.of, lane, ["sessions"])
    people = {whose_row(key) for key in store.rows(MADE, "sessions")}
    [one, *_] = sorted(people)
    with closing(store):
        whole = len(store.rows(MADE, "sessions"))
    store, _ = await made_of(replace(kept.of, people=frozenset([one])), lane, ["sessions"])
    with closing(store):
        left = {whose_row(key) for key in store.rows(MADE, "sessions")}
        assert left == people - {one}
        assert len(store.rows(MADE, "sessions")) < whole


async def gone(_request, _call):
    raise KeyDestroyed("its key was destroyed")


@pytest.mark.parametrize(
    ("name", "record"), [("placeholders", QuestionAsked), ("documents", ChunksCut)]
)
async def test_what_can_not_be_run_again_is_in_doubt_and_makes_no_row(kept, name, record):
    lane = lane_with(kept, record)
    of = replace(kept.of, local={**kept.of.local, Unseal: gone})
    store, tables = await made_of(of, lane, [name])
    with closing(store):
        assert not store.rows(MADE, name)
        assert doubted(store) == [(name, ERASED)]
        assert not tables.open.events


async def test_an_input_without_a_closed_outcome_is_open(kept):
    """A log that ends in the middle: what is asked last has no outcome."""
    lane = lane_with(kept, QuestionAsked)
    log = kept.log
    topic = topic_of(QuestionAsked)
    last = list(log.records(topic, lane))[-1]
    outcome = [
        (at, rows)
        for at, rows in log._records.items()
        if at == ("playhead.question.redacted", lane)
    ]
    [(place, rows)] = outcome
    codec = MadeTables(kept.of, lane, RowStore(), [])._codec
    asked = codec.decode_any(last.value)
    shorter = [one for one in rows if codec.decode_any(one.value).meta.cause.id != asked.meta.id]
    log._records[place] = shorter
    try:
        store, tables = await made_of(kept.of, lane, ["placeholders"])
    finally:
        log._records[place] = rows
    with closing(store):
        assert tables.open.events == {asked.meta.id}
        assert tables.open.ends[topic] == last.offset + 1


@pytest.mark.parametrize(("committed", "end"), [(None, ALL), (1, 1), (99, ALL)])
async def test_what_is_folded_is_known_up_to_where_the_fold_has_committed(kept, committed, end):
    lane = lane_with(kept, AnswerReleased)
    there = kept.log.extents()[ANSWERS, lane].end
    folded = {} if committed is None else {(ANSWERS, lane): committed}
    store, tables = await made_of(replace(kept.of, folded=folded), lane, ["sessions"])
    store.close()
    assert tables.open.ends == {ANSWERS: there if end == ALL else end, FORKS: 0}


class GrownLog(SyntheticLog):
    """One that goes on where another ends."""

    def __init__(self, before):
        super().__init__(len(before._lanes))
        self._records.update({place: [*ones] for place, ones in before._records.items()})

    def put(self, topic, value, key):
        """Put a record of all lanes."""
        records = self._records[topic, 0]
        records.append(Stored(topic, 0, len(records), 0, key, value, ()))


@pytest.mark.parametrize("asked", [True, False])
async def test_a_fork_that_nobody_signed_who_must_is_not_folded(kept, asked):
    log, fork = GrownLog(kept.log), a_fork()
    lanes = [0] * kept.of.settings.partitions
    must_sign(log, ProducerKeys({FORKS: lanes} if asked else {}))
    log.append(kept.of.codec, fork)
    store, _ = await made_of(replace(kept.of, log=log), fork.meta.lane, ["sessions"])
    with closing(store):
        made = {whose_row(key) for key in store.rows(MADE, "sessions")}
        assert ((fork.meta.tenant, fork.subject) in made) is not asked


async def test_no_step_runs_again_for_a_table_that_none_writes(kept):
    def refused(*_):
        raise AssertionError

    local = dict.fromkeys((Unseal, Parse, Detect), refused)
    told = []
    of = replace(kept.of, local=local)
    with closing(RowStore()) as store:
        tables = MadeTables(of, lane_with(kept, AnswerReleased), store, ["sessions"])
        await tables.make(told.append)
        assert store.rows(MADE, "sessions")
    assert told == []


def test_whoever_waits_can_end_it(kept):
    async def ended():
        with closing(RowStore()) as store:
            tables = MadeTables(kept.of, lane_with(kept, ChunksCut), store, ["documents"])
            making = asyncio.create_task(tables.make())
            await asyncio.sleep(0)
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making

    asyncio.run(ended())
