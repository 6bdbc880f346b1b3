"""What passes between a kill and the moment at which work goes on: until another worker is started, until it is ready, the rest.

`recovery` tells how long all lanes took; here it is taken apart by the lives of the workers. Parts overlap with what
the other workers do: where these took the lanes over before the killed one was back, the rest is 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PARTS = ("until it was started again", "until it was ready", "until all lanes went on after that")
SAME_S = 0.5  # between the note of a kill and that of the end of a life


class Seat(Protocol):
    """A place for a worker process, as `slots.Slot`."""

    number: int
    ready: Path
    process: Any


@dataclass
class Life:
    """One worker process, on the monotonic clock."""

    seat: int
    started_s: float
    ready_s: float | None = None
    ended_s: float | None = None


class LifeWatch:
    """Notes when workers start, are ready and end."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self._now: dict[int, tuple[Any, Life]] = {}

    def look(self, now_s: float, seats: Iterable[Seat]) -> None:
        """Note what has changed."""
        for seat in seats:
            process, life = self._now.get(seat.number, (None, None))
            if seat.process is not process:
                if life is not None and life.ended_s is None:
                    life.ended_s = now_s
                if seat.process is None:
                    self._now.pop(seat.number, None)
                    continue
                life = Life(seat.number, now_s)
                self.lives.append(life)
                self._now[seat.number] = seat.process, life
            if life is not None and life.ready_s is None and seat.ready.exists():
                life.ready_s = now_s


def parts_of(
    kills_s: Sequence[float],
    lives: Sequence[Life],
    progress_after: Callable[[float], float | None],
) -> Mapping[str, list[float]]:
    """Take apart how long all lanes took to go on after each kill, in seconds.

    A kill whose worker did not come back, or was killed again before it was ready, is left out.
    """
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    for at_s in kills_s:
        waited_s = progress_after(at_s)
        hit = {
            life.seat
            for life in lives
            if life.ended_s is not None and abs(life.ended_s - at_s) <= SAME_S
        }
        after = [life for life in lives if life.seat in hit and life.started_s >= at_s]
        back = min(after, key=lambda life: life.started_s, default=None)
        if waited_s is None or back is None or back.ready_s is None:
            continue
        for name, part_s in zip(
            PARTS,
            (
                back.started_s - at_s,
                back.ready_s - back.started_s,
                max(0.0, at_s + waited_s - back.ready_s),
            ),
            strict=True,
        ):
            parts[name].append(part_s)
    return parts
