"""What tests of a running reader share: a worker that finishes whatever its reader hands over."""

import asyncio

from streams.delivery.memory import Memory
from streams.delivery.reader import Reader
from streams.delivery.slot import Slot
from streams.delivery.tries import Tries
from streams.settings import Settings
from tests.streams.delivery.fake_listener import FakeListener
from tests.streams.delivery.lanes import begun, finish

TOPIC = "playhead.question.asked"
SLOT = Settings(slot="worker-1")


class Worker(FakeListener):
    """Finishes what it reads at once; its reader's thread runs."""

    def __init__(self, group, **arguments):
        super().__init__()
        self._group = group
        self.clients = []
        self.configs = []
        self.read = []
        tries, slot = Tries("group", between_tries=no_pauses), Slot(SLOT, "group", nobody)
        arguments = {"tries": tries, "slot": slot, **arguments}
        self.reader = Reader("group", [TOPIC], SLOT, Memory(10**9), self, self._client, **arguments)

    def _client(self, config):
        self.configs.append(config)
        self.clients.append(self._group.client())
        return self.clients[-1]

    def arrived(self, batches):
        for lane, records in batches:
            if not lane.revoked:
                lane.take(records)
                for item in begun(lane):
                    self.read.append(item.message.value())
                    finish(lane, item)

    def assigned(self, lanes):
        super().assigned(lanes)
        for lane in lanes:
            lane.end = lane.base

    @property
    def words(self):
        """What became of the lanes, in its order."""
        return [word for word, _ in self.told if word != "arrived"]


def nobody(*_):
    """Who has the slot, as long as no other worker runs."""


def no_pauses():
    while True:
        yield 0.0


async def soon(condition):
    """Wait for what other threads do."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.005)
