"""Configuration of the steps: files at rest; by digest in the log, where a replay finds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents
from streams.topics import STEPS

POLICY = "policy"
"""What policies are configured as: rules for several steps and the edge (`agents.policies`)."""
PRODUCERS = "producers"
"""Who may write requests, and whether they must prove it (`streams.running.producer_gate`)."""
LIMITS = "limits"
"""How much tenants and keys may use (`edge.load.limits_in_force`)."""
CONFIGURED = (*(entry.name for entry in STEPS), POLICY, PRODUCERS, LIMITS)
"""What can be configured, each by a choice of its own."""
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


def parsed_content(content: str, digest: str) -> dict[str, Any]:
    """Read a configuration back from the log; raises ValueError where the digest is another's."""
    if hashlib.sha256(content.encode()).hexdigest() != digest:
        raise ValueError(f"the content is not that of {digest}")
    return _object(json.loads(content))


def load(folder: Path = FOLDER) -> dict[str, Configuration]:
    """Read `<step>.json` of every step, policy.json, producers.json and limits.json.

    A value `{"file": NAME}` stands for what that file holds: a text, or the content of a `.json`.
    `{"folder": NAME}` stands for an object of what the `.json` files of that folder hold, by their
    names without the ending.

    A step without a file has nothing to configure. Raises BadConfiguration for a file that is not
    a JSON object.
    """
    configurations = {}
    for step in CONFIGURED:
        path = folder / f"{step}.json"
        values = values_of(path) if path.exists() else {}
        configurations[step] = configuration(step, values)
    return configurations


def values_of(path: Path) -> dict[str, Any]:
    """Read the values of one file, as `load` does; raises BadConfiguration."""
    return _values(str(path), lambda: path.read_text(encoding="utf-8"), path.parent)


def values_in(text: str, name: str) -> dict[str, Any]:
    """Read values from a text, which errors name; files in it lie in the folder of the process."""
    return _values(name, lambda: text, Path())


def _values(name: str, read: Callable[[], str], folder: Path) -> dict[str, Any]:
    try:
        return {key: _put_in(value, folder) for key, value in _object(_json(read())).items()}
    except (OSError, ValueError, TypeError) as error:
        raise BadConfiguration(f"{name}: {error}") from None
    except RecursionError:
        raise BadConfiguration(f"{name}: it nests too deeply: flatten it") from None


def _object(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ValueError("it must be a JSON object")  # noqa: TRY004 - as for what is no JSON at all
    return values


def _put_in(value: Any, folder: Path) -> Any:
    """Put what files hold in the place of their names."""
    if not isinstance(value, dict) or set(value) not in ({"file"}, {"folder"}):
        return value
    [(how, name)] = value.items()
    if not isinstance(name, str):
        raise TypeError(f"{how} names what it holds, by a text")
    if how == "file":
        return _held(folder / name)
    return {path.stem: _held_in(path) for path in _files_of(folder / name)}


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    return sorted(folder.glob("*.json"))


def _held_in(path: Path) -> Any:
    """Read one of several files, which errors name."""
    try:
        return _held(path)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _held(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return _json(text) if path.suffix == ".json" else text


def _json(text: str) -> Any:
    """Read JSON that says each thing once, and only what JSON can say."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice: leave one out")
    return values


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON: write one that is")
