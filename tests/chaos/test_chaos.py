"""Faults under load, in the short: the long version is `make chaos`."""

import os

import click
import pytest

from tests.chaos.harness import Plan, run

SEED = int(os.environ.get("PLAYHEAD_CHAOS_SEED", "1"))


@pytest.mark.stack
@pytest.mark.timeout(400)  # what it takes where nothing is answered any more, to be able to say so
def test_whatever_dies_nothing_is_lost_repeated_or_disordered(tmp_path):
    plan = Plan(seed=SEED, questions=400, seconds=32.0, gap_s=2.2)
    result = run(plan, tmp_path / "run")
    click.echo(str(result))
    assert result.failures == [], f"PLAYHEAD_CHAOS_SEED={SEED} repeats it:\n{result}"
    assert result.judged.questions == plan.questions
    assert sum(result.done[kind] for kind in ("kill", "stop", "pause")) >= 10
    assert result.done["broker"] >= 1
