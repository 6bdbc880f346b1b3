"""What verbs of the command line have in common."""

from __future__ import annotations

from datetime import datetime

import click


def microseconds(_: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Read a time of an option (ISO 8601) as microseconds since the Unix epoch."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no time: write it as 2026-01-31T12:00:00+00:00", param=option
        ) from None
    return round(moment.astimezone().timestamp() * 1_000_000)
