"""Files of policies: rules alone, as Cedar's own tools take them, or values of a configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from agents.configured.usability import Unusable, hold_choosable
from agents.errors import BeyondMeans
from agents.policies.contradictions import contradictions
from agents.policies.policy_in_force import RULES, rules_in
from streams.log.configuration import POLICY, BadConfiguration, values_in, values_of


def given_values(step: str, file: Path) -> dict[str, Any]:
    """Read what a file holds for a step; `-` is standard input. Raises BadConfiguration."""
    if str(file) == "-":
        text = sys.stdin.read()
        if step == POLICY and not text.lstrip().startswith("{"):
            return {RULES: text}
        return values_in(text, "standard input")
    if step != POLICY or file.suffix == ".json":
        return values_of(file)
    try:
        return {RULES: file.read_text(encoding="utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: {error}") from None


def policy_in(file: Path) -> str:
    """Read the rules of a file that can be decided by; raises BadConfiguration, Unusable."""
    values = given_values(POLICY, file)
    try:
        hold_choosable(POLICY, values)
    except Unusable as error:
        said = str(error).removeprefix(f"`{RULES}`: ")
        raise Unusable(f"{file}: {said}") from None
    return rules_in(values)


def warnings_of(step: str, values: dict[str, Any]) -> list[str]:
    """List what is usable and hardly meant."""
    if step != POLICY:
        return []
    try:
        return contradictions(rules_in(values))
    except BeyondMeans as error:
        return [str(error)]
