"""An answer of a whole stack: drawn, judged by two, exported, measured and tuned on."""

import json
from itertools import count

import pytest

from connectors.keyring import Keyring
from replay.log import BrokerLog
from replay.one_request import events_of
from schemas import AnswerJudged
from streams.log.chosen_model import in_force
from streams.log.ids import request_id
from streams.operations.reviews.review_sample import is_drawn, place_of, share_for
from tests.end_to_end.conftest import HANDBOOK

pytestmark = pytest.mark.stack

QUESTION = "How long may a torque wrench be borrowed?"


def key_that_is_drawn(running, tenant):
    """Return an idempotency key with which a question of this user will be drawn.

    A test may do this, as an asker who knows all about themselves may.
    """
    configured = in_force(running.settings)["moderate"]
    share = share_for(tenant, configured.values)
    subject = Keyring(running.settings).digest(tenant, b"borrower")
    for number in count():
        request = request_id(tenant, f"{subject}|review-{number}")
        if is_drawn(place_of(request, configured.digest), share):
            return f"review-{number}", request
    return None


@pytest.fixture
def reviewed(running):
    """A tenant of the test's own: of others some answers are drawn too."""
    state = running.submit("reviewed", HANDBOOK, uri="handbook.md")
    assert state["status"] == "indexed", state
    return "reviewed"


def test_an_answer_is_drawn_judged_by_two_and_becomes_a_set(running, reviewed, tmp_path):
    key, about = key_that_is_drawn(running, reviewed)
    with running.client(reviewed, "--user", "borrower") as client:
        headers = {"Idempotency-Key": key}
        answer = client.post("/v1/messages", json={"text": QUESTION}, headers=headers)
        assert answer.json()["request_id"] == about
    for user, grade in (("first", "right"), ("second", "partly")):
        with running.client(reviewed, "--scopes", "review", "--user", user) as client:
            told = client.get("/v1/review/next").json()["answer"]
            assert told["request_id"] == about
            assert told["question"] == QUESTION
            [cited, *_] = told["citations"]
            assert cited["quote"] in cited["passage"]
            body = {"request_id": about, "grade": grade, "note": "so it is"}
            assert client.post("/v1/review/judge", json=body).status_code == 202
            again = client.post("/v1/review/judge", json=body)
            assert again.status_code == 202
            assert client.get("/v1/review/next").json()["answer"] is None
    log = BrokerLog(running.settings)
    try:
        [judged] = [
            event
            for event in events_of(log, again.json()["request_id"])
            if isinstance(event, AnswerJudged)
        ]
    finally:
        log.close()
    assert (judged.about, judged.grade) == (about, "partly")

    out = tmp_path / "judged"
    done = running.playhead("eval", "export-judgements", "--tenant", reviewed, "--out", str(out))
    assert done.returncode == 0, done.stderr
    [row] = [json.loads(line) for line in (out / "judgements.jsonl").read_text().splitlines()]
    assert (row["id"], row["grades"], row["disagreement"]) == (about, ["right", "partly"], True)
    done = running.playhead(
        "eval", "answers", "--data", str(out), "--given-passages", "0", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sets"][0]["rows"] == 1
    done = running.playhead("tune", "--tenant", reviewed)
    assert done.returncode == 2
    assert "29 more answers that should be given" in done.stderr
    assert running.playhead("replay", "verify", "--tenant", reviewed).returncode == 0
