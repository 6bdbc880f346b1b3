"""Faults under load, in the short: the long version is `make chaos`."""

import os

import click
import pytest

from tests.chaos.harness import run
from tests.chaos.plan import Plan

SEED = int(os.environ.get("PLAYHEAD_CHAOS_SEED", "1"))


@pytest.mark.stack
@pytest.mark.timeout(600)  # what it takes where nothing ends any more, to be able to say so
def test_whatever_dies_nothing_is_lost_repeated_or_disordered(tmp_path):
    plan = Plan(seed=SEED, requests=800, seconds=45.0, kills=10)
    result = run(plan, tmp_path / "run")
    click.echo(str(result))
    assert result.failures == [], f"PLAYHEAD_CHAOS_SEED={SEED} repeats it:\n{result}"
    # besides what comes through the gateway and the inbox
    assert result.judged.requests > plan.requests
    assert result.kills >= 10
    assert all(result.done[kind] for kind in ("stop", "pause", "broker", "registry", "connector"))
