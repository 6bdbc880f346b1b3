"""`--set`: what is changed of the configurations that requests ran with.

A wish names a value by its path: a step, then the fields of its configuration, as in
`retrieve.final.dense=.7`. It is laid over whatever configuration a request ran with, in the arm of
an experiment too where that has its own. Some names stand for more than a path: see SHORT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from agents.configured.usability import Unusable, hold_usable, known_fields
from agents.policies.policy_in_force import rules_in
from replay.whatif.outside import OF_THE_INDEX, RequestKind
from replay.whatif.recorded_chains import CHAIN
from streams.log.configuration import POLICY, BadConfiguration, Configuration, configuration
from streams.operations.configuring.policy_files import policy_in
from streams.operations.options import nearest
from streams.version import CODE

SHORT = ("prompt", "model", "policy", "index", "code")
"""Names that stand for more than a path: the prompt of generate, its model, the policy, which index
is asked, and by the rules of which code."""
STEPS_SET = tuple(one.name for one in CHAIN)
FILE_CHARACTERS_MAX = 1_000_000
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
Laying = Callable[[Any], Any]
"""Takes the value that stands at a path, or None, and returns the one that is wished for."""


class BadWish(ValueError):
    """What was asked for can't be; the message says why, and what there is."""


@dataclass(frozen=True)
class SettingWish:
    """One value that is to be another."""

    step: str
    path: tuple[str | int, ...]
    lay: Laying
    said: str
    """As it was written."""

    def over(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values with the wished one among them; raises BadWish where there is no place."""
        changed = dict(_laid(values, self.path, self.lay, self.said))
        if arms := values.get("arms"):
            changed["arms"] = [
                _laid(arm, self.path, self.lay, self.said) if self.path[0] in arm else arm
                for arm in arms
            ]
        return changed


@dataclass(frozen=True)
class SettingWishes:
    """All that is changed."""

    wishes: Sequence[SettingWish] = ()
    policy_file: Configuration | None = None
    generation: int | None = None
    present_code: bool = False
    anew: frozenset[RequestKind] = field(default_factory=frozenset)
    said: Sequence[str] = ()

    def of(self, step: str) -> list[SettingWish]:
        """Return those about a step."""
        return [wish for wish in self.wishes if wish.step == step]


class ChangedSettings:
    """Lays wishes over the configurations of a log."""

    def __init__(self, wished: SettingWishes, values: Callable[[str], dict[str, Any]]) -> None:
        """`values` returns what the log holds behind a digest."""
        self._wished = wished
        self._values = values
        self._laid: dict[str, dict[str, Any]] = {}
        self._digests: dict[tuple[str, str], str] = {}
        policy = wished.policy_file
        if policy is not None:
            self._laid[policy.digest] = policy.values

    def configuration(self, step: str, digest: str) -> str:
        """Return the digest of what a step runs with in place of a configuration.

        Raises BadWish where the step could not work by it, though it could by what was there.
        """
        wishes = self._wished.of(step)
        if not wishes:
            return digest
        if (step, digest) not in self._digests:
            before = self._values(digest)
            after: dict[str, Any] = before
            for wish in wishes:
                after = wish.over(after)
            _hold(step, before, after)
            made = configuration(step, after)
            same = made.content == configuration(step, before).content
            self._digests[step, digest] = digest if same else made.digest
            self._laid[made.digest] = after
        return self._digests[step, digest]

    def policy(self, digest: str) -> str:
        """Return the digest of the policy that is in force."""
        policy = self._wished.policy_file
        if policy is None:
            return digest
        return policy.digest if rules_in(policy.values) else ""

    def values(self, digest: str) -> dict[str, Any]:
        """Return the values behind a digest."""
        return self._laid[digest] if digest in self._laid else self._values(digest)

    def code(self, version: str) -> str:
        """Return the version of the code by whose rules a step runs."""
        return CODE if self._wished.present_code else version


def _hold(step: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    try:
        hold_usable(step, after)
    except Unusable as error:
        try:
            hold_usable(step, before)
        except Unusable:
            return  # of an older release: what it lacks is not what was asked for
        raise BadWish(f"{step} could not work by it: {error}") from None


# ---------------------------------------------------------------------- reading what was written


def wishes_of(said: Sequence[str]) -> SettingWishes:
    """Read what was written after --set; raises BadWish."""
    made: dict[str, Any] = {"wishes": [], "said": tuple(said)}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise BadWish(f"--set {one}: write NAME=VALUE, such as retrieve.final.dense=.7")
        if name in made.get("names", set()):
            raise BadWish(f"--set {name} stands there twice: leave one out")
        made.setdefault("names", set()).add(name)
        _read(name, value, made)
    made.pop("names", None)
    return SettingWishes(**made)


def _read(name: str, value: str, made: dict[str, Any]) -> None:
    match name:
        case "prompt":
            text = _text_of(name, value)
            made["wishes"].append(SettingWish("generate", ("prompt",), lambda _: text, name))
        case "model":
            made["wishes"] += _model(value)
        case "policy":
            try:
                cedar = policy_in(Path(value))
            except (Unusable, BadConfiguration, OSError) as error:
                raise BadWish(f"--set policy={value}: {error}") from None
            made["policy_file"] = configuration(POLICY, {"cedar": cedar} if cedar else {})
        case "index":
            made["generation"] = _generation(value)
            made["anew"] = OF_THE_INDEX
        case "code":
            if value != "present":
                raise BadWish("--set code=present: the rules of this release; no other is here")
            made["present_code"] = True
        case _:
            made["wishes"].append(_by_path(name, value))


def _generation(value: str) -> int | None:
    if value == "present":
        return None
    if not value.isdecimal() or not 1 <= int(value) <= 1_000_000:
        raise BadWish("--set index=present asks the index in force, index=2 its generation 2")
    return int(value)


def _by_path(name: str, value: str) -> SettingWish:
    parts = tuple(int(number) if number else word for word, number in _PART.findall(name))
    step, path = str(parts[0]) if parts else "", parts[1:]
    if step not in STEPS_SET or not path:
        known = (*SHORT, *(f"{one}.{field}" for one in STEPS_SET for field in known_fields(one)))
        near = nearest(name, known)
        meant = f"did you mean {near}? " if near else ""
        raise BadWish(
            f"--set {name}: {meant}There is {', '.join(SHORT)}, and the fields of "
            f"{', '.join(STEPS_SET)}, such as retrieve.final.dense"
        )
    if path[0] not in known_fields(step):
        raise BadWish(f"--set {name}: {_there_is(str(path[0]), known_fields(step), step)}")
    return SettingWish(step, path, lambda stands: _value(name, value, stands), name)


def _there_is(name: str, known: Sequence[str], of: str) -> str:
    near = nearest(name, known)
    meant = f"did you mean {near}? " if near else ""
    return f"{of} has no {name}: {meant}It has {', '.join(sorted(known)) or 'nothing'}"


def _laid(values: Any, path: Sequence[str | int], lay: Laying, said: str) -> Any:
    """Return values with another one at a path; what stands beside it stays."""
    first, rest = path[0], path[1:]
    if isinstance(values, Mapping) and isinstance(first, str):
        if rest and first not in values:
            raise BadWish(f"--set {said}: {_there_is(first, [*values], 'what stands there')}")
        return {**values, first: _inner(values.get(first), rest, lay, said)}
    if isinstance(values, list) and str(first).isdecimal() and int(first) < len(values):
        number = int(first)
        inner = _inner(values[number], rest, lay, said)
        return [*values[:number], inner, *values[number + 1 :]]
    held = f"a list of {len(values)}" if isinstance(values, list) else type(values).__name__
    raise BadWish(f"--set {said}: there is nothing at {first}: it stands in {held}")


def _inner(stands: Any, rest: Sequence[str | int], lay: Laying, said: str) -> Any:
    return _laid(stands, rest, lay, said) if rest else lay(stands)


def _value(name: str, written: str, stands: Any) -> Any:
    """Read a value as what stands there now is one: a number, a text, a list, an object."""
    if isinstance(stands, bool):
        if written not in {"true", "false"}:
            raise BadWish(f"--set {name}={written}: write true or false")
        return written == "true"
    if isinstance(stands, int | float):
        return _number(name, written, whole=isinstance(stands, int))
    if isinstance(stands, str):
        return _text_of(name, written[1:]) if written.startswith("@") else written
    return _composed(name, written, stands)


def _number(name: str, written: str, *, whole: bool) -> float:
    try:
        number = float(written)
    except ValueError:
        raise BadWish(f"--set {name}={written}: it must be a number") from None
    return int(number) if whole and number.is_integer() else number


def _composed(name: str, written: str, stands: Any) -> Any:
    """Read a list or an object: JSON, a file of it, or names with commas between them."""
    if written[:1] in "[{" and written:
        return _json_of(name, written)
    path = Path(written.removeprefix("@"))
    if path.suffix == ".json" or written.startswith("@") or path.is_file():
        read = _json_of(name, _text_of(name, str(path)))
        last = name.rpartition(".")[2]
        return read[last] if isinstance(read, dict) and [*read] == [last] else read
    names = [one.strip() for one in written.split(",") if one.strip()]
    if isinstance(stands, list):
        return names
    if isinstance(stands, dict) and all(isinstance(one, int | float) for one in stands.values()):
        usual = median(stands.values()) if stands else 0.5
        return {one: stands.get(one, usual) for one in names}
    try:
        return json.loads(written)
    except ValueError:
        return written


def _json_of(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadWish(f"--set {name}: no JSON: {error}") from None


def _text_of(name: str, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise BadWish(f"--set {name}={path}: {error.strerror}: name a file") from None
    except UnicodeDecodeError:
        raise BadWish(f"--set {name}={path}: it is no text in UTF-8") from None
    if len(text) > FILE_CHARACTERS_MAX or "\0" in text:
        raise BadWish(f"--set {name}={path}: no text of at most {FILE_CHARACTERS_MAX} characters")
    return text


def _model(name: str) -> list[SettingWish]:
    """Have generate ask one model: a route of that name or model, else the first one's provider."""
    if not re.fullmatch(r"[A-Za-z0-9][\w./:-]{0,99}", name):
        raise BadWish(f"--set model={name}: a name of letters, digits, . _ - / : is needed")

    def only(routes: Any) -> Any:
        listed = (routes or {}).get("routes") if isinstance(routes, dict) else None
        if not listed:
            return routes
        named = [one for one in listed if name in {one.get("name"), one.get("model")}]
        chosen = dict(named[0] if named else {**listed[0], "name": name, "model": name})
        chosen.pop("fallbacks", None)
        chosen.pop("canary", None)
        return {**routes, "routes": [chosen]}

    return [
        SettingWish("generate", ("models",), lambda _: [name], "model"),
        SettingWish("generate", ("routes",), only, "model"),
    ]
