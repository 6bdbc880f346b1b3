"""Changes: from what is in force and what is wished to a configuration that can be put in force."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.configured.usability import OF_EXPERIMENTS, Unusable, hold_choosable
from streams.log.activations import SHIPPED, Activations
from streams.log.configuration import Configuration, configuration, values_of
from streams.operations.options import nearest

CONTENT_BYTES_MAX = 1_000_000
"""Of a configuration: with what surrounds it, it fits a record of the log."""
PREFIX_MIN = 4  # of a digest, to mean it
_DIGEST = re.compile(r"[0-9a-f]{4,64}\Z")


class CannotChange(Exception):
    """What was asked for can't be done; the message says why and what to do."""


@dataclass(frozen=True)
class StandingChoices:
    """What the log and the code say at one moment."""

    activations: Activations
    shipped: Mapping[str, Configuration]

    def in_force(self, step: str) -> Configuration:
        """Return what a step runs with."""
        return self.activations.in_force(step, self.shipped[step])

    def digest(self, step: str) -> str:
        """Return the digest that is chosen for a step; SHIPPED where none is."""
        latest = self.activations.latest(step)
        return SHIPPED if latest is None or latest.record is None else latest.record.digest

    def named(self, step: str, name: str) -> Configuration:
        """Return what a name means: `active`, `shipped`, a digest's beginning or a file.

        Raises CannotChange, BadConfiguration.
        """
        if name == "active":
            return self.in_force(step)
        if name == "shipped":
            return self.shipped[step]
        if _DIGEST.match(name) and not Path(name).exists():
            return self._of_digest(step, name)
        if not Path(name).exists():
            raise CannotChange(
                f"{name} is neither a file nor a digest: name a file, active, shipped or the first "
                f"{PREFIX_MIN} digits of one that `playhead config history {step}` lists"
            )
        return configuration(step, values_of(Path(name)))

    def _of_digest(self, step: str, beginning: str) -> Configuration:
        known = {
            one.digest: one
            for one in (*self.activations.contents.values(), self.shipped[step])
            if one.digest.startswith(beginning)
        }
        if len(known) > 1:
            raise CannotChange(f"{beginning} begins {len(known)} digests: write more digits")
        for found in known.values():
            return Configuration(step, found.digest, found.content)
        raise CannotChange(
            f"the log holds no configuration {beginning}: `playhead config history {step}` lists "
            "those that were in force"
        )


def changed(current: Configuration, given: Mapping[str, Any], *, whole: bool) -> Configuration:
    """Return the configuration that has the given values, those in force beside them.

    `whole`: the given ones alone. Raises Unusable.
    """
    values = dict(given) if whole else {**current.values, **given}
    return usable(current.step, values)


def usable(step: str, values: Mapping[str, Any]) -> Configuration:
    """Give values their form and digest, if a step can work by them; raises Unusable."""
    hold_choosable(step, values)
    try:
        made = configuration(step, values)
    except UnicodeEncodeError:
        raise Unusable("a text holds half of a surrogate pair: write the character") from None
    if (size := len(made.content.encode())) > CONTENT_BYTES_MAX:
        raise Unusable(f"it takes {size} bytes, the log takes {CONTENT_BYTES_MAX}: shorten it")
    return made


def promoted(current: Configuration, arm: str) -> tuple[Configuration, str]:
    """Return what all requests get once an arm is everybody's, and the name of its experiment.

    `control` ends the experiment without a change. Raises CannotChange, Unusable.
    """
    values = current.values
    arms: Sequence[Mapping[str, Any]] = values.get("arms", [])
    if not arms:
        raise CannotChange(f"{current.step} has no arms: nothing is compared now")
    names = [str(one["name"]) for one in arms]
    experiment = str(values.get("experiment", ""))
    rest = {key: value for key, value in values.items() if key not in OF_EXPERIMENTS}
    if arm == "control":
        return usable(current.step, rest), experiment
    if arm not in names:
        meant = nearest(arm, names)
        hint = f" Did you mean {meant}?" if meant else ""
        raise CannotChange(f"no arm {arm}: there is control, {', '.join(names)}.{hint}")
    chosen = arms[names.index(arm)]
    own = {key: value for key, value in chosen.items() if key not in {"name", "share"}}
    return usable(current.step, {**rest, **own}), experiment


def rolled_back(standing: StandingChoices, step: str, to: str | None) -> Configuration | None:
    """Return what a step goes back to; None for the shipped one.

    Raises CannotChange, BadConfiguration, or Unusable where this code can't work by it any more.
    """
    if to is None:
        digest = standing.activations.earlier(step)
        if digest is None:
            raise CannotChange(f"{step} runs with what is shipped: there is nothing to go back to")
    else:
        digest = SHIPPED if to == "shipped" else standing.named(step, to).digest
    if digest == SHIPPED:
        return None
    found = standing.named(step, to or digest)
    hold_choosable(step, found.values)
    return found
