"""How a personal value is spelt before it is digested: as redaction does, in all spellings."""

from __future__ import annotations

from collections.abc import Iterator

from agents.normal_forms import folded
from agents.placeholders import canonical


def spellings(value: str) -> Iterator[str]:
    """Yield what redaction digests of a value, and of its spelling without accents."""
    yield canonical(value)
    yield canonical(folded("NFKD", value, frozenset({"Mn"})))
