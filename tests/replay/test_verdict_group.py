"""Which exit status an error of a verb leads to."""

import errno

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, KafkaException

from agents.errors import Permanent, Transient
from replay.rebuild.rebuild_cli import ran
from replay.verdict_group import VerdictGroup
from schemas.registry import RegistryAway
from streams.log.offsets import NoAnswer

ERRORS = [
    (Transient("away"), 3),
    (NoAnswer("away"), 3),
    (RegistryAway("away"), 3),
    (TimeoutError("away"), 3),
    (KafkaException(KafkaError(KafkaError._TRANSPORT)), 3),
    (OSError(errno.EIO, "away"), 3),
    (OSError(errno.ENOSPC, "full"), 1),
    (Permanent("refused"), 1),
    (LookupError("nothing there"), 1),
    (click.ClickException("refused"), 1),
    (click.UsageError("wrong"), 2),
]


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=repr)
@pytest.mark.parametrize("within", ["", "told", "passed on"])
def test_what_is_away_is_3_however_a_verb_tells_of_it(error, status, within):
    @click.group(cls=VerdictGroup)
    def group():
        pass

    @group.command()
    def verb():
        if within == "told":
            raise click.ClickException("told") from error
        if within == "passed on":
            raise ValueError("passed on") from error
        raise error

    ended = CliRunner().invoke(group, ["verb"])
    if within and status == 2:
        status = 1  # the cause alone was wrong usage
    raised = ended.exception
    assert getattr(raised, "exit_status", ended.exit_code) == status


def test_a_verb_that_judges_nothing_has_failed_like_any_other():
    @click.group(cls=VerdictGroup)
    def group():
        pass

    @group.command("export")
    def verb():
        raise Transient("away")

    ended = CliRunner().invoke(group, ["export"])
    assert not hasattr(ended.exception, "exit_status")


@pytest.mark.parametrize(("error", "status"), [(Transient("away"), 3), (Permanent("no"), 1)])
@pytest.mark.parametrize("grouped", [False, True])
def test_an_index_that_is_away_is_told_from_one_that_refuses(error, status, grouped):
    async def work():
        raise ExceptionGroup("several", [error]) if grouped else error

    @click.group(cls=VerdictGroup)
    def group():
        pass

    group.command("verb")(lambda: ran(work))
    ended = CliRunner().invoke(group, ["verb"])
    assert (ended.exit_code, ended.output) == (status, f"Error: {error}\n")
