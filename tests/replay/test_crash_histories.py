"""Whatever workers leave that die, or that pause and wake with records on their way, no record of it is a difference."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

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
from streams.delivery.item import Item
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
from tests.replay.little_log import ASKED, asked, configuration_set, put
from tests.streams.delivery.memory_publisher import MemoryPublisher
from tests.streams.fake_tables import table

INPUTS, SESSIONS = 6, 2
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


STEP = dataclasses.replace(step("redact"), function=counting)


class Way:
    """The way to the broker: what is on it arrives when it is let."""

    def __init__(self, broker):
        self.away, self._broker = True, broker

    def put(self, *record, **fields):
        return self._broker.put(*record, **fields)


class Workers:
    """One worker of a lane after the other; those before may still have records on their way."""

    def __init__(self, refused, away):
        self.broker, self.codec = a_broker(), a_codec()
        self.refused, self.away = refused, away
        self.late = []
        """Publishers of workers that were thought dead."""
        for offset in range(INPUTS):
            event = asked(offset, f"s-{offset % SESSIONS}")
            self.broker.put(ASKED, self.codec.encode(event))

    async def takes_over(self):
        """Let a new worker learn what was done."""
        rows, _ = table(PlaceholderNumbers, self.broker)
        takeover = Takeover(
            STEP,
            Settings(),
            self.codec,
            (rows,),
            open_consumer=lambda *_: self.broker.consumer(),
            topic_ids=lambda *_: {},
        )
        self.lane = Lane(ASKED, 0, 0, INPUTS)
        await takeover.learn([self.lane], {})
        self.publisher, self.due = MemoryPublisher(Way(self.broker)), list(range(INPUTS))
        connector = FakeAnsweringConnector({Embed: self._answer})
        services = Services(
            settings=Settings(backoff_ms=1, patience_ms=0, attempts_max=2),
            codec=self.codec,
            world=World((connector, rows), 60.0),
            digest_key=lambda _: DIGEST_KEY,
            configurations=load(),
        )
        publisher = self.publisher
        self.processor = Processor(
            STEP, services, lambda: publisher, takeover.history, Counts("redact")
        )

    def _answer(self, request):
        if request.texts in self.refused:
            raise Permanent("refused")
        if self.away and self.away.pop():
            self.away.append(False)
            raise Transient("away")
        return EMBEDDED

    async def runs(self, count):
        """Run the next inputs; their records set out, and their rows are written."""
        due, self.due = self.due[:count], self.due[count:]
        for offset in due:
            message = self.broker.rows[ASKED, 0].messages[offset]
            item = Item(self.lane, offset, 1, b"acme", message)
            await self.processor.run(asked(offset, f"s-{offset % SESSIONS}"), item)

    async def arrives(self, publisher, count):
        """Let the broker have the oldest records that are on their way."""
        for _ in range(min(count, len(publisher._waiting))):
            (topic, partition), record, _ = publisher._waiting.popleft()
            publisher.broker.put(topic, partition=partition, **record)

    async def verified(self):
        log = MemoryLog()
        put(log, configuration_set(CONFIGURATION), key=CONFIGURATION.digest.encode())
        for (topic, lane), rows in self.broker.rows.items():
            if topic == changelog_of("placeholders") or lane:
                continue
            for one in rows.messages:
                log.put(topic, one.value(), one.key(), lane, headers_of(one))
        log.acknowledged["redact"] = 0
        return await Verifier(log, {}, lambda _: DIGEST_KEY, steps=(STEP,)).verify()


ACTIONS = st.one_of(
    st.tuples(st.just("runs"), st.integers(1, INPUTS)),
    st.tuples(st.just("arrives"), st.integers(1, 8)),
    st.tuples(st.just("late"), st.integers(1, 8)),
    st.tuples(st.just("dies"), st.just(0)),
)


REFUSED = st.sets(
    st.tuples(st.sampled_from([f"r-{n}" for n in range(INPUTS)]), st.sampled_from(ENDS))
)
"""What is asked for in vain, in every run."""


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=25), REFUSED, st.lists(st.booleans(), max_size=20))
async def test_no_record_of_whatever_history_of_crashes_is_a_difference(actions, refused, away):
    workers = Workers(refused, away)
    await workers.takes_over()
    for what, count in [*actions, ("dies", 0), ("runs", INPUTS), ("arrives", 100)]:
        if what == "runs":
            await workers.runs(count)
        elif what == "arrives":
            await workers.arrives(workers.publisher, count)
        elif what == "late":
            for publisher in workers.late:
                await workers.arrives(publisher, count)
        else:
            workers.late.append(workers.publisher)
            await workers.takes_over()
    report = await workers.verified()
    assert (report.diverged, report.unverifiable, report.unreadable) == ([], [], [])
    assert report.pending == 0
    assert report.equal + report.superseded == report.records
