"""What `replay what-if` prints on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.whatif.asking_again import WhatIfEstimate
from replay.whatif.asking_options import MICROS
from replay.whatif.whatif_gate import BoundHeld
from replay.whatif.whatif_report import FIGURES
from streams.operations.printing import counted

WIDTH_MAX = 140  # columns of two texts side by side
SHOWN_MAX = 12  # requests; --json and --html have all
SHARES = frozenset(
    name for name in FIGURES if not name.endswith("_ratio") and name != "retrieval_overlap"
)
"""Figures that are shares of requests."""


def told_estimate(estimate: WhatIfEstimate) -> str:
    """Say in lines what asking will take."""
    said = (
        f"{counted(estimate.requests, 'request')}: {estimate.finished} known without asking "
        f"anybody ({estimate.changed} of them change), {estimate.open} to be asked live"
    )
    if estimate.open:
        kinds = ", ".join(f"{number} {kind}" for kind, number in estimate.calls.most_common())
        said += (
            f"\nabout {counted(estimate.calls.total(), 'live call')} ({kinds}), by recorded prices "
            f"{estimate.cost_micros / MICROS:.6f}"
        )
    return said


def show_what_if(report: Mapping[str, Any], held: Sequence[BoundHeld], console: Console) -> None:
    """Print a report for people."""
    console.print(_head(report["all"]))
    if report["stopped"]:
        console.print(f"[yellow]stopped: {escape(report['stopped'])}[/yellow]; the same command "
                      "goes on from here")  # fmt: skip
    console.print(figures_table(report))
    _show_all_changed(report["changed"], console)
    _show_retroactive(report["retroactive"], console)
    for line in document_lines(report["documents"])[: SHOWN_MAX + 1]:
        console.print(line, markup=False, soft_wrap=True)
    for one in report["not_run"][:SHOWN_MAX]:
        reason = f"{one['request_id']} ({one['tenant']}) is not run: {one['reason']}"
        console.print(reason, markup=False, soft_wrap=True)
    for bound in held:
        verdict = "[green]kept[/green]" if bound.kept else "[red]BROKEN[/red]"
        console.print(f"{verdict} {escape(str(bound))}")


def _head(of: Mapping[str, Any]) -> str:
    states = ", ".join(
        f"{of[name]} {said}"
        for name, said in (
            ("same", "as they were"),
            ("changed", "otherwise"),
            ("leaked", "stopped at a value in plain"),
            ("erased", "erased"),
            ("not_run", "not run"),
            ("away", "unanswered"),
            ("open", "left"),
        )
        if of[name] or name in {"same", "changed"}
    )
    spent = of["cost_micros"]["spent"] / MICROS
    return (
        f"{counted(of['requests'], 'request')}: {states}; {counted(of['calls'], 'live call')}, "
        f"{spent:.6f} spent{_failed(of['failed_calls'])}"
    )


def _failed(calls: int) -> str:
    return f"; {counted(calls, 'live call')} failed, and steps did without them" if calls else ""


def figures_table(report: Mapping[str, Any]) -> Table:
    """Lay the figures out: a column for all requests, one for each tenant."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("figure")
    tenants = [*report["tenants"]] if len(report["tenants"]) > 1 else []
    columns = {"all": report["all"], **{name: report["tenants"][name] for name in tenants}}
    for name in columns:
        table.add_column(escape(name), justify="right")
    for figure in FIGURES:
        told = [spelt_figure(figure, of["figures"][figure]) for of in columns.values()]
        table.add_row(figure, *told)
    return table


def spelt_figure(name: str, figure: Mapping[str, float] | None) -> str:
    """Spell a figure with its interval; a share in percent."""
    if figure is None:
        return "-"
    if name in SHARES:
        return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _show_all_changed(changed: Sequence[Mapping[str, Any]], console: Console) -> None:
    told = [one for one in changed if not is_same_answer(one)]
    for one in told[:SHOWN_MAX]:
        _show_changed(one, console)
    if len(told) > SHOWN_MAX:
        console.print(f"… and {len(told) - SHOWN_MAX} more: --html FILE shows all")
    if same := len(changed) - len(told):
        console.print(f"{counted(same, 'request')} otherwise on the way, with the same answer")


def is_same_answer(one: Mapping[str, Any]) -> bool:
    """Say whether a request that changed on the way ends with the same answer."""
    then, now = one["recorded"], one["now"]
    return bool(then and now and (then["text"], then["ended"]) == (now["text"], now["ended"]))


def _show_changed(one: Mapping[str, Any], console: Console) -> None:
    console.print()
    console.print(
        f"[bold]{escape(one['request_id'])}[/bold] ({escape(one['tenant'])}): first at "
        f"{one['step']} {escape(one['field'])}"
    )
    if one["question"]:
        console.print(f"  {one['question']}", markup=False, soft_wrap=True)
    if one["state"] == "leaked":
        console.print(f"  {one['reason']}", markup=False, style="red")
        return
    table = Table(
        box=None,
        show_header=True,
        header_style="dim",
        pad_edge=False,
        width=min(console.width, WIDTH_MAX),
    )
    table.add_column("recorded", ratio=1)
    table.add_column("what if", ratio=1)
    sides = one["recorded"], one["now"]
    table.add_row(*(escape(f"{side['ended']}: {side['text']}") for side in sides))
    console.print(table)


def _show_retroactive(told: Sequence[Mapping[str, Any]], console: Console) -> None:
    if not told:
        return
    console.print()
    console.print(f"what would have been kept back, of {counted(len(told), 'request')}:")
    for one in told[:SHOWN_MAX]:
        console.print(f"  {retroactive_line(one)}", markup=False, soft_wrap=True)
    if len(told) > SHOWN_MAX:
        console.print(f"  … and {len(told) - SHOWN_MAX} more: --json lists all")


def retroactive_line(one: Mapping[str, Any]) -> str:
    """Say in a line what would have been kept back of a request, and who saw it."""
    kinds = ", ".join(f"{number} {kind}" for kind, number in one["kinds"].items())
    about = ", ".join(filter(None, [kinds, *one["categories"]]))
    line = f"{one['request_id']} {' and '.join(one['what'])}{f' ({about})' if about else ''}: "
    line += f"session {one['session']}, subject {one['subject'][:12]}"
    if one["tokens_shown"]:
        until = one["shown_until_us"]
        for_ = (
            "and still is" if until is None else f"for {(until - one['shown_from_us']) / 1e6:.1f} s"
        )
        line += f" was shown {counted(one['tokens_shown'], 'token')}, {for_}"
    if one["models"]:
        line += f"; the question went to {', '.join(one['models'])}"
    return line


def document_lines(told: Mapping[str, Any] | None) -> list[str]:
    """Say what of the documents would have been replaced, then who was shown it."""
    if told is None:
        return []
    found, lost = (
        ", ".join(f"{number} {kind}" for kind, number in told[name].items()) or "none"
        for name in ("found", "lost")
    )
    head = (
        f"documents: of {counted(told['chunks'], 'chunk')} {told['chunks_changed']} would lose "
        f"values ({found}); values that would stand there in plain: {lost}"
    )
    if told["not_run"]:
        head += f"; {sum(told['not_run'].values())} batches not run"
    return [head, *map(_seen_line, told["seen_by"])]


def _seen_line(one: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{number} {kind}" for kind, number in one["kinds"].items())
    how = "cited" if one["cited"] else "retrieved"
    return (
        f"  {one['request_id']} {how} chunk {one['chunk'][:12]} ({kinds}, "
        f"{counted(one['tokens'], 'token')}): session {one['session']}, "
        f"subject {one['subject'][:12]}"
    )
