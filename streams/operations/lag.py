"""How far each step is behind, read from the broker; and `playhead lag`, which shows it.

A step's lag in a lane is what its consumer group has not committed. So it is known for a step that
no worker runs, too. It counts what is running: at the most the step's window and what it has taken
beside it, and a slow event holds back the offsets of those that were finished after it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import click

from schemas import EventRejected, Record
from streams.log.offsets import (
    NoAnswer,
    OffsetReader,
    Partition,
    no_offsets,
    patiently,
)
from streams.settings import Settings
from streams.topics import FOLDS, INBOX, STEPS, group_of, step, topic_of

INBOX_READER = "inbox"


@dataclass(frozen=True)
class ConsumerGroup:
    """A step, or the inbox, as the broker knows it: a consumer group and the topics it reads."""

    step: str
    topics: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name on the broker."""
        return group_of(self.step)


def consumer_groups(names: Iterable[str] | None = None) -> tuple[ConsumerGroup, ...]:
    """Return the groups of the named steps, or of all and the inbox; KeyError lists the steps."""
    if names is not None:
        return tuple(_group(step(name).name) for name in names)
    inbox = ConsumerGroup(INBOX_READER, tuple(topic.name for topic in INBOX))
    return (*(_group(entry.name) for entry in STEPS), inbox)


def _group(name: str) -> ConsumerGroup:
    records: list[type[Record]] = list(step(name).reads)
    records += [fold.reads for fold in FOLDS if fold.beside == name]
    return ConsumerGroup(name, tuple(topic_of(record) for record in records))


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a step is behind in a lane."""

    step: str
    topic: str
    lane: int
    committed: int
    """Offset that the step would go on from; the lane's first one before it has committed any."""
    end: int
    """Offset that the next record will have."""

    @property
    def records(self) -> int:
        """Records that are not finished."""
        return max(0, self.end - self.committed)


class LagReader:
    """Reads lags, while it is entered; every method may raise NoAnswer or NotTold."""

    def __init__(self, settings: Settings, offsets: OffsetReader | None = None) -> None:
        self._partitions = settings.partitions
        self._offsets = offsets or OffsetReader(settings)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._offsets.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._offsets.close()

    async def lags(self, wanted: Sequence[ConsumerGroup]) -> list[Lag]:
        """Return the lag of each group in each lane of its topics."""
        groups = {group.name: self._lanes(group.topics) for group in wanted}
        every = dict.fromkeys(lane for lanes in groups.values() for lane in lanes)
        told = await self._offsets.read(groups, every)
        return [
            Lag(
                group.step,
                *lane,
                # a lane without a commit is read from its first record
                committed=committed if committed >= 0 else told.extents[lane].begin,
                end=told.extents[lane].end,
            )
            for group in wanted
            for lane, committed in told.committed[group.name].items()
        ]

    async def count(self, topic: str) -> int:
        """Count the records of a topic that keeps all of them."""
        told = await self._offsets.read({}, self._lanes((topic,)))
        return sum(extent.end - extent.begin for extent in told.extents.values())

    async def oldest_ms(self, lags: Iterable[Lag]) -> dict[Partition, int]:
        """Return the broker's time of the first unfinished record of each lane that is behind.

        In ms since the Unix epoch. A lane that does not answer in time is left out.
        """
        return await self._offsets.first_ms(
            {(one.topic, one.lane): one.committed for one in lags if one.records}
        )

    def _lanes(self, topics: Iterable[str]) -> list[Partition]:
        return [(topic, lane) for topic in topics for lane in range(self._partitions)]


# ---------------------------------------------------------------------- the command line


@click.command()
@click.option("--steps", metavar="A,B", help="Only these steps; all of them by default.")
@click.option("--all", "every", is_flag=True, help="Every lane, those without lag included.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def lag(steps: str | None, every: bool, as_json: bool) -> None:
    """Show how far each step is behind, by topic and lane, as the broker knows it.

    \b
    Example:
      playhead lag
      playhead lag --steps retrieve,generate --json
    """
    names = None if steps is None else [name.strip() for name in steps.split(",") if name.strip()]
    try:
        wanted = consumer_groups(names)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None
    if not wanted:
        raise click.UsageError("--steps names no step: leave it out to see all")
    settings = Settings.load()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what is wrong is said below
    try:
        lags, oldest_ms, rejected = asyncio.run(_read(settings, wanted))
    except NoAnswer as error:
        raise click.ClickException(no_offsets(settings.kafka, error)) from None
    ages_s = ages_of(oldest_ms, time.time() * 1_000)
    if as_json:
        click.echo(json.dumps(report(lags, ages_s, rejected), indent=1))
    else:
        _print_table(lags, ages_s, rejected, every=every)


def ages_of(oldest_ms: Mapping[Partition, int], now_ms: float) -> dict[Partition, float]:
    """Return how many seconds ago each time was; the broker's clock may be ahead of ours."""
    return {lane: round(max(0.0, now_ms - at_ms) / 1_000, 3) for lane, at_ms in oldest_ms.items()}


def report(lags: Sequence[Lag], ages_s: Mapping[Partition, float], rejected: int) -> dict[str, Any]:
    """Return what `--json` prints; an age is None where there is no lag, or it is not known."""
    lanes = [
        {
            "step": one.step,
            "topic": one.topic,
            "lane": one.lane,
            "committed": one.committed,
            "end": one.end,
            "lag": one.records,
            "oldest_age_s": ages_s.get((one.topic, one.lane)),
        }
        for one in lags
    ]
    return {"lanes": lanes, "lag": sum(one.records for one in lags), "dead_letters": rejected}


async def _read(
    settings: Settings, wanted: Sequence[ConsumerGroup]
) -> tuple[list[Lag], dict[Partition, int], int]:
    async with LagReader(settings) as reader:
        lags = await patiently(lambda: reader.lags(wanted))
        rejected = await reader.count(topic_of(EventRejected))
        return lags, await reader.oldest_ms(lags), rejected


def _print_table(
    lags: Sequence[Lag], ages_s: Mapping[Partition, float], rejected: int, *, every: bool
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("step", "topic"):
        table.add_column(name, no_wrap=True)
    for name in ("lane", "lag", "oldest", "committed", "end"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows_of(lags, ages_s, every=every):
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(summary(lags, rejected))


def summary(lags: Sequence[Lag], rejected: int) -> str:
    """Say in a line how much there is to do."""
    hint = " (`playhead dead-letters list`)" if rejected else ""
    return f"{sum(one.records for one in lags)} records behind; {rejected} dead letters{hint}"


def rows_of(
    lags: Sequence[Lag], ages_s: Mapping[Partition, float], *, every: bool
) -> Iterator[tuple[str, ...]]:
    """Spell each lane as a row; unless `every`, a topic that is done takes one row for all."""
    of_topic: defaultdict[tuple[str, str], list[Lag]] = defaultdict(list)
    for one in lags:
        of_topic[one.step, one.topic].append(one)
    for (name, topic), lanes in of_topic.items():
        shown = [one for one in lanes if every or one.records]
        if not shown:
            yield name, topic, "all", "0", "", "", ""
        for one in shown:
            age_s = ages_s.get((topic, one.lane))
            yield (
                name,
                topic,
                str(one.lane),
                str(one.records),
                "" if age_s is None else f"{age_s:.1f} s",
                str(one.committed),
                str(one.end),
            )
