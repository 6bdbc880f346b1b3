"""The worker: some or all steps in one process, as Faust apps under one mode Worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
import uvloop
from mode import Worker as ModeWorker

from streams.log.broker_access import BrokerRefuses
from streams.log.credential_files import check_files
from streams.operations.options import run_option
from streams.running.allocator import give_back_early
from streams.running.collector import spare_the_collector
from streams.running.grpc_sockets import read_as_before
from streams.running.threads import begin_threads
from streams.settings import BadSetting, Settings
from streams.topics import Step
from streams.watching import logs, metrics, tracing
from streams.watching.loop_watch import LoopWatch
from streams.watching.standstill import Standstill
from worker.oversight import Tell, follow_cancellations, follow_erasures, keep_lease, watch_over
from worker.preparing import prepared
from worker.priority import give_way
from worker.ready_file import ReadyFile
from worker.wiring import Host, chosen, declare_all

log = logs.logger("worker")

DRAIN_S = 7.0  # for running events at a stop; with the commit and the goodbye it stays below 10 s
PUBLISHED_S = 1.0
STOP_S = 9.5
READY_POLL_S = 0.05
Watching = Callable[[Tell], Coroutine[Any, Any, None]]


class Worker(ModeWorker):
    """Starts the apps side by side, says when all are ready, and drains them at a stop."""

    def __init__(
        self, hosted: Host, ready_file: Path | None, watch: Watching | None = None, **kwargs: Any
    ) -> None:
        """`watch` runs beside the apps once they are ready; it raises what must end the worker."""
        super().__init__(override_logging=False, quiet=True, redirect_stdouts=False, **kwargs)
        self._hosted = hosted
        steps = [entry.step.name for entry in hosted.steps]
        self._ready_file = ReadyFile(ready_file, steps) if ready_file else None
        self._watch = watch
        for entry in hosted.steps:
            entry.app.beacon.reattach(self.beacon)
            entry.app.in_worker = True
        self._draining = False

    def install_signal_handlers(self) -> None:
        """Leave the signals to `supervise`: a stop must be waited for."""

    async def on_started(self) -> None:
        """Start all apps at once: each waits for its partitions and its tables."""
        self.add_future(keep_lease(self._hosted.steps))
        self.add_future(self._run_apps())
        await super().on_started()

    async def _run_apps(self) -> None:
        steps = [entry.step.name for entry in self._hosted.steps]
        log.info("starting", steps=steps)
        await asyncio.gather(*(entry.app.start() for entry in self._hosted.steps))
        told: list[str] = []
        while not all(entry.runner.ready for entry in self._hosted.steps):
            await asyncio.sleep(READY_POLL_S)
            reasons = [entry.trouble for entry in self._hosted.steps if entry.trouble]
            if reasons and reasons != told:
                self._well_or_not(reasons)
            told = reasons
        await self._hosted.world.loaded()
        self._say_ready([])
        spare_the_collector()
        log.info("ready", steps=steps)
        if self._watch is not None:
            self.add_future(self._watch(self._well_or_not))

    def _well_or_not(self, reasons: Sequence[str]) -> None:
        """Say why the worker is not ready, or that it is again."""
        if reasons:
            log.error("not ready", reasons=reasons)
        else:
            log.info("ready again")
        self._say_ready(reasons)

    def _say_ready(self, reasons: Sequence[str]) -> None:
        if self._ready_file is not None and not self._draining:
            self._ready_file.say(reasons)

    async def on_stop(self) -> None:
        """Stop fetching, let running events end, commit, leave the groups."""
        if self._draining:
            return
        self._draining = True
        log.info("stopping")
        if self._ready_file is not None:
            self._ready_file.forget()
        await asyncio.gather(
            *(self._stop_app(entry) for entry in self._hosted.steps), return_exceptions=True
        )
        with contextlib.suppress(Exception):
            await self._hosted.world.close()
        log.info("stopped")

    async def _stop_app(self, entry: Any) -> None:
        app = entry.app
        if app.started and not self.crashed:
            app.consumer.stop_taking()
            await entry.runner.drain(DRAIN_S)
        await app.stop()
        await app.publisher.close(PUBLISHED_S)


async def serve(settings: Settings, steps: Sequence[Step], ready_file: Path | None) -> int:
    """Run a worker until it is told to stop; return its exit code: 1 if it broke."""
    try:
        check_files(settings)
        hosted = await prepared(settings, declare_all(settings, steps))
    except (BrokerRefuses, BadSetting) as error:  # waiting would change nothing
        log.error("the worker can't begin", reason=str(error))  # noqa: TRY400 - it says all
        return 1
    follow_erasures(hosted, settings, asyncio.get_running_loop())
    await follow_cancellations(hosted, settings)
    watch = partial(watch_over, hosted.steps, settings)
    worker = Worker(hosted, ready_file, watch, loop=asyncio.get_running_loop())
    return await supervise(worker)


async def supervise(worker: Worker, stop_s: float = STOP_S) -> int:
    """Run a mode Worker inside a loop that we own, so that a stop takes no longer than its work."""
    loop = asyncio.get_running_loop()
    watch = LoopWatch()
    watch.hold(loop)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(worker.start())
    crashed = asyncio.create_task(worker._crashed.wait())  # noqa: SLF001 - no public way
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({running, crashed, stopping}, return_when=asyncio.FIRST_COMPLETED)
    error = worker.crash_reason or (running.exception() if running in done else None)
    if error is not None:
        log.error("the worker broke", error=type(error).__name__, stack=logs.places(error))
    try:
        await asyncio.wait_for(worker.stop(), stop_s)
    except TimeoutError:
        log.warning("the stop took too long", limit_s=stop_s)
    for task in (running, crashed, stopping):
        task.cancel()
    watch.release()
    return 0 if error is None else 1


@click.command()
@click.option("--steps", metavar="A,B", help="Only these steps; all of them by default.")
@run_option
def worker(steps: str | None, run: Path | None) -> None:
    """Run the steps: the Faust worker. SIGTERM lets running events end, then stops.

    \b
    Example:
      playhead worker
      playhead worker --steps rewrite,retrieve
    """
    give_back_early()  # before anything has threads
    read_as_before()  # before a connector imports gRPC
    try:
        settings = Settings.load(run=run)
        hosted = chosen(steps)
    except (BadSetting, KeyError) as error:
        raise click.UsageError(str(error.args[0])) from None
    if not hosted:
        raise click.UsageError("--steps names no step: leave it out to run all")
    give_way(settings.niceness)
    logs.configure(settings.log_level)
    metrics.configure(settings, "playhead-worker", settings.metrics_port)
    tracing.configure(settings, "playhead-worker")
    ready = os.environ.get("PLAYHEAD_READY_FILE")
    run_to_the_end(serve(settings, hosted, Path(ready) if ready else None))


def run_to_the_end(served: Coroutine[Any, Any, int]) -> NoReturn:
    """Run a worker and end the process with its exit code, 1 if an error comes out of it.

    The loop is left open and no thread is joined: what mattered was stopped with the worker, and
    clients that sit out timeouts of their own must not hold the process. The standstill watch holds
    to the end: it ends a goodbye that does not end, too.
    """
    loop, code = uvloop.new_event_loop(), 1
    Standstill().hold(loop)
    begin_threads(loop)
    try:
        code = loop.run_until_complete(served)
    except BaseException as error:  # else the interpreter would wait for all threads
        log.exception("the worker broke", error=type(error).__name__)
    finally:
        try:
            tracing.flush()
            metrics.flush()
            logs.flush()
        finally:
            os._exit(code)
