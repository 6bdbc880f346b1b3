"""Activations: which configuration each step runs with, as the log tells it.

The last choice on `configuration.activated` counts, whoever made it; its content lies on
`configuration.set`, under its digest, since before. A choice that can't be followed (a record that
is none, a digest that the log does not hold, a field that this code does not know) is told, and the
one before it goes on to count: so nothing takes effect half.

Which one a run began with stands in its own record (`Begun`), so a replay never asks here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from agents.configured.usability import Unusable, hold_usable
from schemas import ConfigurationActivated, ConfigurationSet
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import CONFIGURED, Configuration
from streams.version import CODE

SHIPPED = ""
"""Digest that stands for the configuration that each worker ships with."""
_STEPS = frozenset(CONFIGURED)


class Lying(NamedTuple):
    """A record of one of the two topics, as it lies there."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class ConfigurationChoice:
    """One choice on the log."""

    offset: int
    record: ConfigurationActivated | None
    """None for what is no such record."""
    ignored: str = ""
    """Why it does not count here; empty where it does."""
    replaced: str | None = None
    """Digest that was in force when it came to be, where whoever chose it knew of another one."""

    @property
    def step(self) -> str:
        """Name of the step, empty where that can't be read."""
        return "" if self.record is None else self.record.step


@dataclass(frozen=True)
class Activations:
    """What the log says at one moment."""

    history: tuple[ConfigurationChoice, ...]
    """All choices, oldest first."""
    contents: Mapping[str, Configuration]
    """Configurations by digest."""

    def latest(self, step: str) -> ConfigurationChoice | None:
        """Return the choice that counts for a step; None where there never was one."""
        return next((one for one in reversed(self.history) if counts(one, step)), None)

    def in_force(self, step: str, shipped: Configuration) -> Configuration:
        """Return what a step runs with, where `shipped` is what lies beside the code."""
        choice = self.latest(step)
        if choice is None or choice.record is None or choice.record.digest == SHIPPED:
            return shipped
        # steps that are configured alike share a digest, and a key
        return replace(self.contents[choice.record.digest], step=step)

    def earlier(self, step: str) -> str | None:
        """Return the digest that was in force before the present one; None: it was never changed.

        A roll-back is followed back to what it went to, so that several go further and further.
        """
        stack = [SHIPPED]
        for one in self.history:
            if not counts(one, step) or one.record is None:
                continue
            digest = one.record.digest
            if one.record.why == "rolled_back" and digest in stack:
                while stack[-1] != digest:
                    stack.pop()
            elif digest != stack[-1]:
                stack.append(digest)
        return stack[-2] if len(stack) > 1 else None


def counts(choice: ConfigurationChoice, step: str) -> bool:
    """Say whether a choice is one of a step, and is followed."""
    return choice.step == step and not choice.ignored


def contents_of(records: Iterable[Lying], codec: Codec) -> dict[str, Configuration]:
    """Read the configurations by digest; one whose content is not that of its digest is none."""
    contents: dict[str, Configuration] = {}
    for lying in records:
        try:
            entry = codec.decode(lying.value, ConfigurationSet)
            digest = hashlib.sha256(entry.content.encode()).hexdigest()
        except (Undecodable, UnicodeEncodeError):
            continue
        if digest == entry.digest:
            contents[digest] = Configuration(entry.step, digest, entry.content)
    return contents


def activations_of(
    records: Iterable[Lying], contents: Mapping[str, Configuration], codec: Codec
) -> Activations:
    """Read the choices, in the order of the log."""
    history: list[ConfigurationChoice] = []
    in_force: dict[str, str] = {}
    unfit: dict[tuple[str, str], str] = {}
    """Step and digest -> why it can't be used, looked at once."""
    for lying in records:
        try:
            record = codec.decode(lying.value, ConfigurationActivated)
        except Undecodable as error:
            history.append(ConfigurationChoice(lying.offset, None, f"it is no record: {error}"))
            continue
        known = record.step, record.digest
        if known not in unfit:
            unfit[known] = _unfit(record, contents)
        ignored = unfit[known] or _misplaced(record, lying)
        before = in_force.get(record.step, SHIPPED)
        late = None if ignored or record.previous == before else before
        history.append(ConfigurationChoice(lying.offset, record, ignored, late))
        if not ignored:
            in_force[record.step] = record.digest
    return Activations(tuple(history), contents)


def _misplaced(record: ConfigurationActivated, lying: Lying) -> str:
    if lying.key != record.step.encode():
        return "its key is not its step"
    return ""


def _unfit(record: ConfigurationActivated, contents: Mapping[str, Configuration]) -> str:
    """Say why a choice can't be followed; empty where it can."""
    if record.step not in _STEPS:
        return f"this code ({CODE}) has no step {record.step!r}"
    if record.digest == SHIPPED:
        return ""
    content = contents.get(record.digest)
    if content is None:
        return f"the log holds no configuration {record.digest[:12]!r}"
    try:
        values = json.loads(content.content)
        if not isinstance(values, dict):
            return "its content is no JSON object"
        hold_usable(record.step, values)
    except Unusable as error:
        by = record.meta.step.code
        written = f", written by {by}" if by != CODE else ""
        return f"this code ({CODE}) can't work by it{written}: {error}"
    except (ValueError, RecursionError) as error:
        return f"its content is no JSON: {type(error).__name__}"
    return ""
