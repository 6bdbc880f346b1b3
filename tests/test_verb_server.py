"""A verb in a forked process is what it is in one of its own."""

import json
import os
import subprocess
import sys

import pytest

from tests.verb_server import ROOT, VerbServer


@pytest.fixture(scope="module")
def verbs():
    server = VerbServer()
    yield server
    server.close()


def in_a_process(words, environment):
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *words],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow  # two processes that import all verbs
def test_a_verb_says_and_ends_as_in_a_process_of_its_own(verbs, tmp_path):
    environment = {**os.environ, "PLAYHEAD_RUN": str(tmp_path)}
    asked = [
        (["settings", "--json"], {"PLAYHEAD_PARTITIONS": "7"}),
        (["settings", "--json"], {}),
        (["replay", "verify", "--jobs", "0"], {}),
        (["nothing"], {}),
        (["replay", "verify"], {"PLAYHEAD_PARTITIONS": "none"}),
        (["status", "--json", "--run", tmp_path], {}),
    ]
    codes = set()
    for words, more in asked:
        forked = verbs.run(words, environment | more, 120.0)
        own = in_a_process(words, environment | more)
        assert (forked.returncode, forked.stdout, forked.stderr) == (
            own.returncode,
            own.stdout,
            own.stderr,
        )
        codes.add(own.returncode)
    assert codes == {0, 1, 2}


@pytest.mark.slow  # as above
def test_a_verb_that_does_not_end_is_ended_and_the_next_one_runs(verbs, tmp_path):
    environment = {**os.environ, "PLAYHEAD_RUN": str(tmp_path), "PLAYHEAD_FREE_PORTS": "1"}
    with pytest.raises(subprocess.TimeoutExpired):
        verbs.run(["audit", "witness", "--help"], environment, 0.0)
    assert verbs.run(["--version"], environment, 120.0).returncode == 0


@pytest.mark.slow  # as above
def test_verbs_run_side_by_side_and_each_says_its_own(verbs, tmp_path):
    environment = {**os.environ, "PLAYHEAD_RUN": str(tmp_path)}
    ended = verbs.run_all([["--version"], ["nothing"], ["settings", "--json"]], environment, 120.0)
    assert [one.returncode for one in ended] == [0, 2, 0]
    assert ["nothing" in one.stderr for one in ended] == [False, True, False]
    assert json.loads(ended[2].stdout)
    with pytest.raises(subprocess.TimeoutExpired):
        verbs.run_all([["--version"], ["audit", "witness", "--help"]], environment, 0.0)
    assert verbs.run(["--version"], environment, 120.0).returncode == 0


@pytest.mark.slow  # as above
def test_a_verb_may_have_a_bound_of_memory_and_its_peak_is_told(verbs, tmp_path):
    environment = {**os.environ, "PLAYHEAD_RUN": str(tmp_path)}
    before = verbs.run(["settings"], environment, 120.0)
    assert before.returncode == 0
    assert 10_000 < before.peak_kb < 1_000_000
    bounded = verbs.run(["settings"], environment, 120.0, address_bytes=1_000_000)
    assert bounded.returncode != 0
