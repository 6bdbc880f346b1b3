"""Gates: bounds that a what-if must keep, read from a file and held against its figures."""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replay.whatif.whatif_report import FIGURES
from streams.operations.options import nearest

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}
PARTS = ("value", "low", "high")
BYTES_MAX = 100_000
_BOUND = re.compile(r"\s*([a-z0-9_]+)(?:\.([a-z]+))?\s*(<=|>=|==|<|>)\s*(-?\d*\.?\d+)\s*\Z")


class BadGate(ValueError):
    """A gate that says nothing that could be held; the message says where."""


@dataclass(frozen=True)
class GateBound:
    """One bound of a figure."""

    figure: str
    part: str
    """value, or low or high of its interval."""
    comparison: str
    bound: float
    tenant: str = ""
    """Whose figure; empty for all together, `*` for each tenant's."""

    def __str__(self) -> str:
        part = "" if self.part == "value" else f".{self.part}"
        return f"{self.figure}{part} {self.comparison} {self.bound:g}"


@dataclass(frozen=True)
class BoundHeld:
    """How a bound fared."""

    bound: str
    tenant: str
    """Empty for all together."""
    value: float | None
    """None where nothing was run that it is of."""
    kept: bool

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return dict(vars(self))

    def __str__(self) -> str:
        of = f" ({self.tenant})" if self.tenant else ""
        told = "is not known: nothing was run" if self.value is None else f"is {self.value:.4g}"
        return f"{self.bound}{of}: {told}"


def read_gate(path: Path) -> tuple[GateBound, ...]:
    """Read a gate; raises BadGate."""
    try:
        content = path.read_bytes()
        if len(content) > BYTES_MAX:
            raise BadGate(f"{path}: over {BYTES_MAX} bytes")
        told = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise BadGate(f"{path}: {error.strerror}: name a file of bounds") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadGate(f"{path}: no TOML: {error}") from None
    tenants = told.pop("tenants", {})
    if not isinstance(tenants, dict):
        raise BadGate(f"{path}: `tenants` must be tables, such as [tenants.acme]")
    bounds = _bounds(path, told, "")
    for tenant, table in tenants.items():
        if not isinstance(table, dict):
            raise BadGate(f"{path}: `tenants.{tenant}` must be a table with `bounds`")
        bounds += _bounds(path, table, tenant)
    if not bounds:
        raise BadGate(f'{path}: it states no bound: write bounds = ["citations_lost <= 0.02"]')
    return tuple(bounds)


def _bounds(path: Path, table: Mapping[str, Any], tenant: str) -> list[GateBound]:
    if unknown := sorted(set(table) - {"bounds"}):
        raise BadGate(f"{path}: `{unknown[0]}` is unknown: there is `bounds` and `tenants`")
    stated = table.get("bounds", [])
    if not isinstance(stated, list) or not all(isinstance(one, str) for one in stated):
        raise BadGate(f'{path}: `bounds` must be a list of texts, such as "p95_ratio <= 1.1"')
    return [_bound(path, one, tenant) for one in stated]


def _bound(path: Path, stated: str, tenant: str) -> GateBound:
    read = _BOUND.match(stated)
    if read is None:
        raise BadGate(f'{path}: {stated!r} is no bound: write one such as "p95_ratio <= 1.1"')
    figure, part, comparison, bound = read.groups()
    if figure not in FIGURES:
        near = nearest(figure, [*FIGURES])
        meant = f"did you mean {near}? " if near else ""
        raise BadGate(f"{path}: no figure {figure}: {meant}There is {', '.join(FIGURES)}")
    if part is not None and part not in PARTS:
        raise BadGate(f"{path}: {figure}.{part}: a figure has {', '.join(PARTS)}")
    return GateBound(figure, part or "value", comparison, float(bound), tenant)


def held_against(bounds: Sequence[GateBound], report: Mapping[str, Any]) -> list[BoundHeld]:
    """Hold bounds against the figures of a report; what is not known is not kept."""
    held = []
    for one in bounds:
        tenants = [*report["tenants"]] if one.tenant == "*" else [one.tenant]
        for tenant in tenants:
            of = report["tenants"].get(tenant) if tenant else report["all"]
            figure = of["figures"][one.figure] if of else None
            value = figure[one.part] if figure else None
            kept = value is not None and COMPARISONS[one.comparison](value, one.bound)
            held.append(BoundHeld(str(one), tenant, value, kept))
    return held
