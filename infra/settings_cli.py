"""`playhead settings`: what is in force here, and why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from streams.operations.options import run_option
from streams.operations.printing import console
from streams.setting_sources import resolve, type_of
from streams.setting_types import unit_of
from streams.settings import Settings
from streams.variables import VARIABLES, variable

HIDDEN = "(hidden)"
USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class ShownSetting:
    """A setting as it is shown."""

    name: str
    value: Any
    unit: str
    source: str
    """option, environment, file (the run folder's stack.json) or default."""


def rows(environment: Mapping[str, str], run: Path | None = None) -> list[ShownSetting]:
    """List every setting in force, then the other names that the environment sets.

    Secrets are hidden, and so is what stands before the @ of an address.
    """
    given = {} if run is None else {"run": run}
    shown = [
        ShownSetting(
            variable(name), _plain(entry.value), unit_of(type_of(Settings, name)), entry.source
        )
        for name, entry in resolve(Settings, environment, **given).items()
    ]
    for entry in VARIABLES:
        name = variable(entry.name)
        if name in environment:
            value = HIDDEN if entry.secret else _plain(environment[name])
            shown.append(ShownSetting(name, value, "", "environment"))
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    return USERINFO.sub(HIDDEN, str(value))


@click.command()
@partial(run_option, needs_stack=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def settings(run: Path | None, *, as_json: bool) -> None:
    """Show the settings in force and where each came from.

    An option wins over the environment, that over the run folder's stack.json, that over the
    default. docs/settings.md says what each is for.

    \b
    Example:
      playhead settings
      PLAYHEAD_WINDOW=32 playhead settings --json
    """
    shown = rows(os.environ, run)
    if as_json:
        entries = {
            row.name: {"value": row.value, "unit": row.unit, "source": row.source} for row in shown
        }
        click.echo(json.dumps({"settings": entries}, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "value", "from"):
        table.add_column(heading, overflow="fold")
    for row in shown:
        value = "" if row.value == "" else f"{row.value} {row.unit}".rstrip()
        table.add_row(row.name, value, row.source)
    console(markup=False, highlight=False).print(table)
