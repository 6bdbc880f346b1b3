"""What one step acknowledged of one topic's lane, held against its outcomes by all that tells of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.chaos.commit_log import Commit, closed_ms, too_soon
from tests.chaos.commits import closings_of, left_behind, too_early, went_back
from tests.chaos.judgement import Sample
from tests.chaos.rows import Attempts, Position, Row


class Acknowledged(NamedTuple):
    """What is known of a step's acknowledgements."""

    step: str
    topic: str
    lane: int
    committed: int
    """The position in the end."""
    samples: Sequence[Sample]
    commits: Sequence[Commit]

    def judge(
        self, rows: Sequence[Row], by_cause: Mapping[Position, Attempts]
    ) -> tuple[list[str], int]:
        """Say what is wrong with it; and how many inputs are not acknowledged."""
        closings = closings_of(rows, by_cause)
        watched = self.samples, self.step, self.topic, self.lane
        place = f"{self.topic}[{self.lane}]"
        acknowledged = f"{self.step} acknowledged {place}"
        wrong = [
            *(
                f"{acknowledged}@{offset} and left no outcome"
                for offset in left_behind(closings, self.committed)
            ),
            *(
                f"{self.step} went back in {place}: from {below} to {reached}"
                for below, reached in went_back(*watched)
            ),
            *(
                f"{acknowledged}@{offset} before its outcome"
                for offset in too_early(closings, *watched)
            ),
            *(
                f"{acknowledged}@{offset} {early_ms} ms before its outcome was handed over"
                for offset, early_ms in too_soon(closed_ms(rows, by_cause), self.commits)
            ),
        ]
        return wrong, sum(offset >= self.committed for offset in closings)
