"""How witnesses and authorities are named on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from cryptography import x509

from replay.witnessing.stamp_folder import BadStamp
from replay.witnessing.time_stamps import TimeStampAuthority, authority_at, read_roots
from replay.witnessing.witness_policy import (
    WITNESSES_MAX,
    BadPolicy,
    WitnessPolicy,
    given_witness,
    policy_of,
    read_policy,
)
from streams.operations.options import NumberRange
from streams.settings import Settings

Command = TypeVar("Command", bound=Callable[..., None])
TIMESTAMP_ROOTS = click.option(
    "--timestamp-roots",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificates (PEM) by which time stamps are believed.",
)


@dataclass(frozen=True)
class GivenWitnesses:
    """What the command line says of witnesses."""

    spelt: Sequence[str] = ()
    least: int | None = None
    policy: Path | None = None

    def read(self, settings: Settings) -> tuple[list[Path], WitnessPolicy]:
        """Return files, and whom to ask over HTTP; raises UsageError for what is neither."""
        over_http = [one for one in self.spelt if "#" in one or one.startswith(("http:", "https:"))]
        files = [Path(one) for one in self.spelt if one not in over_http]
        named = self.policy or (Path(settings.witness_policy) if settings.witness_policy else None)
        try:
            if named is None or (self.policy is None and over_http):
                return files, policy_of(map(given_witness, over_http), self.least)
            if over_http or self.least is not None:
                raise BadPolicy(
                    f"{named} tells which witnesses are asked, and how many must cosign: add a "
                    "witness there"
                )
            return files, read_policy(named)
        except BadPolicy as error:
            raise click.UsageError(str(error)) from None
        except OSError as error:
            raise click.UsageError(f"{named} can't be read: {error.strerror}") from None


def witnesses_option(command: Command) -> Command:
    """Give a command --witness, --witnesses-least and --witness-policy, as one argument."""

    @click.option(
        "--witness",
        "witnesses",
        multiple=True,
        metavar="FILE|URL#VKEY",
        help="A file of checkpoints where no writer of the log can change it, or a witness over "
        "HTTP with the key that it publishes; several times for several.",
    )
    @click.option(
        "--witnesses-least",
        type=NumberRange(0, WITNESSES_MAX),
        help="How many of those over HTTP must have cosigned.  [default: 0]",
    )
    @click.option(
        "--witness-policy",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Witnesses and quorum by a file (C2SP tlog-policy).  [env: PLAYHEAD_WITNESS_POLICY]",
    )
    @functools.wraps(command)
    def with_witnesses(
        *args: Any,
        witnesses: Sequence[str],
        witnesses_least: float | None,
        witness_policy: Path | None,
        **others: Any,
    ) -> None:
        least = None if witnesses_least is None else int(witnesses_least)
        given = GivenWitnesses(witnesses, least, witness_policy)
        command(*args, witnesses=given, **others)

    return cast("Command", with_witnesses)


def given_roots(path: Path | None) -> list[x509.Certificate] | None:
    """Read --timestamp-roots; raises UsageError."""
    try:
        return None if path is None else read_roots(path)
    except BadStamp as error:
        raise click.UsageError(str(error)) from None


def given_authority(url: str | None, roots: Path | None) -> TimeStampAuthority | None:
    """Read --timestamp with --timestamp-roots; raises UsageError."""
    if url is None:
        return None
    try:
        return authority_at(url, given_roots(roots) or [])
    except BadStamp as error:
        raise click.UsageError(str(error)) from None
