"""Whatever workers leave that die, or that pause and wake, no record of it is a difference, nor counts two the same."""

import dataclasses
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.errors import Permanent, Transient
from replay.verify import Verifier
from schemas import (
    Embed,
    Embedded,
    Numbered,
    Placeholders,
    QuestionRedacted,
    ReadPlaceholders,
    WritePlaceholders,
)
from streams.delivery.commits import claim, due, inherited
from streams.delivery.lane import Lane
from streams.delivery.processing import Processor, Services
from streams.delivery.step_tables import PlaceholderNumbers
from streams.delivery.takeover import Takeover
from streams.log.addressing import headers_of
from streams.log.configuration import load
from streams.running.world import World
from streams.settings import Settings
from streams.topics import changelog_of, step
from streams.watching.metrics import Counts
from tests.fake_connectors import FakeAnsweringConnector
from tests.fakes import DIGEST_KEY, a_codec
from tests.memory_broker import a_broker
from tests.memory_log import MemoryLog
from tests.replay.little_log import ASKED, REDACTED, REJECTED, asked, configuration_set, put
from tests.streams.fake_tables import table

INPUTS, SESSIONS = 6, 2
STAGES = ("claims", "learns", "begins")
"""Of a takeover, in their order."""
COPIES = (0, 3, 5)
"""Inputs that their producer sent once more, behind all of them."""
REQUESTS = (*range(INPUTS), *COPIES)
"""By their offsets: which request lies there."""
RUN_BEFORE = 5_001
"""Attempt of inputs that a step before has run over again, after its workers had died some times."""
WORKERS = 4
"""Whose refusals differ; those after them refuse nothing."""
CONFIGURATION = load()["redact"]
EMBEDDED = Embedded(vectors=(), model="m", dimensions=1)
ENDS = ("begin", "end")


async def counting(event, fx):
    """Count a session's questions in a row, between two effects that may fail; yield two records."""
    await fx(Embed(texts=(event.meta.request, "begin"), kind="query"))
    known = await fx(ReadPlaceholders(scope=event.meta.session))
    number = int(known.entries[0].placeholder) + 1 if known.entries else 1
    entry = Numbered(placeholder=str(number), kind="count", digest="")
    await fx(WritePlaceholders(scope=event.meta.session, state=Placeholders(entries=(entry,))))
    yield redacted(event, str(number))
    await fx(Embed(texts=(event.meta.request, "end"), kind="query"))
    yield redacted(event, "the end")


def redacted(event, text):
    return QuestionRedacted(outcome="redacted", subject=event.subject, text=text, ask=event.ask)


def asked_at(offset, attempt):
    event = asked(REQUESTS[offset], f"s-{REQUESTS[offset] % SESSIONS}")
    return replace(event, meta=replace(event.meta, attempt=attempt))


STEP = dataclasses.replace(step("redact"), function=counting)


class FewNumbers(PlaceholderNumbers):
    """Numbers of which a row keeps as few as it may: what waits for its outcome, and what that rests on."""

    ENTRIES = 2


class Worker:
    """A worker of a lane. What it has handed over arrives when it is let, each topic's records in their order."""

    def __init__(self, broker, codec, attempt, refused, away):
        self.broker, self.codec, self.attempt = broker, codec, attempt
        self.refused, self.away = refused, away
        self.waiting = []
        """Records on their way, each with its receipt."""
        self.ends = {}
        self.rows, _ = table(FewNumbers, broker)

    async def takes_over(self, group, stages=STAGES):
        """Learn what was done, and have the group take the lane for ours; it may die before all of that is done."""
        takeover = Takeover(
            STEP,
            Settings(),
            self.codec,
            (self.rows,),
            open_consumer=lambda *_: self.broker.consumer(),
            topic_ids=lambda *_: {ASKED: "the log"},
        )
        self.lane = Lane(ASKED, 0, group.offset, len(REQUESTS), note=group.note)
        self.lane.untouched = not group.note
        for stage in stages:
            match stage:
                case "claims":
                    group.takes(claim([self.lane]))
                case "learns":
                    await takeover.learn([self.lane], self.ends)
                case "begins":
                    group.takes(inherited([self.lane]))
        self.lane.learned = True
        connector = FakeAnsweringConnector({Embed: self._answer})
        services = Services(
            settings=Settings(backoff_ms=1, patience_ms=0, attempts_max=2),
            codec=self.codec,
            world=World((connector, self.rows), 60.0),
            digest_key=lambda _: DIGEST_KEY,
            configurations=load(),
        )
        self.processor = Processor(STEP, services, lambda: self, takeover.history, Counts("redact"))
        messages = self.broker.rows[ASKED, 0].at(group.offset)
        self.lane.take([(one.offset(), 1, b"acme", one) for one in messages])

    def send(self, topic, partition, key, value, headers, receipt, not_before_ms=0):
        record = {"partition": partition, "key": key, "value": value, "headers": headers}
        self.waiting.append((topic, record, receipt))

    def _answer(self, request):
        if request.texts in self.refused:
            raise Permanent("refused")
        if self.away and self.away.pop():
            self.away.append(False)
            raise Transient("away")
        return EMBEDDED

    def _open(self, item):
        event = asked_at(item.offset, self.attempt)
        item.session = event.meta.session
        item.work = lambda item: self.processor.run(event, item)
        return True

    async def runs(self, count):
        """Run the next inputs that may run; their records set out, and their rows are written."""
        for _ in range(count):
            if (item := self.lane.next(self._open)) is None:
                return
            await item.work(item)
            self.lane.left(item)
            item.close()

    def arrives(self, count, topic=None):
        """Let the broker have the oldest records that are on their way, of a topic or of all."""
        for one in [one for one in self.waiting if topic in {None, one[0]}][:count]:
            self.waiting.remove(one)
            where, record, receipt = one
            self.ends[where, 0] = self.broker.put(where, **record) + 1
            receipt.acknowledged()


