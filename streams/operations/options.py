"""What verbs of the command line have in common: options, and groups that help who mistypes."""

from __future__ import annotations

import difflib
import importlib
import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from streams.running.collector import while_loading
from streams.variables import variable

Command = TypeVar("Command", bound=Callable[..., None])

TRACES = ("stack.json", "master.key", "keys.sqlite")
"""Files of which a run folder holds one as soon as a stack was started there."""


class NumberRange(click.FloatRange):
    """A number within bounds. Click's own lets NaN through, which is within none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a number; raises BadParameter."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


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


def run_option(command: Command, *, needs_stack: bool = True) -> Command:
    """Give a command --run: the run folder of a stack, or None for that of the environment.

    A folder in which no stack was ever started is refused where the command needs one.
    """
    return click.option(
        "--run",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_of_a_stack if needs_stack else None,
        help="Run folder of the stack.  [env var: PLAYHEAD_RUN; default: .playhead]",
    )(command)


def _of_a_stack(_: click.Context, option: click.Parameter, run: Path | None) -> Path | None:
    """Refuse a folder in which no stack was ever started, unless the broker is elsewhere."""
    if run is None or variable("kafka") in os.environ:
        return run
    if not any((run / name).exists() for name in TRACES):
        raise click.BadParameter(
            f"no stack was ever started in {run}: `playhead up --run {shlex.quote(str(run))}` "
            "starts one",
            param=option,
        )
    return run


def nearest(name: str, names: Sequence[str]) -> str | None:
    """Return the name that was probably meant, or None: one that it begins, else the most alike."""
    begun = [one for one in names if name and one.startswith(name)]
    alike = begun or difflib.get_close_matches(name, names, n=1)
    return alike[0] if alike else None


class Group(click.Group):
    """A group of verbs: it lists whole sentences, and names the verb that was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; raises UsageError with a suggestion where there is a near one.

        And for what is given to a group that is a verb itself: the verb behind it would not see it.
        """
        try:
            found = super().resolve_command(ctx, args)
        except click.UsageError as error:
            if not args[0].startswith("-") and (near := self.suggest(ctx, args[0])):
                error.message += f" Did you mean '{near}'?"
            raise
        if self.invoke_without_command and not ctx.resilient_parsing:
            for option in self.params:
                if ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
                    raise click.UsageError(
                        f"{option.opts[0]} before '{args[0]}' is of `{ctx.command_path}` alone: "
                        f"write it behind '{args[0]}'"
                    )
        return found

    def suggest(self, ctx: click.Context, name: str) -> str | None:
        """Return the verb that was probably meant, or None."""
        return nearest(name, self.list_commands(ctx))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by the whole first sentence of their help."""
        rows = [(name, _sentence(self.get_command(ctx, name))) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@dataclass(frozen=True)
class Verb:
    """A verb: where its command is, and how its help begins."""

    place: str
    summary: str


class LateGroup(Group):
    """A group that imports a verb only when it is called: `--help` loads none of them."""

    def __init__(self, *args: Any, verbs: Mapping[str, Verb], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Name the verbs in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it so
        """Import the module of a verb."""
        if cmd_name not in self.verbs:
            return None
        module, attribute = self.verbs[cmd_name].place.split(":")
        with while_loading():
            command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click calls it so
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items()])


def _sentence(command: Any) -> str:
    return str(command.get_short_help_str(limit=1_000))
