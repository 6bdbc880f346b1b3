"""The timeline of a session that is a fork says where it comes from."""

import json

import pytest

from replay.export import export
from replay.timeline_cli import timeline_command
from tests.edge.cli.running import run
from tests.replay.forking.test_recorded_session import Talk, a_fork, forked_talk
from tests.replay.little_log import with_every_topic


@pytest.fixture
def timeline(tmp_path):
    def call(talk, *words):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        export(with_every_topic(talk.log), folder)
        done = run(timeline_command, "s-1", "--archive", folder, *words)
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_a_fork_is_told_with_its_origin_before_what_was_asked_in_it(timeline):
    told = json.loads(timeline(forked_talk(a_fork()), "--json"))["requests"]
    assert [one["request_id"] for one in told] == ["f-1", "r-9"]
    assert told[0]["origin"]["request"] == "o-1"
    assert "origin" not in told[1]
    said = timeline(forked_talk(a_fork()))
    assert "forked from request o-1 of tenant globex, session s (t[0]@0)" in said


def test_another_session_comes_from_nowhere(timeline):
    assert "forked" not in timeline(Talk().said("r-1"))
