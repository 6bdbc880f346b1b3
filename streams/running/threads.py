"""The threads that take blocking work off an event loop.

asyncio begins them one by one, when something is to be done: on the loop, which waits until the
thread says that it has begun. Where memory runs short just then that is for ever (`watching.
standstill`). So they are begun with the loop, all of them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

THREADS = min(32, (os.cpu_count() or 1) + 4)  # as many as the library would come to have


def begin_threads(loop: asyncio.AbstractEventLoop, number: int = THREADS) -> None:
    """Give a loop its threads for `asyncio.to_thread`; blocks until they have begun."""
    pool = ThreadPoolExecutor(number, "blocking")
    all_there = threading.Barrier(number + 1)
    for _ in range(number):  # each keeps its thread until all are there, so the pool makes another
        pool.submit(all_there.wait)
    all_there.wait()
    loop.set_default_executor(pool)
