"""Whoever takes a lane over knows what was done of it, whenever its owner before died."""

import asyncio
from collections import deque
from itertools import count, repeat
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.trivial_steps import generated
from schemas import (
    Ask,
    Cause,
    ChunksRetrieved,
    EventRejected,
    QuestionRedacted,
    TokensGenerated,
)
from streams.delivery import output_reader
from streams.delivery.commits import due
from streams.delivery.lane import Lane
from streams.delivery.progress import Progress
from streams.delivery.read_back import STRIDE
from streams.delivery.step_tables import Sessions
from streams.delivery.takeover import Takeover
from streams.log.pauses import pauses
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import FOLDS, changelog_of, step, topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import a_broker
from tests.streams.delivery.lanes import finish, opened
from tests.streams.fake_tables import table

RETRIEVED, GENERATED = topic_of(ChunksRetrieved), topic_of(TokensGenerated)
PARTITION = 2
INPUTS = 24
GIVEN = ChunksRetrieved(
    outcome="retrieved", subject="u", question="q", query="q", ask=Ask(deadline=0)
)


logs = count(1)


@pytest.fixture(autouse=True)
def all_that_is_read_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(Owner, "run", tmp_path)
    monkeypatch.setattr(output_reader, "KEPT_AFTER", 1)


class Owner:
    """One worker after the other, each of which may die at any moment, over a log that stays."""

    run = Path()

    def __init__(self):
        self.codec = a_codec()
        self.broker = a_broker()
        for offset in range(INPUTS):
            self.broker.put(RETRIEVED, b"%d" % offset, partition=PARTITION)
        log = f"log {next(logs)}"  # what is kept in the folder is of many
        self.ids = {RETRIEVED: "the topic", GENERATED: log, topic_of(EventRejected): log}
        self.committed, self.note = 0, ""
        self.written = {}
        self.numbers = {}
        """Offset -> attempts of which outcomes are on the log."""
        self.closed = set()

    async def takes_over(self):
        """Let a new worker learn what was done."""
        self.takeover = Takeover(
            step("generate"),
            Settings(run=self.run),
            self.codec,
            (),
            open_consumer=lambda *_: self.broker.consumer(),
            topic_ids=lambda _, asked: {name: self.ids[name] for name in asked & self.ids.keys()},
        )
        self.written.clear()
        self.lane = Lane(RETRIEVED, PARTITION, self.committed, INPUTS, note=self.note)
        await self.takeover.learn([self.lane], self.written)
        self.lane.learned = True
        messages = self.broker.rows[RETRIEVED, PARTITION].at(self.committed)
        records = [(one.offset(), 1, b"acme", one) for one in messages]
        self.lane.reserve(records)
        self.lane.take(records)
        self.items = {}
        while (item := self.lane.next(self._open)) is not None:
            self.items[item.offset] = item
        return self.takeover.history(PARTITION)

    def _open(self, item):
        item.session = item.work = str(item.offset)
        return True

    def writes(self, offset, *, last):
        """Put an outcome of a run on the log, acknowledged."""
        item = self.items.get(offset)
        if item is None or item.finished:
            return
        meta = a_meta(id=f"in-{offset}", lane=PARTITION)
        history = self.takeover.history(PARTITION)
        if not item.attempt:
            if history.duplicate(meta, RETRIEVED, PARTITION, offset):
                self.lane.left(item)
                item.close()
                return
            item.attempt = history.begin(meta, RETRIEVED, PARTITION, offset)
        cause = Cause(topic=RETRIEVED, partition=PARTITION, offset=offset, id=f"in-{offset}")
        made = stamped(
            generated(GIVEN, 0, last=last),
            a_meta(lane=PARTITION, cause=cause, attempt=item.attempt, last=last),
        )
        place = self.broker.put(GENERATED, self.codec.encode(made), partition=PARTITION)
        self.written[GENERATED, PARTITION] = place + 1
        # what others write between: so much that no stride backwards tells what a commit must
        for _ in range(STRIDE):
            self.broker.put(GENERATED, b"another's", partition=PARTITION)
        self.numbers.setdefault(offset, set()).add(item.attempt)
        if last:
            self.closed.add(offset)
            history.finished(meta)
            self.lane.left(item)
            item.close()

    def commits(self):
        for commit in due([self.lane]):
            self.committed, self.note = commit.offset, commit.note


ACTIONS = st.one_of(
    st.tuples(st.just("writes"), st.integers(0, INPUTS - 1), st.booleans()),
    st.just(("commits",)),
    st.just(("dies",)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=60))
