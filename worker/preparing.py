"""Preparing: what hosted steps need is waited for side by side.

The clients of Weaviate and Triton take more than a second of CPU to import, most of what a start
costs; broker and registry answer meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from streams.delivery.held_slots import hold_slots
from streams.running.collector import while_loading
from streams.settings import Settings
from worker.configurations_chosen import followed
from worker.wiring import Host, Hosted, attach, connect, log_made_ready, wait_for_topics

MadeT = TypeVar("MadeT")


async def prepared(settings: Settings, hosted: Sequence[Hosted]) -> Host:
    """Give hosted steps what they need to run, as soon as all of it is there."""
    steps = [one.step for one in hosted]
    with while_loading():
        connecting = _in_daemon(lambda: connect(settings, steps))
        schemas = _in_daemon(lambda: log_made_ready(settings))
        await wait_for_topics(settings, steps)
        ids = await schemas
        connectors, keyring = await connecting
        configured, held = await asyncio.gather(
            _in_daemon(lambda: followed(settings, ids)),
            _in_daemon(lambda: hold_slots(settings, [one.group for one in hosted])),
        )
    return attach(settings, hosted, connectors, keyring, ids, configured, held)


def _in_daemon(work: Callable[[], MadeT]) -> asyncio.Future[MadeT]:
    """Run what may wait for ever in a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[MadeT] = loop.create_future()

    def run() -> None:
        try:
            made = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, made)

    threading.Thread(target=run, name="prepare", daemon=True).start()
    return done
