"""`playhead lag`: how far each step is behind, as a table or as JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from schemas import EventRejected
from streams.log.offsets import NoAnswer, Partition, no_offsets, patiently
from streams.operations.lag import ConsumerGroup, Lag, LagReader, ages_of, consumer_groups
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings
from streams.topics import topic_of


@click.command()
@click.option("--steps", metavar="A,B", help="Only these steps; all of them by default.")
@click.option("--all", "every", is_flag=True, help="Every lane, those without lag included.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def lag(steps: str | None, every: bool, run: Path | None, as_json: bool) -> None:
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
    settings = Settings.load(run=run)
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
    from rich.table import Table

    from streams.operations.printing import console

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("step", "topic"):
        table.add_column(name, no_wrap=True)
    for name in ("lane", "lag", "oldest", "committed", "end"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows_of(lags, ages_s, every=every):
        table.add_row(*row)
    screen = console()
    screen.print(table)
    screen.print(summary(lags, rejected))


def summary(lags: Sequence[Lag], rejected: int) -> str:
    """Say in a line how much there is to do."""
    hint = " (`playhead dead-letters list`)" if rejected else ""
    behind = counted(sum(one.records for one in lags), "record")
    return f"{behind} behind; {counted(rejected, 'dead letter')}{hint}"


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
