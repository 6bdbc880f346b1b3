"""One page of what an evaluation found: tables and plots in a single file that loads nothing.

A plot shows each figure as a dot with the line of its interval, one row a system, on one scale from
0 to 1 for what is a share, and on a scale of its own for everything else. Colours follow the
reader's choice of light or dark; whatever a set, a figure or a note is called is shown as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from evals.bootstrap import EvalEstimate
from evals.data_sets import BadData
from evals.outcome import EvalFigure, SetOutcome, spelled
from evals.stored_runs import CHANGE
from streams.version import CODE

WIDTH, LABEL, ROW, PAD = 760, 280, 22, 12
"""Of a plot in pixels: all of it, what names a row, a row's height, and the margin."""
COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea")
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #6b7280; --line: #d6d9de; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #14171a; --soft: #9aa2ad; --line: #343a42; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
.soft { color: var(--soft); } svg .axis { stroke: var(--line); } svg .soft { fill: var(--soft); }
"""


def write_report(
    path: Path, kind: str, sets: Sequence[SetOutcome], about: Mapping[str, Any]
) -> None:
    """Write the page; raises BadData where the file can't be written."""
    try:
        path.write_text(report_page(kind, sets, about), encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}; name another file: --html") from None


def report_page(kind: str, sets: Sequence[SetOutcome], about: Mapping[str, Any]) -> str:
    """Make the page."""
    title = escape(f"playhead eval {kind}")
    said = escape(json.dumps({"code": CODE, **about}, ensure_ascii=False))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        f'<p class="soft">{said}</p>\n<p class="soft">Figures with the interval that holds them '
        "in 95 of 100 such samples.</p>\n" + "".join(map(_section, sets)) + "</body></html>\n"
    )


def _section(outcome: SetOutcome) -> str:
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(outcome.counts.items()))
    notes = "".join(f'<p class="soft">{escape(note)}</p>\n' for note in (counts, *outcome.notes))
    plots = "".join(_plot(name, outcome) for name in _names(outcome))
    heading = escape(f"{outcome.name} ({outcome.rows:,})")
    return f"<section><h2>{heading}</h2>\n{_table(outcome)}{notes}{plots}</section>\n"


def _names(outcome: SetOutcome) -> list[str]:
    return list(dict.fromkeys(one.name for one in outcome.figures))


def _table(outcome: SetOutcome) -> str:
    systems = list(dict.fromkeys(one.system for one in outcome.figures))
    head = "".join(f"<th>{escape(system)}</th>" for system in systems)
    shown = {(one.name, one.system): escape(spelled(one.estimate)) for one in outcome.figures}
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{shown.get((name, system), '')}</td>" for system in systems)
        + "</tr>\n"
        for name in _names(outcome)
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>\n{rows}</tbody></table>\n"


def _plot(name: str, outcome: SetOutcome) -> str:
    """Draw one figure of all systems; a change is drawn apart, about nothing."""
    figures = [one for one in outcome.figures if one.name == name and _drawn(one.estimate)]
    levels = [one for one in figures if one.system != CHANGE]
    changes = [one for one in figures if one.system == CHANGE]
    return (_lines(name, levels, _scale(levels)) if levels else "") + (
        _lines(f"{name}, {CHANGE}", changes, _about_zero(changes)) if changes else ""
    )


def _drawn(estimate: EvalEstimate) -> bool:
    return all(value == value for value in (estimate.value, estimate.low, estimate.high))  # noqa: PLR0124 - not NaN


def _scale(figures: Sequence[EvalFigure]) -> tuple[float, float]:
    most = max(one.estimate.high for one in figures)
    least = min(one.estimate.low for one in figures)
    return (0.0, 1.0) if least >= 0 and most <= 1 else (min(0.0, least), max(0.0, most) or 1.0)


def _about_zero(figures: Sequence[EvalFigure]) -> tuple[float, float]:
    most = max(max(abs(one.estimate.low), abs(one.estimate.high)) for one in figures) or 1.0
    return -most, most


def _lines(title: str, figures: Sequence[EvalFigure], scale: tuple[float, float]) -> str:
    low, high = scale
    height = ROW * (len(figures) + 1) + 2 * PAD

    def x(value: float) -> float:
        return round(LABEL + (value - low) / (high - low) * (WIDTH - LABEL - PAD), 1)

    rows = [f'<text x="0" y="{PAD}">{escape(title)}</text>']
    for tick in (low, (low + high) / 2, high):
        anchor = "start" if tick == low else "end" if tick == high else "middle"
        place = x(tick)
        rows += [
            f'<line class="axis" x1="{place}" x2="{place}" y1="{PAD + 6}" y2="{height}"/>',
            f'<text class="soft" x="{place}" y="{PAD}" text-anchor="{anchor}">{tick:.3g}</text>',
        ]
    for number, one in enumerate(figures):
        y, colour = PAD + ROW * (number + 1), COLOURS[number % len(COLOURS)]
        estimate = one.estimate
        rows += [
            f'<text x="12" y="{y + 4}">{escape(one.system)}</text>',
            (
                f'<line stroke="{colour}" stroke-width="2" x1="{x(estimate.low)}" '
                f'x2="{x(estimate.high)}" y1="{y}" y2="{y}"/>'
            ),
            (
                f'<circle fill="{colour}" cx="{x(estimate.value)}" cy="{y}" r="4">'
                f"<title>{escape(spelled(estimate))}</title></circle>"
            ),
        ]
    label = escape(title, quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" aria-label="{label}">'
        + "".join(rows)
        + "</svg>\n"
    )
