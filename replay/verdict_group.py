"""Groups of verbs that read a log: what they can't read is no finding, and it is not nothing.

Of a verb that judges, exit status 1 says that something differs, and 0 that all was looked at. A
broker, a registry, a bucket or a disk that does not answer says neither, so it is 3. A verb that
judges nothing ends with 1 whatever keeps it from its work.
"""

from __future__ import annotations

from typing import Any

import click
from confluent_kafka import KafkaException

from agents.errors import Transient
from replay.disk_trouble import is_of_this_machine
from replay.report import DIFFERS, NOT_VERIFIED, Difference, Report
from schemas.registry import RegistryAway
from streams.log.offsets import NoAnswer
from streams.operations.options import Group

AWAY = (KafkaException, NoAnswer, RegistryAway, TimeoutError, Transient)
"""What is raised where who was asked does not answer: another try may do better."""
WITHOUT_VERDICT = frozenset(
    {
        *("export", "import", "timeline", "lineage", "debug", "fork", "as-of", "effects"),
        *("explain", "retain", "checkpoints", "key", "receipt"),
    }
)
"""Verbs that show or do something and judge nothing."""


class VerdictGroup(Group):
    """A group whose verbs that judge, and groups in it, end with 3 where something is away."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; what it raises gets the exit status that it leads to."""
        try:
            return super().invoke(ctx)
        except click.UsageError:
            raise
        except click.ClickException as error:
            if _judges(ctx) and says_away(error.__cause__):
                error.exit_code = NOT_VERIFIED
            raise
        except Exception as error:
            if _judges(ctx) and says_away(error):
                error.exit_status = NOT_VERIFIED  # type: ignore[attr-defined]
            raise


def _judges(ctx: click.Context) -> bool:
    return ctx.invoked_subcommand not in WITHOUT_VERDICT


def found_before(report: Report, error: Exception) -> Report:
    """Return a report that one of AWAY cut short, where it found something; else raises that.

    What differs does so whatever the rest may say.
    """
    if report.status != DIFFERS:
        raise error
    report.unverifiable.append(
        Difference("", -1, -1, "", "", f"the rest was not read: {away_told(error)}")
    )
    return report


def away_told(error: BaseException) -> str:
    """Say in a line what is away, by one of AWAY."""
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    return str(error)


def says_away(error: BaseException | None) -> bool:
    """Tell whether an error, or what led to it, says that something could not be asked or read."""
    while error is not None:
        if isinstance(error, AWAY) or (isinstance(error, OSError) and is_of_this_machine(error)):
            return True
        error = error.__cause__
    return False