async def test_whenever_a_worker_dies_the_next_one_repeats_nothing_and_skips_nothing(actions):
    owner = Owner()
    await owner.takes_over()
    for what, *arguments in [*actions, ("dies",)]:
        if what == "writes":
            owner.writes(arguments[0], last=arguments[1])
        elif what == "commits":
            owner.commits()
        else:
            history = await owner.takes_over()
            assert set(range(owner.committed)) <= owner.closed
            for offset in range(owner.committed, INPUTS):
                meta = a_meta(id=f"in-{offset}", lane=PARTITION)
                done = history.duplicate(meta, RETRIEVED, PARTITION, offset)
                assert done == (offset in owner.closed)
                if not done:  # readers tell the next run apart from those that were cut off
                    number = history.begin(meta, RETRIEVED, PARTITION, offset)
                    assert number > max(owner.numbers.get(offset, {0}))
            await owner.takes_over()


async def test_what_a_commit_and_what_follows_it_tell_is_joined():
    owner = Owner()
    await owner.takes_over()
    for offset in range(1, 20):
        owner.writes(offset, last=True)
    owner.commits()
    owner.writes(21, last=True)
    await owner.takes_over()
    assert owner.lane.progress().closed == {*range(1, 20), 21}


# ---------------------------------------------------------------------- a log that is another one


async def half_done():
    """A lane of which some is committed, by a worker that has gone."""
    owner = Owner()
    await owner.takes_over()
    for offset in range(6):
        owner.writes(offset, last=True)
    owner.commits()
    assert owner.committed == 6
    return owner


async def test_what_the_owner_before_has_read_is_not_read_again():
    owner = Owner()
    await owner.takes_over()
    for offset in range(12):
        owner.writes(offset, last=True)
    await owner.takes_over()
    owner.broker.handed.clear()
    await owner.takes_over()
    assert owner.broker.handed[GENERATED] == 1  # which tells that it is still that log
    assert owner.lane.progress().closed == set(range(12))


async def test_a_log_that_is_still_the_same_is_gone_on_with():
    owner = await half_done()
    for _ in range(2):  # the second takes over from one that finished nothing
        await owner.takes_over()
        assert not owner.lane.displaced
        owner.lane.changes += 1
        owner.commits()
    assert owner.lane.progress().last[0] == 5


async def test_a_topic_that_was_made_anew_and_has_grown_beyond_is_not_gone_on_with():
    owner = await half_done()
    owner.ids = {RETRIEVED: "another topic"}
    await owner.takes_over()
    assert owner.lane.displaced
    assert due([owner.lane]) == [], "what is known of the old one stays committed"


async def test_a_topic_that_lost_its_tail_and_has_grown_again_is_not_gone_on_with():
    owner = await half_done()
    rows = owner.broker.rows[RETRIEVED, PARTITION]
    rows.messages, rows.end = rows.messages[:4], 4
    for offset in range(4, INPUTS):
        owner.broker.put(RETRIEVED, b"other %d" % offset, partition=PARTITION)
    await owner.takes_over()
    assert owner.lane.displaced


async def test_a_topic_that_lost_its_tail_below_what_was_committed_is_not_gone_on_with():
    owner = await half_done()
    rows = owner.broker.rows[RETRIEVED, PARTITION]
    rows.messages, rows.end = rows.messages[:4], 4
    await owner.takes_over()
    assert owner.lane.displaced


async def test_a_lane_whose_beginning_is_gone_is_gone_on_with():
    owner = await half_done()
    owner.broker.trim(RETRIEVED, 6, PARTITION)
    await owner.takes_over()
    assert not owner.lane.displaced


async def test_where_an_operator_has_chosen_the_log_is_what_it_is_now():
    owner = await half_done()
    owner.ids = {RETRIEVED: "another topic"}
    owner.committed, owner.note = 0, ""  # as Kafka's own tools commit
    await owner.takes_over()
    assert not owner.lane.displaced
    assert owner.lane.progress().topic == "another topic"


async def test_a_topic_that_nobody_can_name_now_is_judged_by_its_records():
    owner = await half_done()
    owner.ids = {}
    await owner.takes_over()
    assert not owner.lane.displaced


@pytest.fixture
def broker():
    return a_broker()


def a_table(broker, errors=()):
    """Return a step's table whose changelog is in memory; errors are raised first."""
    due = deque(errors)

    def open_consumer(*_):
        if due:
            raise due.popleft()
        return broker.consumer()

    return table(Sessions, broker, open_consumer)[0]


