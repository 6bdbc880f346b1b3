"""What waits on the log, and what that means for a new request.

From the offsets of every second follow, for each lane that a step reads: how many records wait, for
how long the oldest has, how fast the step has lately been, and so how long a new one would wait.

Why it is so:

* A step works on a window of records at once, and a slow one holds back the committed offset of
  those that were finished after it. So a lag within the window is no queue, unless nothing moves:
  neither the committed offset nor the lane that the step writes to.
* The rate of a step is what it did while it had something to do. A quiet lane is not a slow one.
* A limit counts a lane, and tenants share lanes. Steps let tenants take turns, so who has next to
  nothing under way hardly waits behind another's crowd: while the lane moves, neither limit nor
  estimate count for them more of it than what lies beyond the reach of the step.
* A limit that was passed holds until half of it is reached: a gateway on the brink does not take
  every other request.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas import (
    ChunksCut,
    ChunksEmbedded,
    ChunksRedacted,
    ChunksRetrieved,
    DocumentSubmitted,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
)
from streams.delivery.lane import REACH
from streams.log.offsets import Partition
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import topics_of

SEARCH = topics_of(QuestionAsked, QuestionRedacted, QueryRewritten)
QUESTION = (*SEARCH, *topics_of(ChunksRetrieved, TokensGenerated))
DOCUMENT = topics_of(DocumentSubmitted, ChunksCut, ChunksRedacted, ChunksEmbedded)
"""Topics that a request passes, each of which waits for one step."""

MOVING_S = 5.0  # without any progress for so long, a step is taken to stand still
HALF_LIFE_S = 30.0  # of what is remembered of a step's rate: some answers long
GAP_S = 5.0  # readings further apart say nothing about rates: the broker was away
SAMPLES_MAX = 128  # of one lane's growth; then every other is forgotten
REOPEN = 0.5  # of a limit
RETRY_S = (1.0, 60.0)  # bounds of what a client is told to wait
RETRY_UNKNOWN_S = 5.0  # where nothing is known of the rate: a worker starts within seconds


@dataclass(frozen=True)
class LaneLimits:
    """How far a lane may be behind before new requests are refused."""

    records: int
    age_s: float


@dataclass(frozen=True)
class Refusal:
    """Why a request is not taken, and in how many seconds it may be."""

    reason: str
    """lag, age or deadline."""
    detail: str
    retry_s: float


def retry_after_s(wait_s: float) -> float:
    """Keep a wait within what a client may be told."""
    return min(RETRY_S[1], max(RETRY_S[0], wait_s))


@dataclass
class Track:
    """One lane that a step reads, over time; times are seconds of a monotonic clock."""

    step: str
    window: int
    limits: LaneLimits
    committed: int = 0
    end: int = 0
    closed: str = ""
    """lag or age, where a limit was passed and its half not reached since; else empty."""
    _samples: list[tuple[float, int]] = field(default_factory=list)
    """(when it was seen, end): everything before that end was there by then."""
    _read_s: float | None = None
    _moved_s: float = 0.0
    _done: float = 0.0
    _busy_s: float = 0.0

    @property
    def lag(self) -> int:
        """Records that are not finished."""
        return max(0, self.end - self.committed)

    @property
    def rate(self) -> float | None:
        """Records a second while there was something to do; None where nothing was done yet."""
        return self._done / self._busy_s if self._done > 0 and self._busy_s > 0 else None

    def take(
        self, committed: int, end: int, now_s: float, *, onward: bool, age_s: float = 0.0
    ) -> None:
        """Learn from a reading.

        `onward`: the lane that the step writes to has grown. `age_s`: that of the oldest record,
        where it is known; used at the first reading alone.
        """
        if self._read_s is None or end < self.end or committed < self.committed:
            self._samples = [(now_s - age_s, end)]  # new, or made anew on the broker
            self._moved_s, self._done, self._busy_s = now_s, 0.0, 0.0
        else:
            self._learn_rate(committed, end, now_s - self._read_s)
            if committed > self.committed or onward or now_s - self._read_s > GAP_S:
                self._moved_s = now_s
            if end > self.end:
                self._samples.append((now_s, end))
        self.committed, self.end, self._read_s = committed, end, now_s
        self._samples = [sample for sample in self._samples if sample[1] > committed]
        if len(self._samples) > SAMPLES_MAX:
            del self._samples[1:-1:2]
        self._judge(now_s)

    def _learn_rate(self, committed: int, end: int, passed_s: float) -> None:
        busy = self.end > self.committed or end > committed
        if busy and 0 < passed_s <= GAP_S:
            kept = 0.5 ** (passed_s / HALF_LIFE_S)
            self._done = self._done * kept + committed - self.committed
            self._busy_s = self._busy_s * kept + passed_s

    def _judge(self, now_s: float) -> None:
        share = REOPEN if self.closed else 1.0
        if self.lag > self.limits.records * share:
            self.closed = "lag"
        elif self.waited_s(now_s) > self.limits.age_s * share:
            self.closed = "age"
        else:
            self.closed = ""

    def age_s(self, now_s: float) -> float:
        """Return the age of the oldest record that is not finished; 0 where there is none."""
        return now_s - self._samples[0][0] if self._samples else 0.0

    def _stands_still(self, now_s: float) -> bool:
        return self.lag > 0 and min(self.age_s(now_s), now_s - self._moved_s) > MOVING_S

    def waited_s(self, now_s: float) -> float:
        """Return for how long records have waited for the step; those it works on do not wait."""
        waits = self.lag > self.window or self._stands_still(now_s)
        return self.age_s(now_s) if waits else 0.0

    def is_closed(self, now_s: float, *, to_all: bool) -> bool:
        """Tell whether a limit was passed: for a crowd, or for all, since nobody's turn comes."""
        out_of_reach = self.lag > REACH and self.rate is None
        return bool(self.closed) and (not to_all or out_of_reach or self._stands_still(now_s))

    def wait_s(self, now_s: float, *, takes_turns: bool = False) -> float:
        """Return for how long a new record would wait, at the rate of late.

        One whose tenant has next to nothing under way takes its turn among all within reach.
        """
        queue = max(0, self.lag - (REACH if takes_turns else self.window))
        by_rate = queue / self.rate if queue and self.rate else 0.0
        return max(by_rate, self.age_s(now_s) if self._stands_still(now_s) else 0.0)

    def reopens_s(self) -> float:
        """Return in how many seconds a closed lane may be open again."""
        if self.rate is None:
            return RETRY_UNKNOWN_S
        left = self.lag - self.limits.records * REOPEN if self.closed == "lag" else self.lag
        return left / self.rate


