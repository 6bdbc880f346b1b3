"""A worker of the real machinery with steps that do little and fake connectors that answer at once, or fail by chance.

    python -m tests.chaos.worker RUN_FOLDER NAME [--steps A,B] [--attempts N]

NAME seeds the chance, so that each start of each worker has its own. A file `outage-triton` or `outage-weaviate` in
the run folder makes that connector fail for as long as it is there.
"""

import asyncio
import os
import random
from contextlib import aclosing
from functools import partial
from pathlib import Path

import click

from agents.errors import Transient
from schemas import Embed
from streams.delivery.held_slots import hold_slots
from streams.running.allocator import give_back_early
from streams.settings import Settings
from streams.watching import logs, tracing
from tests.chaos.calls import CallJournal
from tests.chaos.steps import chain
from tests.fake_connectors import FakeKeyring, FakeTriton, FakeWeaviate
from worker.cli import Worker, run_to_the_end, supervise
from worker.oversight import watch_over
from worker.wiring import attach, declare_all, log_made_ready, wait_for_topics

TRANSIENT = 0.01  # share of calls that fail; of streamed parts likewise
DELAYED = 0.01  # share of calls that take up to DELAY_S
DELAY_S = 1.0
HUNG = 0.0005  # share of calls that never answer
CALL_TIMEOUT_S = 3.0  # instead of a minute, so that hung calls end within the run
SLOW_S = (0.3, 1.5)
ATTEMPTS = 14  # with doubling pauses these outlast every outage of the random faults


class Chance:
    """What the connectors meet before every answer: by chance they are late, silent, or fail."""

    def __init__(self, run: Path, seed: str) -> None:
        self._run = run
        self._chance = random.Random(seed)

    async def before(self, service, request, call, part=0):
        if (self._run / f"outage-{service}").exists():
            raise Transient(f"the fake {service} is away")
        drawn = self._chance.random()
        if drawn < TRANSIENT:
            raise Transient(f"the fake {service} fails")
        if drawn < TRANSIENT + DELAYED:
            await asyncio.sleep(self._chance.uniform(0, DELAY_S))
        elif drawn < TRANSIENT + DELAYED + HUNG:
            await asyncio.Event().wait()
        if isinstance(request, Embed):
            await self._embed(request.texts[0])

    async def _embed(self, what):
        if what.startswith("late"):  # its deadline is over: one failure is enough
            raise Transient("the fake triton is away for those who are late")
        if what == "slow":
            await asyncio.sleep(self._chance.uniform(*SLOW_S))


class Noted:
    """A connector whose answered calls are written down."""

    def __init__(self, connector, journal: CallJournal) -> None:
        self._connector = connector
        self._journal = journal

    def handlers(self):
        return {kind: self._noted(of) for kind, of in self._connector.handlers().items()}

    def stream_handlers(self):
        return {kind: self._parts(of) for kind, of in self._connector.stream_handlers().items()}

    async def close(self):
        await self._connector.close()

    def _note(self, request, call):
        self._journal.note(request.SCHEMA, call.lane, (call.topic, call.offset))

    def _noted(self, handler):
        async def noted(request, call):
            answer = await handler(request, call)
            self._note(request, call)
            return answer

        return noted

    def _parts(self, handler):
        async def noted(request, call):
            async with aclosing(handler(request, call)) as parts:
                first = True
                async for part in parts:
                    if first:
                        self._note(request, call)
                    first = False
                    yield part

        return noted


async def run_worker(run: Path, name: str, names: str | None, attempts: int) -> int:
    """Host the steps until told to stop; returns the exit code."""
    settings = Settings.load(run=run, call_timeout_s=CALL_TIMEOUT_S, attempts_max=attempts)
    wanted = names.split(",") if names else None
    steps = [step for step in chain() if wanted is None or step.name in wanted]
    schemas = asyncio.create_task(asyncio.to_thread(log_made_ready, settings))
    await wait_for_topics(settings, steps)
    keyring, before = FakeKeyring(), Chance(run, name).before
    journal = CallJournal(run)
    connectors = [
        keyring,
        Noted(FakeTriton(before), journal),
        Noted(FakeWeaviate(before), journal),
    ]
    declared = declare_all(settings, steps)
    ids = await schemas
    held = await asyncio.to_thread(hold_slots, settings, [one.group for one in declared])
    hosted = attach(settings, declared, connectors, keyring, ids, held=held)
    ready = Path(os.environ["PLAYHEAD_READY_FILE"])
    watch = partial(watch_over, hosted.steps, settings)
    return await supervise(Worker(hosted, ready, watch, loop=asyncio.get_running_loop()))


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--steps")
@click.option("--attempts", type=int, default=ATTEMPTS)
def main(run: Path, name: str, steps: str | None, attempts: int) -> None:
    """Run a worker over a run folder."""
    give_back_early()
    logs.configure("info")
    tracing.configure(Settings.load(run=run), "chaos-worker")
    run_to_the_end(run_worker(run, name, steps, attempts))


if __name__ == "__main__":
    main()
