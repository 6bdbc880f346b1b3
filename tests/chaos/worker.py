"""A worker of the real machinery with steps that do little and fake connectors that answer at once, or fail by chance.

    python -m tests.chaos.worker RUN_FOLDER NAME [--steps A,B] [--attempts N]

NAME seeds the chance, so that each start of each worker has its own. A file `outage-triton` or `outage-weaviate` in
the run folder makes that connector fail for as long as it is there.
"""

import asyncio
import os
import random
from pathlib import Path

import click

from agents.errors import Transient
from schemas import (
    Embed,
    Embedded,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    IndexChunks,
    IndexWritten,
    PublishVersion,
    Search,
    WithdrawVersions,
)
from streams.settings import Settings
from streams.watching import logs, tracing
from tests.chaos.steps import PARTS, chain
from tests.fakes import DIGEST_KEY
from worker.cli import Worker, run_to_the_end, supervise
from worker.wiring import host, wait_for_topics

TRANSIENT = 0.01  # share of calls that fail; of streamed parts likewise
DELAYED = 0.01  # share of calls that take up to DELAY_S
DELAY_S = 1.0
HUNG = 0.0005  # share of calls that never answer
CALL_TIMEOUT_S = 3.0  # instead of a minute, so that hung calls end within the run
SLOW_S = (0.3, 1.5)
ATTEMPTS = 14  # with doubling pauses these outlast every outage of the random faults


class FakeConnector:
    """Answers at once; by chance late, never, or with an error."""

    NAME = ""

    def __init__(self, run: Path, chance: random.Random) -> None:
        self._outage = run / f"outage-{self.NAME}"
        self._chance = chance

    def handlers(self):
        return {}

    def stream_handlers(self):
        return {}

    async def close(self):
        pass

    async def _by_chance(self):
        if self._outage.exists():
            raise Transient(f"the fake {self.NAME} is away")
        drawn = self._chance.random()
        if drawn < TRANSIENT:
            raise Transient(f"the fake {self.NAME} fails")
        if drawn < TRANSIENT + DELAYED:
            await asyncio.sleep(self._chance.uniform(0, DELAY_S))
        elif drawn < TRANSIENT + DELAYED + HUNG:
            await asyncio.Event().wait()


class FakeKeyring(FakeConnector):
    """Has one key for all."""

    def digest_key(self, tenant):
        return DIGEST_KEY


class FakeTriton(FakeConnector):
    """Embeds into one number and generates the letter t."""

    NAME = "triton"

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {Generate: self.generate}

    async def embed(self, request, call):
        await self._by_chance()
        [what] = request.texts
        if what.startswith("late"):  # its deadline is over: one failure is enough
            raise Transient("the fake triton is away for those who are late")
        if what == "slow":
            await asyncio.sleep(self._chance.uniform(*SLOW_S))
        return Embedded(vectors=(b"\0\0\0\0",), model="fake", dimensions=1)

    async def generate(self, request, call):
        for number in range(PARTS):
            await self._by_chance()
            yield Generated(tokens=(GeneratedToken(text="t", at_us=number),), model="fake")
        yield Generated(tokens=(), model="fake", last=True, finish_reason="stop")


class FakeWeaviate(FakeConnector):
    """Finds nothing and says of everything that it is written."""

    NAME = "weaviate"

    def handlers(self):
        return {
            Search: self.search,
            IndexChunks: self.write,
            PublishVersion: self.write,
            WithdrawVersions: self.write,
        }

    async def search(self, request, call):
        await self._by_chance()
        return Found(candidates=(), index="fake")

    async def write(self, request, call):
        await self._by_chance()
        return IndexWritten(count=1, position=call.offset)


async def run_worker(run: Path, name: str, names: str | None, attempts: int) -> int:
    """Host the steps until told to stop; returns the exit code."""
    settings = Settings.load(run=run, call_timeout_s=CALL_TIMEOUT_S, attempts_max=attempts)
    wanted = names.split(",") if names else None
    steps = [step for step in chain() if wanted is None or step.name in wanted]
    await wait_for_topics(settings, steps)
    chance = random.Random(name)
    keyring = FakeKeyring(run, chance)
    connectors = [keyring, FakeTriton(run, chance), FakeWeaviate(run, chance)]
    hosted = host(settings, steps, connectors, keyring)
    ready = Path(os.environ["PLAYHEAD_READY_FILE"])
    return await supervise(Worker(hosted, ready, loop=asyncio.get_running_loop()))


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--steps")
@click.option("--attempts", type=int, default=ATTEMPTS)
def main(run: Path, name: str, steps: str | None, attempts: int) -> None:
    """Run a worker over a run folder."""
    logs.configure("info")
    tracing.configure(Settings.load(run=run), "chaos-worker")
    run_to_the_end(run_worker(run, name, steps, attempts))


if __name__ == "__main__":
    main()
