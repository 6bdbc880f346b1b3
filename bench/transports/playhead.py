"""Playhead's runner with every guarantee on, over the no-op steps; with the key store of a run."""

from __future__ import annotations

import asyncio

from bench import handing_on
from bench.transports.chain import Chain
from streams.settings import Settings
from streams.watching import logs
from worker.cli import Worker, run_to_the_end, supervise
from worker.wiring import connect, host


async def main(chain: Chain) -> int:
    """Run until SIGTERM."""
    settings = Settings.load(
        environment={}, run=chain.run, kafka=chain.kafka, registry=chain.registry
    )
    steps = handing_on.noop(len(chain.topics) - 1)
    connectors, keyring = connect(settings, ())
    hosted = host(settings, steps, connectors, keyring)
    return await supervise(Worker(hosted, None, loop=asyncio.get_running_loop()))


if __name__ == "__main__":
    logs.configure("warning")
    run_to_the_end(main(Chain.given()))
