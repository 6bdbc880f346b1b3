"""A column of a progress bar: how many a second."""

from rich.progress import ProgressColumn, Task
from rich.text import Text

ROUND_FROM = 100  # a second: more digits say nothing


class RateColumn(ProgressColumn):
    """Tells how many a second are done, lately, and in all once it is through."""

    def render(self, task: Task) -> Text:
        """Spell it; nothing while that is not known."""
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("")
        return Text(f"{speed:.{0 if speed >= ROUND_FROM else 1}f}/s", style="progress.data.speed")