class Group:
    """What was committed of the lane."""

    def __init__(self):
        self.offset, self.note = 0, ""

    def takes(self, commits):
        for commit in commits:
            self.offset, self.note = commit.offset, commit.note
            commit.lane.requested, commit.lane.committed_changes = commit.offset, commit.changes


class Workers:
    """One worker of a lane after the other; those before may go on as if they had it still."""

    def __init__(self, attempt, refused, away):
        self.broker, self.codec, self.attempt = a_broker(), a_codec(), attempt
        self.refused, self.away = refused, away
        self.before = []
        self.group = Group()
        self.woke = False
        """Whether one of those before has put an outcome on the log."""
        for offset in range(len(REQUESTS)):
            self.broker.put(ASKED, self.codec.encode(asked_at(offset, attempt)))

    async def starts(self, dies):
        """Let a worker come that dies before it has taken the lane over."""
        worker = Worker(self.broker, self.codec, self.attempt, set(), [])
        await worker.takes_over(self.group, STAGES[:dies])

    async def takes_over(self):
        """Let a new worker learn what was done."""
        number = len(self.before)
        refused = {(request, end) for worker, request, end in self.refused if worker == number}
        self.present = Worker(self.broker, self.codec, self.attempt, refused, self.away)
        await self.present.takes_over(self.group)

    async def does(self, what, count, which):
        """Let something come about."""
        if what == "dies":
            self.before.append(self.present)
            for _ in range(count % 3):
                await self.starts(which + 1)
            await self.takes_over()
            return
        if what == "commits":
            self.group.takes(due([self.present.lane]))
            return
        sleepers = self.before if which else ()
        for worker in (self.present,) if what in {"runs", "arrives"} else sleepers:
            if what in {"runs", "wakes"}:
                await worker.runs(count)
            else:
                self.woke |= worker is not self.present and bool(worker.waiting)
                worker.arrives(count, TOPICS[which])

    async def verified(self):
        log = MemoryLog()
        put(log, configuration_set(CONFIGURATION), key=CONFIGURATION.digest.encode())
        for (topic, lane), rows in self.broker.rows.items():
            if topic == changelog_of("placeholders") or lane:
                continue
            for one in rows.messages:
                log.put(topic, one.value(), one.key(), lane, headers_of(one))
        log.acknowledged["redact"] = self.group.offset
        return await Verifier(log, {}, lambda _: DIGEST_KEY, steps=(STEP,)).verify()

    def contents(self):
        """Tell what is said under one id by one attempt: more than once only where two runs share a number."""
        said = {}
        for meta, value in self.outcomes():
            said.setdefault((meta.id, meta.attempt), set()).add(value)
        return said

    def torsos(self):
        """Name the inputs of which the run with the highest number, the one that readers believe, is not closed."""
        newest = {}
        for meta, _ in self.outcomes():
            attempt, closed = newest.get(meta.cause.offset, (0, False))
            if meta.attempt >= attempt:
                newest[meta.cause.offset] = (
                    meta.attempt,
                    meta.last or (closed and meta.attempt == attempt),
                )
        return [offset for offset, (_, closed) in newest.items() if not closed]

    def ran_again(self):
        """Name the inputs of which two runs are closed."""
        closed = [(meta.cause.offset, meta.attempt) for meta, _ in self.outcomes() if meta.last]
        return [
            offset
            for offset, runs in Counter(offset for offset, _ in {*closed}).items()
            if runs > 1
        ]

    def outcomes(self):
        for topic in (REDACTED, REJECTED):
            for one in self.broker.rows[topic, 0].messages:
                yield self.codec.decode_any(one.value()).meta, one.value()

    def numbers(self):
        """Tell what each session's questions were counted as, by the first of their runs that was closed."""
        numbers = {}
        for one in self.broker.rows[REDACTED, 0].messages:
            event = self.codec.decode(one.value(), QuestionRedacted)
            runs = numbers.setdefault(event.meta.session, {}).setdefault(event.meta.request, {})
            run = runs.setdefault((event.meta.attempt, event.meta.trace), [])
            run.append(event.text)
        return {
            session: [
                next((r[0] for r in runs.values() if len(r) == 2), "") for runs in of.values()
            ]
            for session, of in numbers.items()
        }


