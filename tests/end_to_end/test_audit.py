"""The log of a running stack: sealed while it is written, checked, and an answer proved from it."""

import hashlib
import json

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def told(running):
    """Run `playhead audit …` and return the document that it prints."""

    def tell(*words, status=0, env=None):
        done = running.playhead("audit", *map(str, words), env=env or {})
        assert done.returncode == status, done.stderr or done.stdout
        return json.loads(done.stdout)

    return tell


def test_what_was_asked_is_sealed_checked_and_proved(running, workshop, told, tmp_path):
    answer = running.ask(workshop, "What is the deposit for a torque wrench?")
    receipt_of = f"/v1/messages/{answer['request_id']}/receipt"
    witness = tmp_path / "witness"
    first = told("seal", "--witness", witness, "--json")
    assert first["sealed"] > 5
    running.search(workshop, "compressor")
    assert told("seal", "--witness", witness, "--json")["sealed"] > 0
    report = told("check", "--witness", witness, "--json")
    assert report["findings"] == report["faults"] == report["without_checkpoint"] == []
    assert report["sealed"] > 5

    receipt = tmp_path / "receipt.json"
    receipt.write_text(json.dumps(told("receipt", answer["request_id"])))
    key = told("key", "--json")["key"]
    proved = told("verify-receipt", receipt, "--key", key, "--json")
    assert (proved["request"], proved["key_given"]) == (answer["request_id"], True)

    with running.client(workshop) as client:
        served = client.get(receipt_of)
    receipt.write_bytes(served.content)
    assert told("verify-receipt", receipt, "--key", key, "--json") == proved
    told_of = served.json()
    assert told_of["state"] == "sealed"
    assert told_of["digest"].endswith(hashlib.sha256(proved["text"].encode()).hexdigest())

    archive = tmp_path / "archive"
    done = running.playhead("replay", "export", str(archive))
    assert done.returncode == 0, done.stderr
    nowhere = {"PLAYHEAD_KAFKA": "127.0.0.1:1", "PLAYHEAD_REGISTRY": "http://127.0.0.1:1"}
    words = ("check", "--archive", archive, "--witness", witness, "--key", key, "--json")
    assert told(*words, env=nowhere)["findings"] == []
    done = running.playhead("replay", "verify", "--archive", str(archive), "--json", env=nowhere)
    assert json.loads(done.stdout)["diverged"] == []
