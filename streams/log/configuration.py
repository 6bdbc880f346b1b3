"""Configuration of the steps: files at rest; by digest in the log, where a replay finds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents
from streams.topics import STEPS

FOLDER = Path(agents.__file__).parent / "configuration"


class BadConfiguration(ValueError):
    """A configuration file that can't be used; the message names it and says what is wrong."""


@dataclass(frozen=True)
class Configuration:
    """What one step is configured with."""

    step: str
    digest: str
    """Hex SHA-256 of the content."""
    content: str
    """Canonical JSON: keys sorted, no spaces."""

    @property
    def values(self) -> dict[str, Any]:
        """The content, parsed."""
        values: dict[str, Any] = json.loads(self.content)
        return values


def configuration(step: str, values: Mapping[str, Any]) -> Configuration:
    """Give values their canonical form and digest."""
    content = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Configuration(step, hashlib.sha256(content.encode()).hexdigest(), content)


def load(folder: Path = FOLDER) -> dict[str, Configuration]:
    """Read `<step>.json` of every step; a value `{"file": NAME}` stands for what that file holds.

    That is a text, or the content of a `.json`.

    A step without a file has nothing to configure. Raises BadConfiguration for a file that is not
    a JSON object.
    """
    configurations = {}
    for step in STEPS:
        path = folder / f"{step.name}.json"
        try:
            values = _values(path)
        except (OSError, ValueError) as error:
            raise BadConfiguration(f"{path}: {error}") from None
        configurations[step.name] = configuration(step.name, values)
    return configurations


def _values(path: Path) -> dict[str, Any]:
    """Read one file, or nothing where there is none; raises OSError or ValueError."""
    if not path.exists():
        return {}
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("it must be a JSON object")  # noqa: TRY004 - as for what is no JSON at all
    return {
        key: _held(path.parent / value["file"])
        if isinstance(value, dict) and set(value) == {"file"}
        else value
        for key, value in values.items()
    }


def _held(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else text
