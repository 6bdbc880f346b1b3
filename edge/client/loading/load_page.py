"""What a load did, as one page that loads nothing: figures, and when how long was waited.

Colours follow the reader's choice of light or dark; whatever comes from outside is shown as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from edge.client.loading.load_askers import COMPLETED, LoadedQuestion

WIDTH, HEIGHT, LEFT, BELOW = 760, 260, 56, 28
"""Of a plot in pixels: all of it, and the margins for what stands beside its axes."""
DOTS_MAX = 5_000
TICKS = 5
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #6b7280; --line: #d6d9de;
  --good: #2563eb; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #14171a; --soft: #9aa2ad; --line: #343a42; --good: #7aa2f7;
    --bad: #f7768e; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
svg line { stroke: var(--line); } .soft { color: var(--soft); }
.good { fill: var(--good); } .bad { fill: var(--bad); }
.curve { fill: none; stroke: var(--good); stroke-width: 2; }
"""
TABLE = {
    "first_token_ms": "first token",
    "between_parts_ms": "between parts",
    "total_ms": "whole answer",
    "sent_late_ms": "sent late by the driver",
}


def load_page(report: Mapping[str, Any], asked: Sequence[LoadedQuestion]) -> str:
    """Make the page of a report and the questions that it sums up."""
    about = {name: value for name, value in report.items() if not isinstance(value, dict)}
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>playhead load</title><style>{STYLE}</style></head><body>\n<h1>playhead load</h1>\n"
        f'<p class="soft">{escape(json.dumps(about, ensure_ascii=False))}</p>\n'
        + _times(report)
        + _pairs("What became of the questions", report["outcomes"])
        + _pairs("CPU an answer, in milliseconds", report["cpu_ms_per_answer"])
        + "<h2>Time to the first token, by when a question was due</h2>\n"
        + _scatter(asked)
        + "<h2>Share of the answers that had begun within a time</h2>\n"
        + _shares(sorted(one.first_s for one in asked if one.first_s is not None))
        + "</body></html>\n"
    )


def _times(report: Mapping[str, Any]) -> str:
    columns = ("p50", "p90", "p95", "p99", "max")
    head = "".join(f"<th>{one}</th>" for one in ("milliseconds", *columns))
    rows = (
        f"<tr><td>{name}</td>"
        + "".join(f"<td>{report[key].get(one, '')}</td>" for one in columns)
        + "</tr>"
        for key, name in TABLE.items()
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>\n"


def _pairs(title: str, pairs: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in pairs.items()
    )
    return f"<h2>{title}</h2>\n<table>{rows}</table>\n" if rows else ""


def _scatter(asked: Sequence[LoadedQuestion]) -> str:
    """Draw each question at the time when it was due; one that failed stands at the bottom."""
    if not asked:
        return ""
    began_s = asked[0].due_s
    every = -(-len(asked) // DOTS_MAX)
    ends = max(one.due_s - began_s for one in asked), max(one.first_s or 0.0 for one in asked)
    frame = _Frame(*ends)
    dots = (
        f'<circle cx="{frame.x(one.due_s - began_s):.1f}" cy="{frame.y(one.first_s or 0.0):.1f}" '
        f'r="2" class="{"good" if one.outcome == COMPLETED else "bad"}"/>'
        for one in asked[::every]
    )
    return frame.drawn("seconds", "ms", 1_000, dots)


def _shares(ordered: Sequence[float]) -> str:
    if not ordered:
        return ""
    frame = _Frame(ordered[-1], 1.0)
    every = -(-len(ordered) // DOTS_MAX)
    points = " ".join(
        f"{frame.x(value):.1f},{frame.y((index + 1) / len(ordered)):.1f}"
        for index, value in list(enumerate(ordered))[::every]
    )
    return frame.drawn("seconds", "%", 100, [f'<polyline class="curve" points="{points}"/>'])


class _Frame:
    """Axes from 0 to the largest values."""

    def __init__(self, across: float, up: float) -> None:
        self._across, self._up = across or 1.0, up or 1.0

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * value / self._across

    def y(self, value: float) -> float:
        return (HEIGHT - BELOW) - (HEIGHT - BELOW - 8) * value / self._up

    def drawn(self, across: str, up: str, factor: float, marks: Iterable[str]) -> str:
        """Draw the axes, named by their units (`factor` of the upright one), and marks."""
        steps = [index / TICKS for index in range(TICKS + 1)]
        lines = "".join(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{self.y(step * self._up):.1f}" '
            f'y2="{self.y(step * self._up):.1f}"/>'
            f'<text x="{LEFT - 6}" y="{self.y(step * self._up) + 4:.1f}" text-anchor="end">'
            f"{factor * step * self._up:.0f} {up}</text>"
            f'<text x="{self.x(step * self._across):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
            f"{step * self._across:.1f} {across if step == 1 else ''}</text>"
            for step in steps
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{up} over {across}">'
            f"{lines}{''.join(marks)}</svg>\n"
        )
