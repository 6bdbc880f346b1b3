"""A what-if as one page: a single file that loads nothing, whatever texts are in it.

Every text is escaped; the page has no script, and a policy in its head forbids any source.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from replay.whatif.asking_options import MICROS
from replay.whatif.whatif_gate import BoundHeld
from replay.whatif.whatif_report import FIGURES, STATES
from replay.whatif.whatif_terminal import document_lines, retroactive_line, spelt_figure

STYLE = Path(__file__).with_name("page.css")
HEAD = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    '<meta name="referrer" content="no-referrer">\n<title>Playhead: what if</title>\n'
)
WIDE = '<div class="wide" tabindex="0"><table>'  # by the keyboard too it can be moved aside
WORDS_MAX = 4_000  # of both sides together: beyond, a diff by words takes minutes


def page_of(report: Mapping[str, Any], held: Sequence[BoundHeld]) -> str:
    """Return the page of a report."""
    parts = [
        f"<h1>What if {escape(', '.join(report['what_if']['set']) or 'nothing')}</h1>",
        _states(report),
        f'<p class="bad">Stopped: {escape(report["stopped"])}</p>' if report["stopped"] else "",
        _gate(held),
        _figures(report),
        _list("What would have been kept back", map(retroactive_line, report["retroactive"])),
        _list("Documents", document_lines(report["documents"])),
        _changed(report["changed"]),
        _list(
            "Not run",
            (f"{o['request_id']} ({o['tenant']}): {o['reason']}" for o in report["not_run"]),
        ),
    ]
    style = STYLE.read_text(encoding="utf-8")
    body = "\n".join(part for part in parts if part)
    end = "\n</main>\n</body>\n</html>\n"
    return f"{HEAD}<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}{end}"


def _columns(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of all requests, and of each tenant where there are several."""
    tenants = report["tenants"] if len(report["tenants"]) > 1 else {}
    return {"all": report["all"], **tenants}


def _states(report: Mapping[str, Any]) -> str:
    rows = [*_columns(report).items()]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("requests", *STATES))
    lines = [
        f'<tr><th scope="row">{escape(name)}</th><td>{of["requests"]:,}</td>'
        + "".join(f"<td>{of[state]:,}</td>" for state in STATES)
        + "</tr>"
        for name, of in rows
    ]
    cost = report["all"]["cost_micros"]
    spent = ", ".join(f"{name} {value / MICROS:.6f}" for name, value in cost.items())
    return (
        f'{WIDE}<tr><th scope="col">tenant</th>{head}</tr>{"".join(lines)}'
        f'</table></div>\n<p class="soft">{report["all"]["calls"]:,} live calls; price: {spent}</p>'
    )


def _gate(held: Sequence[BoundHeld]) -> str:
    if not held:
        return ""
    lines = [
        f'<li class="{"good" if one.kept else "bad"}">{"kept" if one.kept else "broken"}: '
        f"{escape(str(one))}</li>"
        for one in held
    ]
    return f"<h2>Gate</h2>\n<ul>{''.join(lines)}</ul>"


def _figures(report: Mapping[str, Any]) -> str:
    columns = _columns(report)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    rows = []
    for name, meaning in FIGURES.items():
        told = [escape(spelt_figure(name, of["figures"][name])) for of in columns.values()]
        cells = "".join(f"<td>{one}</td>" for one in told)
        rows.append(
            f'<tr><th scope="row">{name}<br><span class="soft">{escape(meaning)}</span></th>'
            f"{cells}</tr>"
        )
    return (
        "<h2>Figures</h2>\n<p>With the interval that holds each in 95 of 100 such samples.</p>\n"
        f'{WIDE}<tr><th scope="col">figure</th>{head}</tr>{"".join(rows)}'
        "</table></div>"
    )


def _list(title: str, lines: Any) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{title}</h2>\n<ul>{items}</ul>" if items else ""


def _changed(changed: Sequence[Mapping[str, Any]]) -> str:
    if not changed:
        return ""
    return "<h2>What changes</h2>\n" + "\n".join(map(_one, changed))


def _one(one: Mapping[str, Any]) -> str:
    title = f"<code>{escape(one['request_id'])}</code> {escape(one['tenant'])}"
    about = " ".join(filter(None, [f"first at {one['step']}", one["field"]]))
    if one["now"] is None:
        told = f'<p class="bad">{escape(one["reason"])}</p>'
    else:
        then, now = _sides(one["recorded"], one["now"])
        told = f'<div class="sides">{then}{now}</div>'
    return (
        f"<article><h3>{title}</h3>\n<p>{escape(one['question'])}<br>"
        f'<span class="soft">{escape(about)}</span></p>\n{told}</article>'
    )


def _sides(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    gone, come = marked_words(then["text"], now["text"])
    return _one_side("Recorded", then, gone), _one_side("What if", now, come)


def _one_side(title: str, side: Mapping[str, Any], text: str) -> str:
    about = [side["ended"], side["finish_reason"], side["model"], *side["categories"]]
    facts = escape(", ".join(filter(None, about)))
    cited = f"{len(side['citations'])} cited of {len(side['passages'])}"
    return (
        f'<div class="side"><strong>{title}</strong> <span class="soft">{facts}; {cited}; '
        f"{side['took_us'] / 1000:,.0f} ms</span>\n{text}</div>"
    )


def marked_words(then: str, now: str) -> tuple[str, str]:
    """Return both texts escaped, with what only one of them has marked in it."""
    before, after = then.split(" "), now.split(" ")
    if len(before) + len(after) > WORDS_MAX:
        return f"<del>{escape(then)}</del>", f"<ins>{escape(now)}</ins>"
    gone, come = list[str](), list[str]()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, from_, to in matcher.get_opcodes():
        for words, mark, into in ((before[start:end], "del", gone), (after[from_:to], "ins", come)):
            if words:
                text = escape(" ".join(words))
                into.append(text if tag == "equal" else f"<{mark}>{text}</{mark}>")
    return " ".join(gone), " ".join(come)
