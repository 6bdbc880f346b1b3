"""What is away: errors by which who was asked, or a disk of this machine, gave no answer."""

from __future__ import annotations

from confluent_kafka import KafkaException

from agents.errors import Transient
from replay.disk_trouble import is_of_this_machine
from replay.report import DIFFERS, Difference, Report
from schemas.registry import RegistryAway
from streams.log.offsets import NoAnswer

AWAY = (KafkaException, NoAnswer, RegistryAway, TimeoutError, Transient)
"""What is raised where who was asked does not answer: another try may do better."""


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
