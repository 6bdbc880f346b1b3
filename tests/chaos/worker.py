"""A worker of the question chain with steps that do little and models that answer at once, or fail by chance.

    python -m tests.chaos.worker RUN_FOLDER NAME

NAME seeds the chance, so that each start of each worker has its own.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from agents.errors import Transient
from schemas import Embed, Embedded, Generate, Generated, GeneratedToken
from streams import logs, tracing
from streams.app import host, wait_for_topics
from streams.settings import Settings
from streams.worker import Worker, run_to_the_end, supervise
from tests.streams.fake_chain import FakeKeyring, chain

PARTS = 3  # of an answer, before its end
TRANSIENT = 0.01  # share of calls that fail; of streamed parts likewise
DELAYED = 0.02  # share of calls that take up to DELAY_S
DELAY_S = 1.0


class FakeModels(FakeKeyring):
    """Answers at once; by chance late, or not at all."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {Generate: self.generate}

    async def _by_chance(self):
        if self._chance.random() < TRANSIENT:
            raise Transient("the fake model is away")
        if self._chance.random() < DELAYED:
            await asyncio.sleep(self._chance.uniform(0, DELAY_S))

    async def embed(self, request, call):
        await self._by_chance()
        return Embedded(vectors=(b"\0\0\0\0",), model="fake", dimensions=1)

    async def generate(self, request, call):
        for number in range(PARTS):
            await self._by_chance()
            yield Generated(tokens=(GeneratedToken(text="t", at_us=number),), model="fake")
        yield Generated(tokens=(), model="fake", last=True, finish_reason="stop")


async def main(run: Path, name: str) -> int:
    settings = Settings.load(run=run)
    steps = chain()
    await wait_for_topics(settings, steps)
    keyring = FakeKeyring()
    hosted = host(settings, steps, [keyring, FakeModels(random.Random(name))], keyring)
    ready = Path(os.environ["PLAYHEAD_READY_FILE"])
    return await supervise(Worker(hosted, ready, loop=asyncio.get_running_loop()))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    logs.configure("info")
    tracing.configure(Settings.load(run=folder), "chaos-worker")
    run_to_the_end(main(folder, sys.argv[2]))
