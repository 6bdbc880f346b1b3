"""The verbs of `playhead config`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from schemas import ConfigurationActivated
from streams.log.activations import SHIPPED
from streams.log.codec import Codec
from streams.log.configuration import CONFIGURED, POLICY, Configuration
from streams.log.configuration_log import ConfigurationLog
from streams.log.offsets import NoAnswer, OffsetReader, patiently
from streams.operations.configuring.changes_planned import (
    StandingChoices,
    changed,
    promoted,
    rolled_back,
)
from streams.operations.configuring.choices_made import (
    BY_MAX,
    ChoiceWish,
    chooser,
    opened,
    put_wish,
    standing_choices,
)
from streams.operations.configuring.differing import differences
from streams.operations.configuring.policy_files import given_values, warnings_of
from streams.operations.configuring.printed import (
    history_table,
    of_choice,
    said_of_race,
    said_of_workers,
    steps_table,
)
from streams.operations.options import Group, run_option
from streams.operations.printing import console
from streams.settings import Settings
from streams.topics import group_of, topic_of

STEP_NAMES = list(CONFIGURED)
NOTE_MAX = 500
"""Characters of why somebody chose: a record is kept for ever."""

step_argument = click.argument("step", type=click.Choice(STEP_NAMES), metavar="STEP")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


@click.group("config", cls=Group)
def config() -> None:
    """Show and change what steps are configured with: by the log, and without a restart.

    \b
    Example:
      playhead config show
      playhead config set generate changes.json --note "shorter prompts"
      playhead config roll-back generate
    """


def choosing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what a choice is told with."""
    for option in (
        json_option,
        run_option,
        click.option("--dry-run", is_flag=True, help="Check and show it; write nothing."),
        click.option(
            "--by", callback=_bounded(BY_MAX), help="Who chooses.  [default: the user logged in]"
        ),
        click.option("--note", default="", callback=_bounded(NOTE_MAX), help="Why."),
    ):
        command = option(command)
    return command


def _bounded(most: int) -> Callable[..., str | None]:
    def check(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
        if value is not None and (len(value) > most or not value.isprintable()):
            raise click.BadParameter(f"at most {most} characters, in one line", param=option)
        return value

    return check


@config.command()
@click.argument("step", type=click.Choice(STEP_NAMES), metavar="[STEP]", required=False)
@click.option("--digest", default="active", help="Another one: a digest, shipped.")
@run_option
@json_option
def show(step: str | None, digest: str, run: Path | None, as_json: bool) -> None:
    """Show which configuration each step runs with, or all values of STEP's.

    \b
    Example:
      playhead config show generate > generate.json
    """
    with opened(run) as (settings, _, log):
        standing = standing_choices(settings, log)
        if step is not None:
            values = standing.named(step, digest).values
            click.echo(json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True))
            return
    if as_json:
        rows = [
            {
                "step": name,
                "digest": standing.in_force(name).digest,
                "shipped": standing.digest(name) == SHIPPED,
                "chosen": of_choice(standing.activations.latest(name)),
            }
            for name in STEP_NAMES
        ]
        click.echo(json.dumps({"steps": rows}, indent=1, ensure_ascii=False))
        return
    console(markup=False, highlight=False).print(steps_table(standing, STEP_NAMES))


@config.command("set")
@step_argument
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--whole", is_flag=True, help="FILE holds all values; none in force beside it stays.")
@choosing_options
def set_(step: str, file: Path, whole: bool, **told: Any) -> None:
    """Put the values in FILE in force for STEP, those that it does not name as they are.

    FILE is a JSON object such as those of agents/configuration; `-` reads standard input. A value
    {"file": NAME} stands for the text, or the JSON, of a file beside it. For `policy`, FILE may
    hold the rules alone, in Cedar. What STEP could not work by is refused, and nothing is written.
    Of two choices at the same time the last on the log counts, and both are told.

    \b
    Example:
      echo '{"passage_tokens": 120}' | playhead config set generate - --note "longer prompts"
    """
    with opened(told["run"]) as on_log:
        given = given_values(step, file)
        standing = standing_choices(on_log[0], on_log[2])
        wanted = changed(standing.in_force(step), given, whole=whole)
        for warning in warnings_of(step, wanted.values):
            click.echo(f"warning: {warning}", err=True)
        _choose(
            on_log,
            standing,
            ChoiceWish(step, wanted, "set", chooser(told["by"]), told["note"]),
            told,
        )


@config.command()
@step_argument
@click.argument("arm")
@choosing_options
def promote(step: str, arm: str, **told: Any) -> None:
    """Give the ARM of STEP's experiment to all requests, and end the experiment.

    `control` ends it without a change.

    \b
    Example:
      playhead config promote generate concise --note "wins 58 of 100"
    """
    with opened(told["run"]) as on_log:
        standing = standing_choices(on_log[0], on_log[2])
        wanted, experiment = promoted(standing.in_force(step), arm)
        who, note = chooser(told["by"]), told["note"]
        wish = ChoiceWish(step, wanted, "promoted", who, note, arm=arm, experiment=experiment)
        _choose(on_log, standing, wish, told)


