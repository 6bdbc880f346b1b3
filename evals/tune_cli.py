"""`playhead tune`: thresholds from what reviewers say of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from edge.cli.output import print_json
from evals.data_sets import BadData
from evals.judged_answers import judged_rows
from evals.judged_rows import JudgedRow, read_judged
from evals.outcome import spelled
from evals.tuning import Proposal, Tuning, tune_thresholds
from replay.archive_places import ArchivePlace, archive_option
from replay.opening_logs import open_log
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration import Configuration
from streams.log.configuration_log import ConfigurationLog
from streams.operations.configuring.changes_planned import usable
from streams.operations.configuring.choices_made import (
    ChoiceWish,
    chooser,
    opened,
    put_wish,
    standing_choices,
)
from streams.operations.options import run_option
from streams.operations.printing import console
from streams.settings import Settings


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    help="What `playhead eval export-judgements` wrote.  [default: read the log]",
)
@archive_option
@click.option("--tenant", help="Only this tenant's judgements.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Draws the intervals.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the values that would change here, as STEP.json.",
)
@click.option("--apply", "is_applied", is_flag=True, help="Put the new configurations in force.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def tune(
    data: Path | None,
    archive: ArchivePlace | None,
    tenant: str | None,
    seed: int,
    out: Path | None,
    is_applied: bool,
    run: Path | None,
    as_json: bool,
) -> None:
    """Propose thresholds from answers that two reviewers judged alike.

    A threshold is proposed only if it is better than the one in force on rows that it was not
    chosen on. Nothing is changed without --apply, which is as `playhead config set`: workers
    follow, and `playhead config roll-back` undoes it.

    \b
    Example:
      playhead tune
      playhead tune --data judged --out proposed
    """
    settings = Settings.load(run=run)
    judged = _judged(data, archive, tenant, settings)
    if is_applied or (data is None and archive is None):
        with opened(run) as on_log:
            found, configured, new = _tuned_on_log(judged, seed, on_log, is_applied=is_applied)
    else:
        configured = in_force(settings)
        found = tune_thresholds(judged, configured, seed)
        new = found.configurations(configured)
    if out is not None:
        _write(out, found.changed(configured))
    if as_json:
        print_json(_document(found, len(judged), new, is_applied=is_applied))
    else:
        _show(found, len(judged), new, is_applied=is_applied)


def _tuned_on_log(
    judged: Sequence[JudgedRow],
    seed: int,
    on_log: tuple[Settings, Codec, ConfigurationLog],
    *,
    is_applied: bool,
) -> tuple[Tuning, Mapping[str, Configuration], Mapping[str, Configuration]]:
    """Tune what is in force by the log, and put that in force in its place if it is to be."""
    settings, codec, log = on_log
    standing = standing_choices(settings, log)
    configured = {step: standing.in_force(step) for step in standing.shipped}
    found = tune_thresholds(judged, configured, seed)
    new = {step: usable(step, one.values) for step, one in found.configurations(configured).items()}
    if is_applied:
        for step, content in new.items():
            note = f"tuned by {len(judged)} judged answers"
            wish = ChoiceWish(step, content, "set", chooser(None), note)
            put_wish(settings, codec, standing, wish)
    return found, configured, new


def _judged(
    data: Path | None, archive: ArchivePlace | None, tenant: str | None, settings: Settings
) -> list[JudgedRow]:
    if data is not None:
        rows = read_judged(data)
        return [row for row in rows if tenant is None or row.tenant == tenant]
    with closing(open_log(archive, settings)) as log:
        return judged_rows(log, tenant)


def _write(folder: Path, changed: Mapping[str, Mapping[str, Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for step, values in changed.items():
            text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True)
            (folder / f"{step}.json").write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise BadData(f"{folder}: {error.strerror}; name a folder that can be written") from None


def _document(
    found: Tuning, judged: int, new: Mapping[str, Configuration], *, is_applied: bool
) -> dict[str, Any]:
    return {
        "judged": judged,
        "thresholds": [one.as_json() for one in found.proposals],
        "lacking": list(found.lacking),
        "configurations": {step: one.digest for step, one in new.items()},
        "applied": is_applied and bool(new),
    }


def _show(
    found: Tuning, judged: int, new: Mapping[str, Configuration], *, is_applied: bool
) -> None:
    out = console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (f"{judged:,} judged", "present", "best", "right now", "held out", "gain"):
        table.add_column(heading, justify="right" if heading != f"{judged:,} judged" else "left")
    for one in found.proposals:
        told = one.found
        figures = (told.value, told.present, told.held_out, told.gain)
        table.add_row(one.threshold.name, f"{one.present:g}", *map(spelled, figures))
    out.print(table)
    for one in found.proposals:
        out.print(f"  {_said(one)}", highlight=False, markup=False)
    for lack in found.lacking:
        out.print(f"  {lack}", highlight=False, markup=False)
    for step, configured in new.items():
        where = "is in force" if is_applied else "is not in force: --apply puts it there"
        out.print(f"  {step} {configured.digest[:12]}… {where}", highlight=False, markup=False)


def _said(one: Proposal) -> str:
    name = f"{one.threshold.name} ({one.threshold.step}: {'.'.join(one.threshold.path)})"
    if one.value == one.present:
        return f"{name} stays {one.present:g}: no other is better for sure"
    counts = ", ".join(f"{count} {what}" for what, count in one.changes().items() if count)
    return f"{name} {one.present:g} -> {one.value:g}; judged answers that move: {counts}"
