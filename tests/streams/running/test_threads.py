"""The threads of a loop are there before something is to be done in them."""

import asyncio
import threading

from streams.running.threads import THREADS, begin_threads


async def test_no_thread_is_begun_once_the_loop_has_its_own(monkeypatch):
    begin_threads(asyncio.get_running_loop())
    all_at_once = threading.Barrier(THREADS)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", lambda self: 1 / 0)
        for _ in range(3):
            waits = [asyncio.to_thread(all_at_once.wait) for _ in range(THREADS)]
            assert sorted(await asyncio.gather(*waits)) == list(range(THREADS))
