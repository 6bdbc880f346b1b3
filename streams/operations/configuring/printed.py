"""What the verbs of `playhead config` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from streams.log.activations import SHIPPED, ConfigurationChoice
from streams.operations.configuring.changes_planned import StandingChoices
from streams.operations.printing import counted

DIGITS = 12  # of a digest, as people read it
GATEWAYS = {
    "ingest": "The names of chunk policies that a gateway takes are those of its own files.",
    "generate": "The models that a gateway lists are those of its own files.",
}
"""What does not follow: the edge reads what lies beside its code."""


def steps_table(standing: StandingChoices, steps: Sequence[str]) -> Table:
    """Lay out which configuration each step runs with."""
    table = _table("step", "digest", "since", "by", "why")
    for name in steps:
        latest, digest = standing.activations.latest(name), standing.in_force(name).digest
        if latest is None or latest.record is None or latest.record.digest == SHIPPED:
            table.add_row(name, digest[:DIGITS], "", "", "shipped")
        else:
            table.add_row(name, digest[:DIGITS], *_told(latest))
    return table


def history_table(standing: StandingChoices, chosen: Sequence[ConfigurationChoice]) -> Table:
    """Lay out choices, oldest first."""
    table = _table("offset", "when", "step", "digest", "by", "why", "")
    for one in chosen:
        if one.record is None:
            table.add_row(str(one.offset), "", "", "", "", "", f"ignored: {printable(one.ignored)}")
            continue
        when, by, why = _told(one)
        digest = printable(one.record.digest[:DIGITS]) or "shipped"
        table.add_row(
            str(one.offset), when, printable(one.step), digest, by, why, _state(standing, one)
        )
    return table


def _state(standing: StandingChoices, one: ConfigurationChoice) -> str:
    if one.ignored:
        return f"ignored: {printable(one.ignored)}"
    marks = ["in force"] if standing.activations.latest(one.step) is one else []
    if one.replaced is not None:
        marks.append(f"replaced {one.replaced[:DIGITS] or 'shipped'} without knowing of it")
    return ", ".join(marks)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _told(choice: ConfigurationChoice) -> tuple[str, str, str]:
    """Say when, by whom and why."""
    record = choice.record
    assert record is not None
    why = record.why.replace("_", " ")
    if record.arm:
        why += f" {record.arm} of {record.experiment}"
    said = f"{why}: {record.note}" if record.note else why
    return _time(record.meta.at), printable(record.by), printable(said)


def printable(text: str) -> str:
    """Return a text without what could steer a terminal: anybody may have written the record."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _time(at_us: int) -> str:
    try:
        return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(sep=" ", timespec="seconds")
    except (OverflowError, ValueError, OSError):  # of a clock that nobody has
        return str(at_us)


def of_choice(choice: ConfigurationChoice | None) -> dict[str, Any] | None:
    """Return a choice for `--json`."""
    if choice is None:
        return None
    told: dict[str, Any] = {"offset": choice.offset, "ignored": choice.ignored}
    if choice.record is not None:
        record = choice.record
        told |= {
            "at_us": record.meta.at,
            "step": record.step,
            "digest": record.digest,
            "previous": record.previous,
            "why": record.why,
            "by": record.by,
            "note": record.note,
            "experiment": record.experiment,
            "arm": record.arm,
            "replaced": choice.replaced,
        }
    return told


def said_of_race(history: Sequence[ConfigurationChoice], offset: int) -> tuple[bool, list[str]]:
    """Say whether the choice at an offset stands, and what others chose at the same time."""
    own = next((one for one in history if one.offset == offset), None)
    if own is None:
        return False, ["; but it can't be read back: see `playhead config history`"]
    if own.ignored:
        return False, [f"; but it is ignored: {own.ignored}"]
    said = []
    if own.replaced is not None:
        by = _chooser(history, own.step, offset)
        said.append(
            f"; it takes the place of {own.replaced[:DIGITS] or 'shipped'}, chosen{by} since"
        )
    later = [
        one for one in history if one.offset > offset and one.step == own.step and not one.ignored
    ]
    if later:
        by = (
            f" by {printable(later[-1].record.by)}"
            if later[-1].record and later[-1].record.by
            else ""
        )
        said.append(f"; but another was chosen{by} at offset {later[-1].offset}, which counts now")
    return not later, said


def _chooser(history: Sequence[ConfigurationChoice], step: str, before: int) -> str:
    earlier = [
        one for one in history if one.offset < before and one.step == step and not one.ignored
    ]
    return _by(earlier[-1]) if earlier else ""


def _by(choice: ConfigurationChoice) -> str:
    record = choice.record
    return f" by {printable(record.by)}" if record is not None and record.by else ""


def said_of_workers(step: str, hosts: tuple[str, ...] | None) -> str:
    """Say who will work by a choice, and when."""
    if hosts is None:
        said = f"Which workers host {step} is not told now; each takes it within seconds."
    elif not hosts:
        said = f"No worker hosts {step} now: the next one that starts takes it."
    else:
        on = ", ".join(
            host if count == 1 else f"{host} ({count})" for host, count in Counter(hosts).items()
        )
        said = (
            f"{counted(len(hosts), 'worker')} on {on}: what begins there in a second or two is run "
            "with it, what runs now ends with what it began with. No restart is needed."
        )
    return " ".join(filter(None, (said, GATEWAYS.get(step, ""))))
