"""Choosing a configuration: what somebody wants in force, and how that reaches the log."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from agents.configured.usability import Unusable
from schemas import ConfigurationActivated, ConfigurationActivatedWhy
from streams.log.activations import SHIPPED
from streams.log.chosen_model import in_force
from streams.log.codec import Codec, open_codec
from streams.log.configuration import BadConfiguration, Configuration
from streams.log.configuration_log import ConfigurationLog, activation, put_choice
from streams.log.writing import Position, Writer
from streams.operations.configuring.changes_planned import CannotChange, StandingChoices
from streams.settings import Settings

BY_MAX = 100
"""Characters of who chose: a record is kept for ever."""


@dataclass(frozen=True)
class ChoiceWish:
    """What somebody wants in force."""

    step: str
    content: Configuration | None
    """None for what is shipped."""
    why: ConfigurationActivatedWhy
    by: str
    note: str
    arm: str = ""
    experiment: str = ""

    @property
    def digest(self) -> str:
        """Digest to choose."""
        return SHIPPED if self.content is None else self.content.digest


@contextmanager
def opened(run: Path | None) -> Iterator[tuple[Settings, Codec, ConfigurationLog]]:
    """Open the log, and have what can't be done end in one line that says so."""
    settings = Settings.load(run=run)
    codec = open_codec(settings)
    log = ConfigurationLog(settings, codec)
    try:
        yield settings, codec, log
    except (CannotChange, Unusable, BadConfiguration) as error:
        raise click.ClickException(str(error)) from None
    finally:
        log.close()


def standing_choices(settings: Settings, log: ConfigurationLog) -> StandingChoices:
    """Read what the log and the code say now."""
    return StandingChoices(log.read(), in_force(settings))


def chooser(by: str | None) -> str:
    """Say who chooses: the user logged in, where nobody is named."""
    if by is not None:
        return by
    try:
        return getpass.getuser()[:BY_MAX]
    except (OSError, KeyError):  # no such user on this host
        return ""


def put_wish(
    settings: Settings, codec: Codec, standing: StandingChoices, wish: ChoiceWish
) -> Position:
    """Write what is wanted to the log; raises as `put_choice`."""
    choice = ConfigurationActivated(
        step=wish.step,
        digest=wish.digest,
        previous=standing.digest(wish.step),
        why=wish.why,
        by=wish.by,
        note=wish.note,
        experiment=wish.experiment,
        arm=wish.arm,
    )
    with Writer(settings, "playhead-config") as writer:
        return put_choice(writer, codec, activation(choice, uuid.uuid4().hex), wish.content)
