"""Where a setting's value comes from: an option, the environment, the run folder's file, a default.

What the fields are, `kind` says, the dataclass whose values are read: `streams.settings.Settings`.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec

from streams.setting_types import BadSetting, in_words
from streams.storage_places import is_address
from streams.variables import PREFIX, VARIABLES, variable


@dataclass(frozen=True)
class Setting:
    """A value in force and where it came from."""

    value: Any
    source: Literal["option", "environment", "file", "default"]


@cache
def known_names(kind: type) -> tuple[str, ...]:
    """List every `PLAYHEAD_*` name that means something: fields first."""
    ours = (*(field.name for field in fields(kind)), *(entry.name for entry in VARIABLES))
    return tuple([variable(name) for name in ours])


def refuse_unknown(kind: type, environment: Mapping[str, str]) -> None:
    """Raise BadSetting for a `PLAYHEAD_*` name that nobody reads; it names the nearest."""
    known = known_names(kind)
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in known:
            continue
        short = [entry.removeprefix(PREFIX) for entry in known]
        near = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1)
        hint = f"did you mean {PREFIX}{near[0]}? " if near else ""
        raise BadSetting(f"{name} is no setting; {hint}docs/settings.md lists them all")


def resolve(kind: type, environment: Mapping[str, str], **given: Any) -> dict[str, Setting]:
    """Find each field's value and its source; raises BadSetting for one that is not allowed."""
    defaults: dict[str, Any] = {field.name: field.default for field in fields(kind)}
    run = _run(environment, given.pop("run", None), defaults["run"])
    file = run.value / "stack.json"
    stack = _stack(file)
    in_force = {"run": run}
    for name, default in defaults.items():
        if name == "run":
            continue
        if name in given:
            in_force[name] = Setting(convert(kind, name, given.pop(name), name), "option")
        elif (text := environment.get(variable(name))) is not None:
            value = convert(kind, name, text, variable(name))
            in_force[name] = Setting(value, "environment")
        elif name in stack:
            value = convert(kind, name, stack[name], f"{name} in {file}")
            in_force[name] = Setting(value, "file")
        else:
            in_force[name] = Setting(default, "default")
    if given:
        raise BadSetting(f"{', '.join(sorted(given))}: no such setting, see streams/settings.py")
    return in_force


def _run(
    environment: Mapping[str, str], given: str | os.PathLike[str] | None, default: Path
) -> Setting:
    if given:
        return Setting(_folder(given, "run"), "option")
    if text := environment.get(variable("run")):
        return Setting(_folder(text, variable("run")), "environment")
    return Setting(default.resolve(), "default")


def _folder(spelt: str | os.PathLike[str], label: str) -> Path:
    if is_address(os.fspath(spelt)):
        raise BadSetting(f"{label}={os.fspath(spelt)!r}: it must be a folder of this machine")
    return Path(spelt).resolve()


def _stack(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        stack = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise BadSetting(f"{file} is not JSON: run `playhead up` again") from None
    if not isinstance(stack, dict):
        raise BadSetting(f"{file} is not a JSON object: run `playhead up` again")
    return stack


def type_of(kind: type, name: str) -> Any:
    """Return the type of a field, with its bounds."""
    return _types(kind)[name]


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def convert(kind: type, name: str, value: Any, label: str) -> Any:
    """Convert a field's value, text included; raises BadSetting that calls it by its label."""
    hint = type_of(kind, name)
    try:
        return msgspec.convert(value, hint, strict=False)
    except (msgspec.ValidationError, OverflowError):
        raise BadSetting(f"{label}={value!r}: it must be {in_words(hint)}") from None
