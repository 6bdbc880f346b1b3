"""A processor of one step whose function is given, over a broker in memory."""

import asyncio
import dataclasses
import time

from confluent_kafka import Message

from schemas import Ask, QuestionAsked, Sealed
from streams.delivery.history import History
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.processing import Processor, Services
from streams.log.codec import Undecodable
from streams.log.configuration import load
from streams.running.cancellations import Cancellations
from streams.running.world import World
from streams.settings import Settings
from streams.topics import step, topic_of
from streams.watching.metrics import Counts
from tests.fakes import DIGEST_KEY, a_codec, a_meta
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.memory_publisher import MemoryPublisher, sent

TOPIC = topic_of(QuestionAsked)
LANE = 0


def a_message(key=b"acme", value=b"the bytes", headers=()):
    """Return a record as the client delivers it."""
    return Message(
        topic=TOPIC,
        partition=LANE,
        offset=7,
        key=key,
        value=value,
        headers=list(headers) or None,
        timestamp=(1, 0),
    )


class ProcessorBench:
    """A processor of one step whose function is given."""

    def __init__(self, function, by_policy=False, stoppable=False, **changed):
        self.codec = a_codec()
        self.publisher = MemoryPublisher(MemoryBroker())
        self.history = History()
        self.counts = Counts("redact")
        self.keys_asked = []
        self.configurations = dict(load())
        self.cancellations = Cancellations()
        services = Services(
            settings=Settings(backoff_ms=1, patience_ms=0, attempts_max=3, **changed),
            codec=self.codec,
            world=World((), 1.0),
            digest_key=self.digest_key,
            configurations=self.configurations,
            cancellations=self.cancellations,
        )
        redact = dataclasses.replace(
            step("redact"), function=function, by_policy=by_policy, stoppable=stoppable
        )
        self.processor = Processor(
            redact, services, lambda: self.publisher, lambda _: self.history, self.counts
        )

    def digest_key(self, tenant):
        self.keys_asked.append(tenant)
        return DIGEST_KEY

    def item(self, message=None, offset=7):
        return Item(Lane(TOPIC, LANE, 0, 1), offset, 1, b"acme", message or a_message())

    @property
    def outcomes(self):
        """All that lies on the broker, in the order of the runs and of what each wrote."""
        events = [self.codec.decode_any(one.value()) for one in sent(self.publisher.broker)]
        return sorted(events, key=lambda event: (event.meta.attempt, event.meta.ordinal))

    async def run(self, event=None, message=None, offset=7):
        item = self.item(message, offset)
        await self.processor.run(event or a_question(), item)
        # a letter waits until what lies on other topics is on the log
        while item.held:  # noqa: ASYNC110 - in memory
            await asyncio.sleep(0)
        return self.outcomes

    async def refuse(self, message, offset=7):
        await self.processor.refuse(Undecodable("no magic byte"), self.item(message, offset))
        return self.outcomes


def a_question(deadline_s=60.0, **meta):
    return QuestionAsked(
        meta=a_meta(lane=LANE, **meta),
        subject="u",
        text=Sealed(key="user/u", event="e", field="text", ciphertext=b"c"),
        ask=Ask(deadline=round((time.time() + deadline_s) * 1e6)),
    )
