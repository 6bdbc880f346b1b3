"""The verbs of `playhead dead-letters`: list, show, retry."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.registry import RegistryAway
from streams.log.writing import RecordTooLarge
from streams.operations.dead_letters.finding import DeadLetters
from streams.operations.dead_letters.letters import (
    Filters,
    Letter,
    NoSuchLetter,
    all_open,
    named,
    resolve,
    short,
)
from streams.operations.dead_letters.showing import details, lines_of, table_of
from streams.operations.options import Group, microseconds, run_option
from streams.operations.printing import console
from streams.settings import Settings


@contextmanager
def opened(run: Path | None) -> Iterator[DeadLetters]:
    """Open the dead letters; what may go wrong becomes one clear line.

    The context's object, where there is one, opens others than those on the broker.
    """
    settings = Settings.load(run=run)
    open_letters: Callable[[Settings], DeadLetters] = click.get_current_context().obj or DeadLetters
    letters = open_letters(settings)
    try:
        yield letters
    except (NoSuchLetter, RecordTooLarge, TimeoutError) as error:
        raise click.ClickException(str(error)) from None
    except KafkaException as error:
        raise click.ClickException(
            f"the broker at {settings.kafka} does not answer as it should ({_reason(error)}): "
            "`playhead status` tells whether it is up"
        ) from None
    except RegistryAway as error:
        raise click.ClickException(str(error)) from None
    except SchemaRegistryError as error:
        raise click.ClickException(
            f"the schema registry at {settings.registry} answers {error.http_status_code}: "
            "`playhead status` tells whether it is up"
        ) from None
    finally:
        letters.close()


def _reason(error: Exception) -> str:
    code = error.args[0] if error.args else error
    return code.str() if hasattr(code, "str") else str(error)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which dead letters are meant, as one `Filters`."""

    @functools.wraps(command)
    def with_filters(**given: Any) -> None:
        fields = [entry.name for entry in dataclasses.fields(Filters)]
        command(filters=Filters(**{name: given.pop(name) for name in fields}), **given)

    for option in reversed(
        (
            click.option("--tenant", help="Only this tenant's."),
            click.option("--step", help="Only those that this step gave up on."),
            click.option("--error", help="Only this class of error, such as Permanent."),
            click.option("--request", help="Only those of this request."),
            click.option(
                "--since", "since_us", callback=microseconds, help="From this time on (ISO 8601)."
            ),
            click.option(
                "--until", "until_us", callback=microseconds, help="Before this time (ISO 8601)."
            ),
        )
    ):
        with_filters = option(with_filters)
    return with_filters


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """List, show and retry events that could not be processed.

    \b
    Example:
      playhead dead-letters list --tenant acme
      playhead dead-letters show 18c2e4d0
      playhead dead-letters retry 18c2e4d0
    """


@dead_letters.command("list")
@filtered
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def list_command(filters: Filters, run: Path | None, as_json: bool) -> None:
    """List dead letters, oldest first, with what became of each.

    Status: open (never put back), waiting (put back, not finished), rejected again, or done.

    \b
    Example:
      playhead dead-letters list --step ingest --since 2026-01-31T12:00:00+00:00
    """
    with opened(run) as log:
        letters = [letter for letter in log.all() if filters.takes(letter.event)]
    if as_json:
        click.echo(json.dumps({"dead_letters": [letter.as_json() for letter in letters]}, indent=1))
    elif not letters:
        click.echo("no dead letters", err=True)
    else:
        console().print(table_of(letters))


@dead_letters.command("show")
@click.argument("letter_id", metavar="ID")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def show_command(letter_id: str, run: Path | None, as_json: bool) -> None:
    """Show everything of one dead letter. ID may be cut short.

    Sealed fields stay sealed, and texts are shown by their length alone. A long
    traceback is cut in its middle; --json has all of it.

    \b
    Example:
      playhead dead-letters show 18c2e4d0
    """
    with opened(run) as log:
        told = details(log.codec, resolve(log.all(), letter_id))
    click.echo(json.dumps(told, indent=1) if as_json else "\n".join(lines_of(told)))


@dead_letters.command("retry")
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "take_all", is_flag=True, help="All that are open and fit the filters.")
@filtered
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def retry_command(
    letter_ids: tuple[str, ...],
    take_all: bool,
    filters: Filters,
    yes: bool,
    run: Path | None,
    as_json: bool,
) -> None:
    """Put dead letters back on their topic: their step runs again. IDs may be cut short.

    Nothing is put back unless all that are named can be.

    \b
    Example:
      playhead dead-letters retry 18c2e4d0
      playhead dead-letters retry --all --step embed --error Transient
    """
    if bool(letter_ids) == take_all:
        raise click.UsageError("name the dead letters, or give --all")
    if letter_ids and filters != Filters():
        raise click.UsageError("filters go with --all: leave them out, or leave the ids out")
    with opened(run) as log:
        letters = log.all()
        if take_all:
            chosen = all_open(letters, filters)
            if not yes:
                _confirm(len(chosen))
        else:
            chosen = named(letters, letter_ids)
        offsets = log.put_back(chosen)
    if as_json:
        click.echo(json.dumps({"retried": _rows(chosen, offsets)}, indent=1))
        return
    for letter, offset in zip(chosen, offsets, strict=True):
        event = letter.event
        click.echo(
            f"{short(letter.id)} is put back as {event.topic}[{event.partition}]@{offset}: "
            f"{event.step} runs it again"
        )


def _confirm(count: int) -> None:
    """Ask whoever sits at the terminal; a script has said what it wants."""
    if sys.stdin.isatty():
        plural = "s" if count > 1 else ""
        click.confirm(f"Put {count} dead letter{plural} back?", abort=True, err=True)


def _rows(letters: Sequence[Letter], offsets: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {
            "id": letter.id,
            "topic": letter.event.topic,
            "partition": letter.event.partition,
            "offset": offset,
        }
        for letter, offset in zip(letters, offsets, strict=True)
    ]
