"""Recorded questions asked again on a running stack: real models and a real index, and nothing is written."""

import json
import uuid

import pytest

pytestmark = pytest.mark.stack

HOURS = "# Hours\n\nThe kiln is lit at six in the morning. Orders are taken until noon. Clay costs two euros."


@pytest.fixture(scope="module")
def asked(running):
    """A tenant of its own, with a document and a question."""
    tenant = f"kiln-{uuid.uuid4().hex[:8]}"
    running.submit(tenant, HOURS)
    answer = running.ask(tenant, "When is the kiln lit?")
    return tenant, answer["request_id"]


def told(running, *words):
    done = running.playhead("replay", *words, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_question_is_asked_again_live(running, asked):
    _, request = asked
    code, report = told(running, "run", "--request", request)
    assert report["requests"] == 1
    assert report["not_run"] == []
    assert {"Embed", "Search", "Fetch"} <= set(report["calls"])
    assert code == (1 if report["differs"] else 0)
    for one in report["differs"]:  # a model may differ in a last digit, never without a reason
        assert one["effect"] or one["asked_otherwise"]


def test_another_setting_asks_no_more_than_it_must_and_writes_nothing(running, asked, tmp_path):
    tenant, request = asked
    words = ["--set", "retrieve.candidates=40", "--tenant", tenant, "--work", str(tmp_path / "w")]
    code, report = told(running, "what-if", *words)
    assert code == 0
    assert report["all"]["requests"] == 1
    assert report["all"]["not_run"] == report["all"]["failed_calls"] == 0
    assert 1 <= report["all"]["calls"] <= 6
    assert report["all"]["figures"]["retrieval_overlap"]["value"] == 1
    code, verified = told(running, "verify", "--request", request)
    assert (code, verified["diverged"]) == (0, [])
