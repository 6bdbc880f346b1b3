"""Prompts are computed apart from all else that the gateway does."""

import asyncio
import threading

import pytest

from edge.gateway import prompt_desk
from edge.gateway.prompt_desk import AT_ONCE, PromptDesk
from edge.problems import Problem


async def test_runs_that_do_not_end_keep_nobody_else_waiting():
    ends, begun = threading.Event(), []

    def never(places):
        begun.append(places)
        ends.wait()
        return []

    desk = PromptDesk(never, computed_s=0.2)
    try:
        many = [desk.recalled([("t", 0, number)]) for number in range(AT_ONCE + 1)]
        told = await asyncio.gather(*many, return_exceptions=True)
        assert [one.status for one in told] == [503] * (AT_ONCE + 1)
        assert len(begun) == AT_ONCE  # the third waited for a thread, and left
        assert await asyncio.to_thread(lambda: "of the gateway") == "of the gateway"
    finally:
        desk.close()
        ends.set()


async def test_those_who_left_are_no_longer_counted(monkeypatch):
    monkeypatch.setattr(prompt_desk, "WAITING_MAX", 1)
    ends = threading.Event()
    desk = PromptDesk(lambda _: ends.wait() and [])
    first = asyncio.create_task(desk.recalled([]))
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await desk.recalled([])
    assert refused.value.status == 429
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    ends.set()
    assert await desk.recalled([]) == []
    desk.close()
