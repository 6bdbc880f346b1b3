"""Text in drawings of Office files (DrawingML): paragraphs, tables, charts and diagrams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from connectors.readers.blocks import block
from connectors.readers.markup import attribute, events, local
from connectors.readers.ooxml import OfficePackage, Related
from connectors.readers.table_blocks import table
from schemas import Block

SERIES_MAX = 255  # of a chart: more than Excel allows; all of them stand in each row
POINTS_MAX = 10_000  # of a series of a chart: its numbers are copies of a sheet's


def paragraphs(element: Any) -> Iterator[str]:
    """Yield the paragraphs of a text body that say something."""
    parts: list[str] = []
    for begins, name, one in events(element):
        if name == "p":
            text, parts = "".join(parts).strip(), []
            if text and not begins:
                yield text
        elif begins and name == "t":
            parts.append(one.text or "")
        elif begins and name == "br":
            parts.append("\n")
        elif begins and name == "tab":
            parts.append("\t")


def table_rows(element: Any) -> Iterator[list[str]]:
    """Yield the rows of a table; what is merged into another cell is empty."""
    for row in element:
        if local(row) == "tr":
            yield [" ".join(paragraphs(cell)) for cell in row if local(cell) == "tc"]


def chart(root: Any) -> Iterator[Block]:
    """Read a chart: its title, and the numbers that it was drawn from as a table."""
    title = next((one for one in root.iter("{*}title")), None)
    if title is not None:
        yield from block("paragraph", " ".join(paragraphs(title)))
    series = [_series(one) for one in islice(root.iter("{*}ser"), SERIES_MAX)]
    names = [name for name, _, _ in series]
    labels: dict[int, str] = {}
    for _, these, _ in series:
        labels = these | labels
    at = sorted(set(labels).union(*(values for _, _, values in series)))
    rows = ([labels.get(i, ""), *(values.get(i, "") for _, _, values in series)] for i in at)
    yield from table([["", *names], *rows])


def _series(element: Any) -> tuple[str, dict[int, str], dict[int, str]]:
    """Return a series' name, the labels of its points and their values, by their numbers."""
    name, labels, values = "", {}, {}
    for one in element:
        match local(one):
            case "tx":
                name = " ".join(_points(one).values())
            case "cat" | "xVal":
                labels = _points(one)
            case "val" | "yVal":
                values = _points(one)
    return name, labels, values


def _points(element: Any) -> dict[int, str]:
    points: dict[int, str] = {}
    for number, point in enumerate(element.iter("{*}pt")):
        at = attribute(point, "idx")
        index = int(at) if at.isascii() and at.isdigit() and len(at) < 9 else number
        text = "".join(value.text or "" for value in point if local(value) == "v")
        points[index] = text
        if len(points) >= POINTS_MAX:
            break
    if not points and (value := next(iter(element.iter("{*}v")), None)) is not None:
        points[0] = value.text or ""
    return points


def drawn(package: OfficePackage, related: dict[str, Related], element: Any) -> Iterator[Block]:
    """Read the charts and diagrams that a drawing refers to."""
    for one in element.iter():
        name = local(one)
        if name == "chart":
            ids = [attribute(one, "id")]
        elif name == "relIds":
            ids = [attribute(one, "dm")]
        else:
            continue
        for there in (related[key] for key in ids if key in related):
            root = package.find(there.part)
            if root is None:
                continue
            if name == "chart":
                yield from chart(root)
            else:
                yield from block("list", "\n".join(paragraphs(root)))
