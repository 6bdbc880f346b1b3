"""Quantiles of what a run measured, and how they are spelled."""

from collections.abc import Sequence


def quantile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many of 100 do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, median, 95th and 99th percentile and maximum of some durations."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    named = {f"p{percent}": quantile(ordered, percent) for percent in (50, 95, 99)}
    rounded = {name: round(value, 3) for name, value in {**named, "max": ordered[-1]}.items()}
    return {"count": len(ordered), **rounded}


def spelled(numbers: dict[str, float], unit: str = "s") -> str:
    """Spell quantiles in a line."""
    if not numbers["count"]:
        return "none"
    named = ", ".join(f"{name} {numbers[name]:.2f}" for name in ("p50", "p95", "p99", "max"))
    return f"{named} {unit}"
