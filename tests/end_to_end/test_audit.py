"""The log of a running stack: sealed while it is written, checked, and an answer proved from it."""

import hashlib
import json
import subprocess
import sys

import pytest

from tests.replay.witnessing.openssl_authority import OpensslAuthority, needs_openssl
from tests.replay.witnessing.served import AnsweringServer, say

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


@needs_openssl
def test_a_witness_and_an_authority_vouch_for_the_log(running, workshop, told, tmp_path):
    running.search(workshop, "compressor")
    (tmp_path / "log.key").write_text(told("key", "--json")["key"])
    openssl = OpensslAuthority(tmp_path / "authority")
    command = (
        *(sys.executable, "-m", "infra.cli", "audit", "witness", "--listen", "127.0.0.1:0"),
        *("--state", tmp_path / "witness", "--name", "witness.test/w"),
        *("--log", tmp_path / "log.key"),
    )
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as witness,
        AnsweringServer(lambda h, body: say(h, 200, openssl.reply(body))) as authority,
    ):
        try:
            address = witness.stdout.readline().strip()
            asked = ("--witness", address, "--timestamp-roots", openssl.roots)
            least = (*asked, "--witnesses-least", 1)
            sealed = told("seal", *least, "--timestamp", authority.url, "--json")
            [told_of] = sealed["witnesses"]
            assert told_of["cosigned"] == told_of["of"] > 20, told_of["faults"]
            assert sealed["timestamp"]["checkpoints"] == told_of["of"]
            report = told("check", *least, "--json")
        finally:
            witness.terminate()
    assert report["findings"] == report["unheard"] == report["too_few_witnesses"] == []
    assert report["witnesses"][0]["newest"] == report["timestamps"]["current"] == told_of["of"]
    told(
        "seal", *asked, "--timestamp", authority.url, "--json"
    )  # both are gone: sealed all the same
    archive = tmp_path / "archive"
    done = running.playhead("replay", "export", str(archive))
    assert done.returncode == 0, done.stderr
    words = ("check", "--archive", archive, *asked, "--json")
    report = told(*words, "--offline")
    assert (report["findings"], report["unheard"]) == ([], [])
    assert report["timestamps"]["stamps"] == 1
    told(*words, status=3)