@config.command("roll-back")
@step_argument
@click.option("--to", help="A digest, or shipped.  [default: the one before]")
@choosing_options
def roll_back(step: str, to: str | None, **told: Any) -> None:
    """Put the configuration in force again that STEP had before; what was set stays on the log.

    Again and again, it goes further back. `--to shipped` follows the code from then on.

    \b
    Example:
      playhead config roll-back generate --to shipped
    """
    with opened(told["run"]) as on_log:
        standing = standing_choices(on_log[0], on_log[2])
        wanted = rolled_back(standing, step, to)
        wish = ChoiceWish(step, wanted, "rolled_back", chooser(told["by"]), told["note"])
        _choose(on_log, standing, wish, told)


@config.command()
@step_argument
@click.argument("one")
@click.argument("other", required=False)
@run_option
@json_option
def diff(step: str, one: str, other: str | None, run: Path | None, as_json: bool) -> None:
    """Show how two configurations of STEP differ; with one named, how it differs from the active.

    Each is a digest or its beginning, a file with all values, `active` or `shipped`. Exits 1 where
    they differ.

    \b
    Example:
      playhead config diff generate shipped
      playhead config diff generate 3f2a91c0 generate.json
    """
    with opened(run) as (settings, _, log):
        standing = standing_choices(settings, log)
        names = ("active", one) if other is None else (one, other)
        before, after = (standing.named(step, name) for name in names)
        found = differences(before.values, after.values)
    if as_json:
        document = {"before": before.digest, "after": after.digest}
        told = {**document, "differences": [each.as_json() for each in found]}
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        for each in found:
            for line in each.lines:
                click.echo(line)
        if not found:
            click.echo("they are the same")
    sys.exit(1 if found else 0)


@config.command()
@click.argument("step", type=click.Choice(STEP_NAMES), metavar="[STEP]", required=False)
@run_option
@json_option
def history(step: str | None, run: Path | None, as_json: bool) -> None:
    """List what was chosen for STEP, or for all: when, by whom, why; and what is ignored, and why.

    \b
    Example:
      playhead config history generate
    """
    with opened(run) as (settings, _, log):
        standing = standing_choices(settings, log)
    chosen = [
        one for one in standing.activations.history if step in {None, one.step} or not one.step
    ]
    if as_json:
        document = {"choices": [of_choice(one) for one in chosen]}
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    if not chosen:
        click.echo("nothing was ever chosen: every step runs with what is shipped")
        return
    console(markup=False, highlight=False).print(history_table(standing, chosen))


def _choose(
    on_log: tuple[Settings, Codec, ConfigurationLog],
    standing: StandingChoices,
    wish: ChoiceWish,
    told: dict[str, Any],
) -> None:
    """Write a choice, and say what came of it; nothing where it is in force already."""
    settings, codec, log = on_log
    if log.end() is None:
        raise click.ClickException(
            f"there is no topic {topic_of(ConfigurationActivated)}: `playhead up` makes it"
        )
    before = standing.in_force(wish.step)
    after = wish.content or standing.shipped[wish.step]
    found = differences(before.values, after.values)
    if wish.digest == standing.digest(wish.step):
        _say(told, f"{wish.step} has that configuration already: nothing is written", after, found)
        return
    if told["dry_run"]:
        _say(told, f"{wish.step} can work by it; nothing is written", after, found)
        return
    place = put_wish(settings, codec, standing, wish)
    stands, race = said_of_race(log.read().history, place.offset)
    said = [f"{wish.step} is configured by {after.digest[:12]} from offset {place.offset} on"]
    _say(told, " ".join([*said, *race]), after, found, place.offset, _workers(settings, wish.step))
    if not stands:
        sys.exit(1)


def _workers(settings: Settings, step: str) -> tuple[str, ...] | None:
    """Ask on which hosts a step is hosted now; None where nobody tells."""

    async def read() -> tuple[str, ...]:
        async with OffsetReader(settings) as offsets:
            # a policy is everybody's: those who ask it first stand for all
            group = group_of("retrieve" if step == POLICY else step)
            return (await patiently(lambda: offsets.members([group]))).get(group, ())

    try:
        return asyncio.run(read())
    except NoAnswer:
        return None


def _say(
    told: dict[str, Any],
    sentence: str,
    after: Configuration,
    found: list[Any],
    offset: int | None = None,
    hosts: tuple[str, ...] | None = None,
) -> None:
    written = offset is not None
    workers = said_of_workers(after.step, hosts) if written else ""
    if told["as_json"]:
        document = {
            "step": after.step,
            "digest": after.digest,
            "offset": offset,
            "written": written,
            "message": sentence,
            "workers": workers,
            "differences": [each.as_json() for each in found],
        }
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for each in found:
        for line in each.lines:
            click.echo(line)
    click.echo(sentence)
    if workers:
        click.echo(workers)
