"""Fill a generation from the log: lane by lane in order, within a rate, on and on after a break.

What is written may be written again, in order, and leaves the same; so the state may lie behind
what was done, never before it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from agents.errors import Permanent, Transient
from connectors.weaviate.build_states import BuildState, BuildStates
from connectors.weaviate.versions import VersionWriter
from replay.log import Log
from replay.rebuild.erased_documents import ErasedDocuments
from replay.rebuild.lane_inputs import INPUTS, IndexInput, LaneInputs
from replay.rebuild.target_effects import index_into
from streams.log.codec import Codec

AT_ONCE = 4  # inputs of a lane that are read ahead: a record has up to a megabyte
BEAT_S = 1.0  # between two states that are written
SILENT_S = 4.0  # without a beat, after which whoever wrote a generation counts as ended
RETRY_S, RETRY_MAX_S = 0.5, 15.0  # first and longest pause before an index that is away is asked

ResultT = TypeVar("ResultT")
Rework = Callable[[IndexInput], Awaitable[IndexInput]]
"""What is done to an input before it is written: embed it again."""


@dataclass(frozen=True)
class FillWatch:
    """Whom to tell how it goes; neither may take long."""

    progress: Callable[[int, int], None] = lambda _done, _total: None
    """Records that are done, and all there are."""
    waiting: Callable[[str], None] = lambda _why: None
    """Why it waits; empty when it goes on."""


UNWATCHED = FillWatch()


class Rate:
    """A budget of so many chunks a second; 0 for all that is possible."""

    def __init__(
        self,
        chunks_per_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_s = chunks_per_s
        self._clock = clock
        self._sleep = sleep
        self._free_at = 0.0

    async def spend(self, chunks: int) -> None:
        """Wait until the chunks spent before are paid for; what was not spent is not saved."""
        if not self._per_s:
            return
        now = self._clock()
        wait_s = self._free_at - now
        self._free_at = max(self._free_at, now) + chunks / self._per_s
        if wait_s > 0:
            await self._sleep(wait_s)


class Taken(Permanent):
    """Another process writes the generation."""


class Filler:
    """Writes a generation, as its only writer beside the workers."""

    def __init__(
        self,
        target: VersionWriter,
        codec: Codec,
        state: BuildState,
        told: FillWatch = UNWATCHED,
        change: Rework | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        self.state = state
        self._target = target
        self._codec = codec
        self._told = told
        self._change = change
        self._retry_s = retry_s
        self._states = BuildStates(target)
        self._erased = ErasedDocuments(codec)
        self._lanes: dict[int, LaneInputs] = {}
        self._reading = asyncio.Lock()
        self._beaten_s = 0.0
        self._owner = uuid.uuid4().hex

    @property
    def unreadable(self) -> int:
        """How many inputs could not be read as what they should be."""
        return sum(lane.unreadable for lane in self._lanes.values())

    async def take(self, silent_s: float = SILENT_S) -> None:
        """Become the one who writes it; raises Taken where another does, who lives."""
        known = await self._patiently(self._states.read)
        if known is not None and known.owner:
            await asyncio.sleep(silent_s)
            again = await self._patiently(self._states.read)
            if again is not None and again.owner and again.beat != known.beat:
                raise Taken(
                    f"generation {known.generation} is being written by another process: wait for "
                    "its end, or stop it; then run this again"
                )
        self.state.owner = self._owner
        await self._write_state(known)

    async def leave(self) -> None:
        """Let another one write it: the state says how far it has come.

        Where another one has taken it over, what that one has written down stands.
        """
        known = await self._states.read()
        if known is None or known.owner == self._owner:
            self.state.owner = ""
            await self._states.write(self.state)

    async def fill(self, log: Log, rate: Rate, *, pending: bool = False) -> int:
        """Write all that a log holds and the generation does not; return how many records.

        Raises Permanent where the index refuses something, or documents were erased since it was
        begun. While the index is away, this waits; one that came back goes on as it was.
        """
        lanes = sorted(lane for topic, lane in log.extents() if topic == INPUTS)
        for lane in lanes:
            self._hold_to_beginning(log, lane)
        await self._on_thread(partial(self._erased.learn, log))
        if not self.state.records:
            self.state.erasures = self._erased.erasures
        self._erased.hold_to(self.state.erasures, self.state.generation)
        before = self.state.records
        self._progress(log)
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._fill_lane(log, lane, rate, pending=pending))
        await self._save()
        return self.state.records - before

    async def _fill_lane(self, log: Log, lane: int, rate: Rate, *, pending: bool) -> None:
        inputs = self._lane(lane)
        inputs.next = self.state.lanes.get(lane, 0)
        reading = inputs.read(log, pending=pending)
        while some := await self._some(reading):
            for one in some:
                await rate.spend(len(one.event.chunks))
                await self._write(one)
                self.state.lanes[lane] = one.given.offset + 1
                self.state.records += 1
                self.state.chunks += len(one.event.chunks)
                self._progress(log)
                if time.monotonic() - self._beaten_s > BEAT_S:
                    await self._save()
        self.state.lanes[lane] = max(inputs.next, self.state.lanes.get(lane, 0))

    def _hold_to_beginning(self, log: Log, lane: int) -> None:
        """Refuse to pass over records that the log does not hold any more."""
        begin, has = log.extents()[INPUTS, lane].begin, self.state.lanes.get(lane, 0)
        if begin > has:
            raise Permanent(
                f"{INPUTS}[{lane}] begins at offset {begin} and generation "
                f"{self.state.generation} holds what is before {has}: the records between lie in "
                "an archive alone; name it with --archive"
            )

    async def _some(self, reading: Iterator[IndexInput]) -> Sequence[IndexInput]:
        """Read a few inputs."""
        return await self._on_thread(lambda: list(islice(reading, AT_ONCE)))

    async def _on_thread(self, read: Callable[[], ResultT]) -> ResultT:
        """Read on a thread; the log has one reader.

        A swap that takes too long stops waiting, and the thread reads on: whoever is next waits for
        its end, or each would take records of the other.
        """
        await self._reading.acquire()
        reading = asyncio.ensure_future(asyncio.to_thread(read))
        reading.add_done_callback(self._read)
        return await asyncio.shield(reading)

    def _read(self, reading: asyncio.Future[Any]) -> None:
        self._reading.release()
        if not reading.cancelled():
            reading.exception()  # whoever waits is told; nobody may wait any more

    async def _write(self, one: IndexInput) -> None:
        changed = await self._patiently(lambda: self._changed(one))
        await self._patiently(lambda: index_into(self._target, changed))

    async def _changed(self, one: IndexInput) -> IndexInput:
        one = self._erased.without(one)
        return await self._change(one) if self._change and one.event.chunks else one

    async def _patiently(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Ask until the index answers, and say that it is waited for."""
        pause_s = self._retry_s
        while True:
            try:
                answer = await ask()
            except Transient as error:
                self._told.waiting(str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)
            else:
                if pause_s > self._retry_s:
                    self._told.waiting("")
                return answer

    async def _save(self) -> None:
        """Write the state down, unless another one has taken the generation over."""
        known = await self._patiently(self._states.read)
        if known is not None and known.owner not in {"", self._owner}:
            raise Taken(f"generation {known.generation} was taken over by another process")
        await self._write_state(known)

    async def _write_state(self, known: BuildState | None) -> None:
        self._beaten_s = time.monotonic()
        self.state.beat = max(self.state.beat, known.beat if known else 0) + 1
        await self._patiently(lambda: self._states.write(self.state))

    def _lane(self, lane: int) -> LaneInputs:
        if lane not in self._lanes:
            self._lanes[lane] = LaneInputs(self._codec, lane, tenant=self.state.tenant)
        return self._lanes[lane]

    def first_pending(self, log: Log) -> dict[int, int]:
        """Return, of each lane, the first input that the live step may still be writing."""
        return {
            lane: self._lane(lane).first_pending(log)
            for topic, lane in sorted(log.extents())
            if topic == INPUTS
        }

    def _progress(self, log: Log) -> None:
        places = [extent for (topic, _), extent in log.extents().items() if topic == INPUTS]
        done = sum(
            min(max(self.state.lanes.get(one.partition, 0), one.begin), one.end) - one.begin
            for one in places
        )
        self._told.progress(done, sum(one.end - one.begin for one in places))
