"""Tables of figures, as all parts of the bench print them."""

from __future__ import annotations

from rich.table import Table


def figure_table(first: str, *others: str) -> Table:
    """Make an empty table: names on the left, on one line each, figures right-aligned."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table
