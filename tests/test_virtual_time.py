"""Waiting takes no time, and what is due comes in its order."""

import asyncio
import time

import pytest

from tests.virtual_time import virtual_time


async def test_an_hour_passes_at_once_and_in_order():
    ended, began_s = [], time.monotonic()

    async def sleeps(for_s):
        await asyncio.sleep(for_s)
        ended.append(for_s)

    with virtual_time():
        loop_began_s = asyncio.get_running_loop().time()
        await asyncio.gather(*map(sleeps, (3_600, 1, 60)))
        passed_s = asyncio.get_running_loop().time() - loop_began_s
    assert ended == [1, 60, 3_600]
    assert passed_s == pytest.approx(3_600, abs=1e-3)
    assert time.monotonic() - began_s < 3_600


async def test_a_machine_that_stands_still_is_not_late():
    with virtual_time():
        async with asyncio.timeout(0.05):
            time.sleep(0.2)  # noqa: ASYNC251 - the machine stands still
            await asyncio.sleep(0.04)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.sleep(0.06)


async def test_who_waits_for_what_never_comes_is_told():
    with virtual_time():
        with pytest.raises(AssertionError):
            asyncio.get_running_loop()._selector.select()
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() == pytest.approx(time.monotonic(), abs=60)
