"""The timeline of a session that is a fork says where it comes from."""

import json

import pytest

from replay import timeline_cli
from tests.edge.cli.running import run
from tests.replay.forking.test_recorded_session import Talk, a_fork, forked_talk


@pytest.fixture
def timeline(monkeypatch):
    def call(talk, *words):
        monkeypatch.setattr(timeline_cli, "open_log", lambda *_: talk.log)
        done = run(timeline_cli.timeline_command, "s-1", *words)
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
