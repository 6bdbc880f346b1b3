"""What had no end for its client is read back patiently, and only what is then missing is a loss."""

import asyncio

from tests.chaos.gateway_tale import Tale
from tests.chaos.patient_reader import AT_ONCE, PATIENCE_S, PatientReader
from tests.fake_clock import FakeClock


def tales(count, **changes):
    return [Tale(f"k-{n}", "question", accepted=[f"r-{n}"], **changes) for n in range(count)]


class Patience:
    """Reads by a clock that goes on as it pauses; `look` says what a look finds."""

    def __init__(self, look, ended=lambda: False):
        self.clock = FakeClock(0.0)
        self.looks = []
        self._finds = look
        self.reader = PatientReader(self.look, ended, clock=self.clock, pause=self.pause)

    async def look(self, tale):
        self.looks.append(tale.key)
        await asyncio.sleep(0)
        status = self._finds(tale, self.looks.count(tale.key), self.clock())
        tale.final = {"status": status}
        return tale.final["status"] == "completed"

    async def pause(self, seconds):
        self.clock.now += seconds
        await asyncio.sleep(0)


async def test_only_what_was_accepted_and_is_not_known_to_be_done_is_read():
    patience = Patience(lambda *_: "completed")
    done = tales(1, final={"status": "completed"})
    never = [Tale("k-9", "question", given_up=True)]
    left = tales(3)[1:]
    await patience.reader.read([*done, *never, *left])
    assert sorted(patience.looks) == ["k-1", "k-2"]
    assert patience.reader.tried == 2
    assert not any(tale.is_missing for tale in (*done, *never, *left))


async def test_it_goes_on_as_long_as_any_more_is_read_however_long_that_takes():
    slow = tales(40)
    ready_s = {tale.key: number * PATIENCE_S / 2 for number, tale in enumerate(slow)}
    patience = Patience(lambda tale, _, s: "completed" if s >= ready_s[tale.key] else "streaming")
    await patience.reader.read(slow)
    assert not any(tale.is_missing for tale in slow)
    assert patience.clock() >= max(ready_s.values())


async def test_what_never_comes_is_missing_and_nothing_else_is():
    some = tales(10)
    patience = Patience(lambda tale, *_: "accepted" if tale.key == "k-3" else "completed")
    await patience.reader.read(some)
    assert [tale.key for tale in some if tale.is_missing] == ["k-3"]
    assert patience.looks.count("k-3") > 10


async def test_nobody_is_looked_at_any_more_once_all_is_over():
    some = tales(10)
    patience = Patience(lambda *_: "streaming", ended=lambda: len(patience.looks) > AT_ONCE)
    await patience.reader.read(some)
    assert len(patience.looks) <= 2 * AT_ONCE
