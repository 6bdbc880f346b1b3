"""What waits on the log, and what that means for a new request.

From the offsets of every second follow, for each lane that a step reads: how many records wait, for
how long the oldest has, how fast the step has lately been, and so how long a new one would wait.

Why it is so:

* Nothing moves either where there is nothing to do but wait. So a lane stands still only when a
  record that came in was not moved on; and then, after PROBE_S, one request of whoever has next to
  nothing under way is let through, since nothing else could tell whether it still stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge.load.lane_track import NOTHING, LaneLimits, Mine, Track, retry_after_s
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
from streams.log.offsets import Partition
from streams.operations.lag import Lag
from streams.settings import Settings
from streams.topics import topics_of

SEARCH = topics_of(QuestionAsked, QuestionRedacted, QueryRewritten)
QUESTION = (*SEARCH, *topics_of(ChunksRetrieved, TokensGenerated))
DOCUMENT = topics_of(DocumentSubmitted, ChunksCut, ChunksRedacted, ChunksEmbedded)
"""Topics that a request passes, each of which waits for one step."""

PROBE_S = (2.0, 16.0)
"""Between requests that are let through to a lane that stands still: at first, and at most. It
doubles, or who asks again and again would be let through each time, and wait for nothing."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is not taken, and in how many seconds it may be."""

    reason: str
    """lag, age or deadline."""
    detail: str
    retry_s: float


class Backlog:
    """All lanes that requests of the edge pass."""

    def __init__(self, settings: Settings) -> None:
        self._window = settings.window
        questions = LaneLimits(settings.question_lag_max, settings.question_age_max_s)
        documents = LaneLimits(settings.document_lag_max, settings.document_age_max_s)
        self._limits = dict.fromkeys(DOCUMENT, documents) | dict.fromkeys(QUESTION, questions)
        self.tracks: dict[Partition, Track] = {}
        self._probes: dict[Partition, tuple[float, float]] = {}
        """First topic of a path and lane that stands still -> when one more request is let through,
        to see whether it moves, and the pause after that."""

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
                done=one.done,
            )

    def refusal(
        self,
        path: Sequence[str],
        lane: int,
        now_s: float,
        budget_s: float = math.inf,
        mine: Mine = NOTHING,
    ) -> Refusal | None:
        """Say why a tenant's request to a lane can't be taken; None where it can.

        It can as well where only a request can tell whether the lane still stands.
        """
        refusal, place = self._refusal(path, lane, now_s, budget_s, mine), (path[0], lane)
        if not self._only_stands(path, lane, now_s):
            self._probes.pop(place, None)
            return refusal
        if refusal is None or not mine.is_few:
            return refusal
        due_s, pause_s = self._probes.get(place, (-math.inf, PROBE_S[0]))
        if now_s < due_s:
            return refusal
        self._probes[place] = now_s + pause_s, min(2 * pause_s, PROBE_S[1])
        return None

    def _only_stands(self, path: Iterable[str], lane: int, now_s: float) -> bool:
        tracks = self._on(path, lane)
        return not any(track.beyond_reach for track in tracks) and any(
            track.stands_still(now_s) for track in tracks
        )

    def _on(self, path: Iterable[str], lane: int) -> list[Track]:
        tracks = (self.tracks.get((topic, lane)) for topic in path)
        return [track for track in tracks if track is not None]

    def _refusal(
        self, path: Iterable[str], lane: int, now_s: float, budget_s: float, mine: Mine
    ) -> Refusal | None:
        wait_s = 0.0
        for track in self._on(path, lane):
            if track.is_closed(now_s, mine):
                return Refusal(
                    track.closed,
                    f"{track.step} is behind: {track.lag} records wait, the oldest for "
                    f"{track.age_s(now_s):.0f} s",
                    retry_after_s(track.reopens_s()),
                )
            wait_s += track.wait_s(now_s, mine)
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
