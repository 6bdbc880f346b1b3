"""The question chain with trivial steps, as a worker of its own: for faults that real steps can't be made to have.

    python -m tests.streams.fake_chain RUN_FOLDER

What a question's subject says decides what happens to it in `retrieve`: "transient" fails twice, then works;
"permanent" and "bug" fail for good; "slow" takes half a second. Every model call is counted in a file.
"""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from agents.errors import Permanent, Transient
from bench.trivial_steps import QUESTION, AskingSteps
from schemas import Embed
from streams.settings import Settings
from streams.watching import logs, tracing
from tests.fake_connectors import FakeKeyring, FakeTriton, FakeWeaviate
from worker.cli import Worker, run_to_the_end, supervise
from worker.wiring import host

PART_S = 0.005  # of a streamed answer


def spoil(step, subject):
    """Stumble in the middle of the chain."""
    if step == "retrieve" and subject == "bug":
        raise ZeroDivisionError(f"division of {subject}")


def chain():
    return AskingSteps(spoil).steps(*QUESTION)


class Model:
    """Counts calls in a file, by event; fails where the text says so."""

    def __init__(self, calls: Path):
        self._calls = calls.open("a", buffering=1)
        self._failures = Counter()

    async def before(self, service, request, call, part=0):
        if service != FakeTriton.SERVICE:
            return
        if part == 0:
            self._calls.write(f"{request.SCHEMA} {call.event}\n")
        if isinstance(request, Embed):
            await self._embed(request.texts[0], call.event)
        else:
            await asyncio.sleep(PART_S)

    async def _embed(self, text, event):
        if text == "transient":
            self._failures[event] += 1
            if self._failures[event] < 3:
                raise Transient("the fake model is away")
        if text == "permanent":
            raise Permanent("the fake model refuses")
        if text == "slow":
            await asyncio.sleep(0.5)


async def main(run: Path) -> int:
    settings = Settings.load(run=run)
    keyring, before = FakeKeyring(), Model(run / "calls").before
    connectors = [keyring, FakeTriton(before), FakeWeaviate(before)]
    hosted = host(settings, chain(), connectors, keyring)
    ready = os.environ.get("PLAYHEAD_READY_FILE")
    return await supervise(
        Worker(hosted, Path(ready) if ready else None, loop=asyncio.get_running_loop())
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    logs.configure("info")
    tracing.configure(Settings.load(run=folder), "fake-chain")
    run_to_the_end(main(folder))
