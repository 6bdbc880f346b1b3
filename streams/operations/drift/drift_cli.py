"""`playhead drift`: how questions and answers differ from those of a while ago, by tenant."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import click
from confluent_kafka import KafkaException
from rich.table import Table

from schemas.registry import RegistryAway
from streams.log.codec import open_codec
from streams.operations.drift.drift_figures import DriftWindows, TenantDrift
from streams.operations.drift.drift_gauges import DriftGauges
from streams.operations.drift.drift_reader import DriftReader
from streams.operations.drift.drift_sums import HOUR_US
from streams.operations.options import run_option
from streams.operations.printing import console
from streams.settings import Settings
from streams.watching import logs, metrics
from streams.watching.logs import logger

log = logger("drift")
PORT_MAX = 65_535


@click.command()
@click.option(
    "--current-hours",
    type=click.IntRange(1, 24 * 31),
    default=24,
    show_default=True,
    help="How long the window of now is.",
)
@click.option(
    "--reference-hours",
    type=click.IntRange(1, 24 * 31),
    default=24 * 7,
    show_default=True,
    help="How long the window before it is.",
)
@click.option("--tenant", help="Only this tenant's; not with --serve.")
@click.option(
    "--serve",
    "port",
    type=click.IntRange(1, PORT_MAX),
    help="Go on, and serve the figures as Prometheus text on this port.",
)
@click.option(
    "--every-s",
    type=click.IntRange(1, 86_400),
    default=60,
    show_default=True,
    help="With --serve, how often the log is read on.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def drift(
    current_hours: int,
    reference_hours: int,
    tenant: str | None,
    port: int | None,
    every_s: int,
    run: Path | None,
    as_json: bool,
) -> None:
    """Compare questions, vectors and scores with those of a while ago, by tenant.

    \b
    Example:
      playhead drift
      playhead drift --serve 9464
    """
    settings = Settings.load(run=run)
    windows = DriftWindows(current_hours * HOUR_US, reference_hours * HOUR_US)
    reader = DriftReader(settings, open_codec(settings), windows)
    if port is not None:
        if tenant is not None or as_json:
            raise click.UsageError("--serve tells all tenants as metrics: leave out the rest")
        serve(reader, settings, port, every_s)
        return
    found = [one for one in reader.read() if tenant in {None, one.tenant}]
    if as_json:
        click.echo(json.dumps({"tenants": [one.as_json() for one in found]}, indent=1))
    else:
        console().print(table_of(found))


def serve(reader: DriftReader, settings: Settings, port: int, every_s: float) -> None:
    """Serve the figures until the process is told to end; raises metrics.PortTaken.

    While the log can't be read, those of before stand.
    """
    logs.configure(settings.log_level)
    metrics.configure(settings, "playhead-drift", port)
    gauges = DriftGauges()
    while True:
        try:
            gauges.tell(reader.read())
        except (KafkaException, RegistryAway, TimeoutError) as error:
            log.warning("the log was not read, trying again", error=type(error).__name__)
        time.sleep(every_s)


def table_of(found: Sequence[TenantDrift]) -> Table:
    """Lay the figures out for people: now, and before in brackets."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tenant", overflow="fold")
    names = ("questions", "unanswered", "characters", "relevance", "support")
    for name in (*names, "psi", "distance"):
        table.add_column(name, justify="right")
    for one in found:
        cells = [
            f"{_spelt(getattr(one.current, name))} ({_spelt(getattr(one.reference, name))})"
            for name in names
        ]
        told = ", ".join(f"{name} {value:.2f}" for name, value in one.psi.items()) or "–"
        table.add_row(one.tenant, *cells, told, _spelt(one.distance))
    return table


def _spelt(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
