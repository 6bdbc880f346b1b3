"""The watchdog: notices that a step has fallen silent although the broker has records for it.

Every part of a worker can be well by its own lights while a step reads nothing any more: its
process lives, its loop turns, its own count of what is behind stands still at nothing. So the
broker is asked where each lane ends, and that is held against how far the lane was read.

    a lane is behind          it ends beyond the newest record taken, there are records in between
                              (not only the markers of transactions), and its fetch is not paused
    a lane is silent          it was behind at LOOKS looks in a row, and nothing of it was taken
    a step is deaf            every lane of it that is behind is silent, at DEAF_LOOKS looks
    a lane's log is another   its topic was made anew since the lane came: it is read no further
    a step is unknown         no lane is ours, and its group does not know us, at LOOKS looks: its
                              client has lost its way, and another one joins
    a step is cut off         no lane is ours, and what its group has not committed stands still, at
                              CUT_OFF_LOOKS looks

What is silent or cut off, or waits for its slot, is told: the worker is not ready, a gauge and the
log name the lane. A deaf step ends its worker, for nothing else would make it hear again. Looks
count, not seconds, and only those that the broker has answered: a machine that is slow or a broker
that is away makes nobody silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from confluent_kafka import KafkaException

from streams.delivery.lane import Lane, Place
from streams.delivery.log_identity import MADE_ANEW, displace
from streams.log.offsets import NoAnswer, OffsetReader
from streams.watching.logs import logger

log = logger("watchdog")

LOOK_S = 10.0
SEARCH_S = 2.0  # between looks for a step in its group, once its lanes have gone
SEARCHES = 30  # then it is looked for with all else: a worker may well have no lane
LOOKS = 3
DEAF_LOOKS = 6
CUT_OFF_LOOKS = 18  # another worker may have the lanes, and be at something long


class Watched(Protocol):
    """A step that is watched."""

    @property
    def group(self) -> str:
        """Its consumer group."""

    @property
    def topics(self) -> Sequence[str]:
        """What it reads."""

    @property
    def held(self) -> Sequence[Lane]:
        """The lanes that are ours now."""

    @property
    def trouble(self) -> str:
        """Why its group gives it no lane; empty while it may."""

    def is_known(self) -> bool:
        """Say whether its group may give it lanes; blocks, raises NoAnswer."""

    def join_anew(self) -> None:
        """Have it join its group with another client."""


class Deaf(Exception):
    """A step reads nothing although there is something to read."""


@dataclass
class _Silence:
    """How long a step has been silent."""

    expected: dict[Place, int] = field(default_factory=dict)
    """Lane that was behind -> the offset that it waited for."""
    looks: dict[Place, int] = field(default_factory=dict)
    """Looks in a row at which it waited for that one."""
    uncommitted: Mapping[Place, int] = field(default_factory=dict)
    """Lane -> what the group had committed, while none was ours and some of it was behind."""
    looks_cut_off: int = 0
    looks_unknown: int = 0
    """Looks in a row at which its group did not know it."""
    searches: int = 0
    """How often it was looked for since it had a lane."""
    vacant: dict[Place, int] = field(default_factory=dict)
    """Lane -> its end, where no record lies between what was read and that."""

    def take(self, lanes: Sequence[Lane], ends: Mapping[Place, int]) -> None:
        """Learn how far lanes were read, and where they end."""
        expected, looks = {}, {}
        for lane in lanes:
            place = (lane.topic, lane.partition)
            end = ends.get(place, 0)
            if (
                end > lane.expected
                and end != self.vacant.get(place)
                and not (lane.paused or lane.displaced)
            ):
                waited = self.expected.get(place) == lane.expected
                expected[place] = lane.expected
                looks[place] = self.looks[place] + 1 if waited else 1
        self.expected, self.looks = expected, looks
        self.looks_cut_off = self.looks_unknown = self.searches = 0

    @property
    def suspects(self) -> dict[Place, int]:
        """Lanes that seem silent -> the offset that each waits for."""
        return {place: self.expected[place] for place, n in self.looks.items() if n >= LOOKS}

    def clear(self, place: Place, end: int) -> None:
        """Take note that a lane has no record up to its end."""
        self.vacant[place] = end
        del self.expected[place], self.looks[place]

    def mark(self, lanes: Sequence[Lane]) -> None:
        """Mark the lanes that are silent."""
        suspects = self.suspects
        for lane in lanes:
            lane.silent = (lane.topic, lane.partition) in suspects

    def take_none(self, committed: Mapping[Place, int], ends: Mapping[Place, int]) -> None:
        """Learn what the group has committed while no lane is ours."""
        self.expected, self.looks = {}, {}
        behind = any(ends.get(place, 0) > max(at, 0) for place, at in committed.items())
        waited = behind and committed == self.uncommitted
        self.looks_cut_off = self.looks_cut_off + 1 if waited else int(behind)
        self.uncommitted = committed

    @property
    def deaf(self) -> bool:
        """Whether nothing is read of a step that is behind."""
        return bool(self.looks) and min(self.looks.values()) >= DEAF_LOOKS


class Watchdog:
    """Watches the steps of a process."""

    def __init__(
        self,
        steps: Sequence[Watched],
        partitions: int,
        offsets: Callable[[], OffsetReader],
        tell: Callable[[Sequence[str]], None],
        topic_ids: Callable[[Collection[str]], Mapping[str, str]],
        look_s: float = LOOK_S,
        search_s: float = SEARCH_S,
    ) -> None:
        """`topic_ids` asks the broker which topics these are, see `log_identity`; it blocks.

        `tell` is told, whenever it changes, why the worker is not ready; nothing: it is.
        """
        self._steps = {step.group: step for step in steps}
        self._partitions = partitions
        self._offsets = offsets
        self._tell = tell
        self._topic_ids = topic_ids
        self._gone: set[str] = set()
        """Topics that the broker has no more."""
        self._look_s = look_s
        self._search_s = search_s
        self._silences = {group: _Silence() for group in self._steps}
        self._told: list[str] = []

    async def watch(self) -> None:
        """Look again and again; raises Deaf."""
        while True:
            try:
                async with self._offsets() as offsets:
                    while True:
                        await self._rest()
                        await self.look(offsets)
            except NoAnswer as error:  # then nothing is known, and nobody is to blame
                log.debug("the broker does not tell its offsets", reason=str(error))
                await self._rest()

    async def _rest(self) -> None:
        """Wait for the next look; meanwhile look for steps whose lanes have just gone."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._look_s
        while (left_s := until - loop.time()) > 0:
            await asyncio.sleep(min(self._search_s, left_s))
            await self.search()

    async def search(self) -> None:
        """Look once for the steps whose lanes have just gone."""
        for group, silence in self._silences.items():
            if self._steps[group].held:
                silence.looks_unknown = silence.searches = 0
            elif silence.searches < SEARCHES:
                silence.searches += 1
                await self._find(group, silence)

    async def look(self, offsets: OffsetReader) -> None:
        """Compare once what the broker has with what was read; raises NoAnswer and Deaf."""
        idle = [group for group, step in self._steps.items() if not step.held]
        lanes = {group: list(step.held) for group, step in self._steps.items()}
        places = {(lane.topic, lane.partition) for held in lanes.values() for lane in held}
        groups = {group: self._places_of(group) for group in idle}
        every = places.union(*groups.values())
        # first, for the ends of a topic that is gone would be waited for in vain
        await self._compare_topics([lane for held in lanes.values() for lane in held], every)
        every = {place for place in every if place[0] not in self._gone}
        told = await offsets.read(groups, sorted(every))
        ends = {place: extent.end for place, extent in told.extents.items()}
        for group, silence in self._silences.items():
            if group in told.committed:
                silence.take_none(told.committed[group], ends)
                await self._find(group, silence)
            else:
                silence.take(lanes[group], ends)
                await self._clear(silence, offsets, ends)
                silence.mark(lanes[group])
        self._judge()

    async def _find(self, group: str, silence: _Silence) -> None:
        """Have a step join anew that has no lane because its group does not know it."""
        step = self._steps[group]
        try:
            known = await asyncio.to_thread(step.is_known)
        except NoAnswer:
            return
        silence.looks_unknown = 0 if known else silence.looks_unknown + 1
        if silence.looks_unknown >= LOOKS:
            silence.looks_unknown = 0
            step.join_anew()

    async def _compare_topics(self, lanes: Sequence[Lane], places: Iterable[Place]) -> None:
        """Displace the lanes whose topic is another one than when they came."""
        topics = {topic for topic, _ in places}
        try:
            ids = await asyncio.to_thread(self._topic_ids, topics)
        except (KafkaException, TimeoutError) as error:
            raise NoAnswer(str(error)) from error
        self._gone = topics - ids.keys()
        for lane in lanes:
            if lane.topic_id and ids.get(lane.topic, lane.topic_id) != lane.topic_id:
                displace(lane, MADE_ANEW)

    async def _clear(
        self, silence: _Silence, offsets: OffsetReader, ends: Mapping[Place, int]
    ) -> None:
        """Clear the lanes that have nothing to read: their ends are markers of transactions."""
        if suspects := silence.suspects:
            first_ms = await offsets.first_ms(suspects)
            for place in suspects.keys() - first_ms.keys():
                silence.clear(place, ends[place])

    def _judge(self) -> None:
        """Tell what is not well; raises Deaf."""
        reasons = [reason for group in self._steps for reason in self._reasons(group)]
        if reasons != self._told:
            self._told = reasons
            self._tell(reasons)
        for group, silence in self._silences.items():
            if silence.deaf:
                reason = (
                    f"{group} has read nothing of {_named(silence.looks)} at {DEAF_LOOKS} looks, "
                    "though the broker has records there: the worker ends, to be started again"
                )
                log.error("a step is deaf", reason=reason)
                raise Deaf(reason)

    def _places_of(self, group: str) -> list[Place]:
        topics = self._steps[group].topics
        return [(topic, lane) for topic in topics for lane in range(self._partitions)]

    def _reasons(self, group: str) -> list[str]:
        silence, held = self._silences[group], self._steps[group].held
        silent = [(lane.topic, lane.partition) for lane in held if lane.silent]
        displaced = [(lane.topic, lane.partition) for lane in held if lane.displaced]
        gone = sorted({lane.topic for lane in held if lane.topic in self._gone})
        reasons = [f"{group} reads {topic}, which the broker has no more" for topic in gone]
        if silent:
            reasons.append(f"{group} reads nothing of {_named(silent)}")
        if displaced:
            reasons.append(f"{group} can't go on with {_named(displaced)}: see its log")
        if trouble := self._steps[group].trouble:
            reasons.append(trouble)
        elif not held and silence.looks_cut_off >= CUT_OFF_LOOKS:
            reasons.append(f"{group} has no lane here, and nobody moves what is behind")
        return reasons


def _named(places: Sequence[Place] | Mapping[Place, int]) -> str:
    """Spell lanes, the first few."""
    names = [f"{topic}[{lane}]" for topic, lane in sorted(places)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