TOPICS = (None, REDACTED, REJECTED)
ACTIONS = st.tuples(
    st.sampled_from(("runs", "runs", "arrives", "arrives", "late", "wakes", "commits", "dies")),
    st.integers(1, INPUTS),
    st.integers(0, 2),
)


REFUSED = st.sets(
    st.tuples(
        st.integers(0, WORKERS - 1),
        st.sampled_from([f"r-{n}" for n in range(INPUTS)]),
        st.sampled_from(ENDS),
    )
)
"""What is asked for in vain: by which worker, of which input."""


LATE = [("runs", 1, 0), ("dies", 0, 0), ("runs", 1, 0), ("arrives", 9, 0), ("late", 9, 1)]
LATE_BESIDE_A_TORSO = [
    ("runs", 1, 0),
    ("dies", 0, 0),
    ("runs", 1, 0),
    ("arrives", 1, 0),
    ("late", 9, 1),
]


DIES_WHILE_IT_STARTS = [("runs", 1, 0), ("arrives", 9, 0), ("dies", 1, 1)]
"""What the first owner had done was read by the second one, which ran nothing."""


LATE_TORSO = [
    ("runs", 1, 0),
    ("dies", 0, 0),
    ("runs", 1, 0),
    ("late", 2, 1),
    ("dies", 0, 0),
    ("late", 1, 1),
    ("commits", 1, 0),
]
"""The second owner runs what the first one's late outcome closes, and half of its own comes late, too."""


@pytest.mark.slow  # many histories
@settings(max_examples=150, deadline=None)
@example(DIES_WHILE_IT_STARTS, 1, set(), [])
@example(LATE_TORSO, 1, set(), [])
@example(LATE_TORSO, RUN_BEFORE, set(), [])
@example(LATE, 1, set(), [])
@example(LATE_BESIDE_A_TORSO, 1, set(), [])
@given(
    st.lists(ACTIONS, max_size=25),
    st.sampled_from((1, RUN_BEFORE)),
    REFUSED,
    st.lists(st.booleans(), max_size=20),
)
async def test_no_record_of_whatever_history_of_crashes_is_a_difference(
    actions, attempt, refused, away
):
    all_goes_well = not refused and not any(away)
    workers = Workers(attempt, refused, away)
    await workers.takes_over()
    to_its_end = [("runs", len(REQUESTS), 0), ("arrives", 100, 0)] * INPUTS
    for action in [*actions, ("dies", 0, 0), *to_its_end]:
        await workers.does(*action)
    report = await workers.verified()
    # of the inputs themselves, which are requests here and have no runs
    diverged = [one for one in report.diverged if one.step == STEP.name]
    assert (diverged, report.unverifiable, report.unreadable) == ([], [], [])
    assert report.pending == 0
    assert report.equal + report.superseded == report.records
    assert max(map(len, workers.contents().values())) == 1
    assert workers.torsos() == []
    if workers.woke:  # outcomes of two workers side by side: which counts, nobody fences
        return
    assert not [meta for meta, _ in workers.outcomes() if meta.cause.offset >= INPUTS]
    assert workers.ran_again() == []
    for numbers in workers.numbers().values():
        counted = [int(number) for number in numbers if number]
        assert len(counted) == len(set(counted))
        assert not all_goes_well or counted == list(range(1, INPUTS // SESSIONS + 1))
