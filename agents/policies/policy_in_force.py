"""The policy that a run goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

RULES = "cedar"
"""Under which a policy's configuration holds its rules."""


class PolicyInForce(NamedTuple):
    """What the beginning of a run recorded of it."""

    digest: str
    text: str
    """In Cedar."""
    region: str
    """Where the worker runs; empty for unknown."""


def rules_in(values: Mapping[str, Any]) -> str:
    """Return the rules of a policy's configuration; empty where there are none, as shipped."""
    return str(values.get(RULES, "")).strip() and str(values[RULES])