def rewrite(table, broker, **arguments):
    return Takeover(
        step("rewrite"),
        Settings(),
        a_codec(),
        (table,),
        tuple(fold for fold in FOLDS if fold.beside == "rewrite"),
        open_consumer=lambda *_: broker.consumer(),
        topic_ids=lambda *_: {},
        between_tries=lambda: repeat(0.0),
        **arguments,
    )


async def test_nothing_is_read_while_who_had_the_slot_before_may_still_write(broker):
    table = a_table(broker)
    takeover = rewrite(table, broker, told_s=600.0)
    taken, given = (Lane(topic_of(QuestionRedacted), n, 0, 1) for n in (PARTITION, 0))
    taken.contested = True
    learning = asyncio.create_task(takeover.learn([taken], {}))
    await takeover.learn([given], {})
    await asyncio.wait([learning], timeout=0.3)
    assert table.known([0, PARTITION]) == {0: 1, PARTITION: 0}
    assert not learning.done()
    learning.cancel()


async def test_it_tries_until_the_log_can_be_read_and_only_then_changes_anything(broker):
    broker.skip(changelog_of("sessions"), PARTITION, 3)
    table = a_table(broker, [TimeoutError(), KafkaException(KafkaError(KafkaError._TRANSPORT))])
    lane = Lane(topic_of(QuestionRedacted), PARTITION, 0, 1)
    await rewrite(table, broker).learn([lane], {})
    assert table.known([0, PARTITION]) == {0: 0, PARTITION: 4}  # one of them is the fence


@pytest.mark.parametrize("name", ["remember", "carry"])
async def test_a_fold_leaves_no_outcomes_and_its_commits_name_the_log_alone(broker, name):
    [fold] = [fold for fold in FOLDS if (fold.name, fold.beside) == (name, "rewrite")]
    topic = topic_of(fold.reads)
    broker.put(topic, b"x", partition=PARTITION)
    folded = Lane(topic, PARTITION, 0, 1)
    takeover = rewrite(a_table(broker), broker)
    takeover._topic_ids = lambda *_: {topic: "the topic"}
    await takeover.learn([folded], {})
    assert folded.progress() == Progress(0, topic="the topic")
    assert not folded.note_is_old
    [message] = broker.rows[topic, PARTITION].messages
    folded.take([(0, 1, b"acme", message)])
    item = folded.next(opened)
    finish(folded, item)
    folded.learned = True
    [commit] = due([folded])
    again = Lane(topic, PARTITION, 1, 1, note=commit.note)
    broker.rows[topic, PARTITION].messages[:] = []
    broker.rows[topic, PARTITION].end = 0
    broker.put(topic, b"y", partition=PARTITION)
    await takeover.learn([again], {})
    assert again.displaced


async def test_lanes_of_other_workers_are_forgotten(broker):
    for lane in (1, 2):
        broker.skip(changelog_of("sessions"), lane, lane)
    table = a_table(broker)
    takeover = rewrite(table, broker)
    await takeover.learn([Lane(topic_of(QuestionRedacted), n, 0, 1) for n in (1, 2)], {})
    assert table.known([1, 2]) == {1: 2, 2: 3}  # with a fence each
    takeover.keep_only({2})
    assert table.known([1, 2]) == {1: 0, 2: 3}
    takeover.history(2)
    with pytest.raises(KeyError):
        takeover.history(1)


def test_pauses_double_up_to_a_bound():
    waits = pauses()
    assert [next(waits) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize("trouble", ["refuses", "is slow"])
async def test_what_a_takeover_waits_for_is_told_until_it_is_over(broker, trouble):
    fenced = a_table(broker)
    publisher = fenced._app.publisher
    publisher.slow = trouble == "is slow"
    publisher.refuses = "" if publisher.slow else changelog_of("sessions")
    lane = Lane(topic_of(QuestionRedacted), PARTITION, 0, 1)
    takeover = rewrite(fenced, broker, soon_s=0.0)
    learning = asyncio.create_task(takeover.learn([lane], {}))
    while not takeover.trouble:  # noqa: ASYNC110 - it is told in between
        await asyncio.sleep(0)
    assert takeover.trouble.startswith(
        "playhead-rewrite waits to take over playhead.question.redacted[2]: "
    )
    assert "sessions" in takeover.trouble
    publisher.refuses, publisher.slow = "", False
    publisher.settle()
    await learning
    lane.learned = True
    assert takeover.trouble == ""


async def test_a_refusal_that_is_over_soon_is_no_trouble(broker):
    table = a_table(broker, [TimeoutError()])
    takeover = rewrite(table, broker)
    await takeover.learn([Lane(topic_of(QuestionRedacted), PARTITION, 0, 1)], {})
    assert takeover.trouble == ""
