"""The steps' Faust apps, by the step's name, for Faust's own command line.

    faust -A worker.apps:generate agents
    faust -A worker.apps:generate tables
    faust -A worker.apps:generate worker --without-web

`playhead worker` runs several steps in one process, drains them at a stop and says when it is
ready; a worker of Faust's runs one. Either is watched, and neither loses or repeats anything; what
Faust's cuts short at a stop is run again. PLAYHEAD_RUN tells where the stack is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache, partial

from streams.delivery.faust_shell import App
from streams.delivery.memory import Memory
from streams.running.threads import begin_threads
from streams.settings import Settings
from streams.topics import STEPS, step
from streams.watching.logs import logger
from streams.watching.loop_watch import LoopWatch
from streams.watching.standstill import Standstill
from worker.oversight import follow_cancellations, follow_erasures, keep_lease, watch_over
from worker.preparing import prepared
from worker.wiring import Host, Hosted, declare

log = logger("worker")

CLOSING_S = 1.0  # for the broker to acknowledge what was written


def __getattr__(name: str) -> App:
    """Return the app of a step."""
    if name not in {entry.name for entry in STEPS}:
        raise AttributeError(
            f"no step {name}: it must be one of {', '.join(entry.name for entry in STEPS)}"
        )
    return app_of(name)


@cache
def app_of(name: str) -> App:
    """Declare the app of a step; what the step asks is made when the app starts."""
    settings = Settings.load()
    hosted = declare(settings, step(name), Memory(settings.memory_mb * 1_000_000))
    hosted.app.prepare = partial(_prepare, settings, hosted)
    return hosted.app


async def _prepare(settings: Settings, hosted: Hosted) -> None:
    loop = asyncio.get_running_loop()
    watch, standstill = LoopWatch(), Standstill()
    standstill.hold(loop)
    begin_threads(loop)
    host = await prepared(settings, [hosted])
    follow_erasures(host, settings, loop)
    await follow_cancellations(host, settings)
    hosted.app.clean_up = partial(_clean_up, host, watch, standstill)
    hosted.app.add_future(keep_lease(host.steps))
    hosted.app.add_future(watch_over(host.steps, settings, _say_how_it_is))
    watch.hold(loop)


def _say_how_it_is(reasons: Sequence[str]) -> None:
    """Say what a worker of `playhead worker` would say in its ready file."""
    if reasons:
        log.error("not well", reasons=reasons)
    else:
        log.info("well again")


async def _clean_up(host: Host, watch: LoopWatch, standstill: Standstill) -> None:
    watch.release()
    standstill.release()
    await host.world.close()
    for one in host.steps:
        await one.app.publisher.close(CLOSING_S)
