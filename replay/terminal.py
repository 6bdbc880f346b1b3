"""What the verbs of `playhead replay` print on a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.report import ENTRIES, LISTED_MAX, Difference, Report
from schemas import PolicyDecision, ToolUse
from streams.operations.budget import SHARES_MS, StageTime
from streams.operations.printing import counted
from streams.operations.timeline import StepTime

MICROS = 1_000_000  # of the accounting currency
DIGITS = 12  # of a digest, as people read it
DIFFERENCES_MAX = 20  # printed; --json has all


def show(report: Report, console: Console) -> None:
    """Print a report for people."""
    rate = report.records / report.seconds if report.seconds else 0
    if report.diverged or report.unreadable:
        verdict = "[red]DIVERGED[/red]"
    elif report.unverifiable:
        verdict = "[yellow]nothing differs, but not every record can be verified here[/yellow]"
    elif report.erased:
        verdict = "[green]every record is equal or erased[/green]"
    else:
        verdict = "[green]every record is equal[/green]"
    console.print(
        f"{verdict}: {counted(report.records, 'record')}, {report.equal} equal, "
        f"{report.found('diverged')} diverged, {report.found('unreadable')} unreadable, "
        f"{report.found('unverifiable')} unverifiable, "
        f"{report.erased} erased, "
        f"{report.superseded} superseded; {counted(report.inputs, 'step')} run again, "
        f"{counted(report.model_calls, 'model call')}, {report.seconds:.1f} s "
        f"({rate:,.0f} records/s)",
        highlight=False,
    )
    if report.pending:
        console.print(f"{counted(report.pending, 'input')} still in progress", highlight=False)
    if report.before_its_time:
        count = counted(report.before_its_time, "input")
        console.print(f"{count} from before their step existed", highlight=False)
    lines = list(_lines(report))
    for line in lines[:DIFFERENCES_MAX]:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if len(lines) > DIFFERENCES_MAX:
        console.print(f"  … and {len(lines) - DIFFERENCES_MAX} more: --json lists all of these")
    if unlisted := sum(report.found(name) - len(getattr(report, name)) for name in ENTRIES):
        told = (
            f"{unlisted:,} of them are listed nowhere: there is room for {LISTED_MAX:,} of a kind"
        )
        console.print(f"  {told}", highlight=False)


def _lines(report: Report) -> Iterator[str]:
    """Spell what was found: how the log lies comes first, since the rest may follow from it.

    What is said of several records of a topic is said once, with the place of the first.
    """
    entries = [*report.diverged, *report.unreadable, *report.unverifiable]
    alike: defaultdict[tuple[str, str, str], list[Difference]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: bool(entry.id)):
        alike[entry.topic, entry.step, entry.reason].append(entry)
    for first, *others in alike.values():
        also = f" (and so {len(others):,} more of its topic)" if others else ""
        yield f"{place_of(first)}{first.reason}{also}"


def place_of(entry: Difference) -> str:
    """Spell where an entry of a report lies, as far as it lies anywhere."""
    place = entry.topic
    if entry.partition >= 0:
        place += f"[{entry.partition}]"
    if entry.offset >= 0:
        place += f"@{entry.offset}"
    if entry.step:
        place += f" ({entry.step})"
    return f"{place} " if place else ""


def timeline_table(runs: list[StepTime]) -> Table:
    """Lay a timeline out for a terminal; later runs of a step, over later batches, share a row."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("at", "right"),
        ("step", "left"),
        ("queued", "right"),
        ("running", "right"),
        ("records", "right"),
        ("effects (ms)", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=name != "effects (ms)")  # type: ignore[arg-type]
    start = runs[0].began_us if runs else 0
    first: dict[str, StepTime] = {}
    for run in runs:
        first.setdefault(run.step, run)
    for step, run in first.items():
        later = [other for other in runs if other.step == step and other is not run]
        name = f"{step} [{run.variant} of {run.experiment or 'arms'}]" if run.variant else step
        _timeline_row(table, f"+{(run.began_us - start) / 1000:.1f} ms", escape(name), [run])
        if later:
            at = f"to {(max(other.ended_us for other in later) - start) / 1000:.1f} ms"
            _timeline_row(table, at, f"{step} ({len(later)} more)", later)
    return table


def _timeline_row(table: Table, at: str, name: str, runs: list[StepTime]) -> None:
    """Add a row: times of one run, or the means of several and the sums of their effects."""
    effects: dict[str, tuple[float, int]] = {}
    for run in runs:
        for effect in run.effects:
            took, parts = effects.get(effect.kind, (0.0, 0))
            effects[effect.kind] = (took + effect.took_us / 1000, parts + effect.parts)
    again = max(run.attempt for run in runs)
    mean = "" if len(runs) == 1 else "avg "
    table.add_row(
        at,
        name + (f" (attempt {again})" if again > 1 else ""),
        f"{mean}{sum(run.queued_us for run in runs) / len(runs) / 1000:.1f} ms",
        f"{mean}{sum(run.took_us for run in runs) / len(runs) / 1000:.1f} ms",
        str(sum(run.records for run in runs)),
        ", ".join(
            f"{kind} {took:.1f}" + (f" ({parts} parts)" if parts > len(runs) else "")
            for kind, (took, parts) in effects.items()
        ),
    )
    for use in (use for run in runs for use in run.tools):
        table.add_row("", "", "", "", "", escape(f"→ {used(use)}"))
    for decision in (decision for run in runs for decision in run.policies):
        table.add_row("", "", "", "", "", escape(f"→ {told_decision(decision)}"))


def used(use: ToolUse) -> str:
    """Spell the use of a tool for people."""
    cost = f", {use.cost_micros / MICROS:.6f}" if use.cost_micros else ""
    return f"{use.name} {use.arguments}: {use.outcome}{cost}: {' '.join(use.result.split())}"


def told_decision(decision: PolicyDecision) -> str:
    """Spell a decision in a line."""
    rules = ", ".join(f"{one.rule!r} ({one.effect}, {one.count})" for one in decision.rules)
    about = f" {decision.resource}" if decision.resource else ""
    return (
        f"{decision.action}{about}: {decision.allowed} allowed, {decision.denied} denied by policy "
        f"{decision.policy[:DIGITS]}: {rules}"
    )


def stages_table(passed: list[StageTime]) -> Table:
    """Lay out how a question spent its time until its first text, and what it left out."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage")
    for name in ("share", "took", "left to the deadline"):
        table.add_column(name, justify="right")
    table.add_column("left out")
    for stage in passed:
        left = "" if stage.left_us is None else f"{stage.left_us / 1000:,.0f} ms"
        share_ms, took_ms = SHARES_MS[stage.stage], stage.took_us / 1000
        over = "[yellow]" if took_ms > share_ms else ""
        took = f"{over}{took_ms:,.0f} ms"
        table.add_row(stage.stage, f"{share_ms} ms", took, left, ", ".join(stage.degraded))
    return table