class Backlog:
    """All lanes that requests of the edge pass."""

    def __init__(self, settings: Settings) -> None:
        self._window = settings.window
        questions = LaneLimits(settings.question_lag_max, settings.question_age_max_s)
        documents = LaneLimits(settings.document_lag_max, settings.document_age_max_s)
        self._limits = dict.fromkeys(DOCUMENT, documents) | dict.fromkeys(QUESTION, questions)
        self.tracks: dict[Partition, Track] = {}

    @property
    def known(self) -> bool:
        """Whether a reading was taken."""
        return bool(self.tracks)

    def take(
        self, lags: Sequence[Lag], now_s: float, ages_s: Mapping[Partition, float] | None = None
    ) -> None:
        """Learn from a reading of all lanes; the ages are of use at the first one."""
        ends = {(one.topic, one.lane): one.end for one in lags}
        grown = {
            place for place, end in ends.items() if (t := self.tracks.get(place)) and end > t.end
        }
        for one in lags:
            limits = self._limits.get(one.topic)
            if limits is None:
                continue
            place = (one.topic, one.lane)
            track = self.tracks.get(place)
            if track is None:
                track = self.tracks[place] = Track(one.step, self._window, limits)
            track.take(
                one.committed,
                one.end,
                now_s,
                onward=any((topic, one.lane) in grown for topic in _after(one.topic)),
                age_s=(ages_s or {}).get(place, 0.0),
            )

    def refusal(
        self,
        path: Iterable[str],
        lane: int,
        now_s: float,
        budget_s: float = math.inf,
        *,
        takes_turns: bool = False,
    ) -> Refusal | None:
        """Say why a request to a lane can't be taken; None where it can.

        `takes_turns`: its tenant has next to nothing under way, so it does not wait for a crowd.
        """
        wait_s = 0.0
        for topic in path:
            track = self.tracks.get((topic, lane))
            if track is None:
                continue
            if track.is_closed(now_s, to_all=takes_turns):
                return Refusal(
                    track.closed,
                    f"{track.step} is behind: {track.lag} records wait, the oldest for "
                    f"{track.age_s(now_s):.0f} s",
                    retry_after_s(track.reopens_s()),
                )
            wait_s += track.wait_s(now_s, takes_turns=takes_turns)
        if wait_s > budget_s:
            return Refusal(
                "deadline",
                f"it would wait for about {wait_s:.0f} s, longer than its {budget_s:.0f} s",
                retry_after_s(wait_s - budget_s),
            )
        return None

    def shedding(self, path: Iterable[str]) -> dict[int, str]:
        """Return the lanes to which requests on a path are refused, each with the step behind."""
        topics = set(path)
        return {
            lane: f"{track.step} ({track.closed})"
            for (topic, lane), track in sorted(self.tracks.items())
            if topic in topics and track.closed
        }


def _after(topic: str) -> tuple[str, ...]:
    """Return the topics that grow when the records of a topic are worked on."""
    return tuple(
        path[path.index(topic) + 1]
        for path in (QUESTION, DOCUMENT)
        if topic in path and topic != path[-1]
    )
