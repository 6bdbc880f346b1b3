"""`playhead audit witness`, a process of its own that is killed, and `check` by what it says."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from replay.export import export
from replay.seal.audit_cli import audit_group
from replay.seal.sealer import SEALED_TOPICS
from replay.witnessing.cosignature import Cosigner
from replay.witnessing.gathering import gather
from replay.witnessing.witness_policy import given_witness, policy_of
from streams.running.admit import INBOX_TOPICS
from streams.topics import TOPICS
from tests.replay.seal.sealed_log import PLACE, SIGNER, SealedLog

NAME = "witness.test/w"


def told(*words):
    result = CliRunner().invoke(audit_group, [str(word) for word in words])
    return result.exit_code, result.output


@contextmanager
def running(folder, *words):
    """Run a witness; yields the process, and how its clients name it."""
    log = folder / "log.key"
    log.write_text(f"{SIGNER.verifier}\n")
    command = (
        *(sys.executable, "-m", "infra.cli", "audit", "witness", "--listen", "127.0.0.1:0"),
        *("--state", folder / "state", "--log", log, *words),
    )
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def a_log(folder):
    """A log with every topic, most of them empty: an export of it is whole."""
    log = SealedLog(folder / "seal")
    for topic in TOPICS:
        if topic.name not in INBOX_TOPICS:
            log.log.topics.setdefault((topic.name, 0), [])
    return log.put(5)


def cosigned(log, spelt):
    [found] = gather(log.folder, log.seal(), policy_of([given_witness(spelt)])).passes
    return found


def test_a_witness_that_is_killed_knows_what_it_cosigned(tmp_path):
    log = SealedLog(tmp_path / "seal").put(5)
    with running(tmp_path, "--name", NAME) as (process, spelt):
        assert cosigned(log, spelt).cosigned == 1
        process.kill()
    with running(tmp_path, "--json") as (process, document):
        shown = json.loads(document)
        spelt = f"{shown['url']}#{shown['key']}"
        assert cosigned(SealedLog(tmp_path / "older").put(3), spelt).contradicts
        assert cosigned(log.put(2), spelt).faults == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in {0, -signal.SIGTERM}
        assert process.stderr.read() == ""


def test_a_check_that_asks_a_witness_finds_an_older_archive(tmp_path):
    """The archive is whole, and signed by the right key: what lies there tells nothing."""
    log = a_log(tmp_path)
    with running(tmp_path, "--name", NAME) as (_, spelt):
        trees = cosigned(log, spelt).cosigned
        assert trees == len(SEALED_TOPICS)
        export(log.log, tmp_path / "older", sealed=log.folder)
        words = ("check", "--archive", tmp_path / "older", "--key", SIGNER.verifier)
        asked = (*words, "--witness", spelt, "--witnesses-least", 1)
        status, said = told(*asked)
        assert status == 0, said
        assert f"{NAME} cosigned the newest checkpoint of {trees} partitions, last at 2" in said
        cosigned(log.put(3), spelt)
        status, said = told(*asked, "--json")
        [found] = json.loads(said)["findings"]
        assert (status, found["kind"]) == (1, "rolled back")
        status, said = told(*asked, "--offline", "--json")
        report = json.loads(said)
        assert (status, report["findings"], report["unheard"]) == (0, [], [])
        assert report["witnesses"][0]["newest"] == trees
    status, said = told(*asked)
    assert (status, f"not heard: witness {NAME}: it does not answer" in said) == (3, True)


def test_too_few_cosignatures_are_told(tmp_path):
    log = a_log(tmp_path)
    log.seal()
    export(log.log, tmp_path / "archive", sealed=log.folder)
    key = Cosigner.new(NAME).verifier
    words = ("check", "--archive", tmp_path / "archive", "--key", SIGNER.verifier)
    status, said = told(*words, "--witness", f"#{key}", "--witnesses-least", 1)
    assert (status, f"{PLACE[0]}[0]" in said.split("too few witnesses have cosigned: ")[1]) == (
        3,
        True,
    )
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {key}\nquorum w\n")
    status, said = told(*words, "--witness-policy", policy, "--json")
    assert (status, json.loads(said)["too_few_witnesses"]) == (
        3,
        sorted(f"{topic}[0]" for topic in SEALED_TOPICS),
    )
    policy.write_text(f"witness w {key}\nquorum none\n")
    assert told(*words, "--witness-policy", policy)[0] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--witness", "https://w.test/"), "names no key"),
        (("--witness", "https://w.test/#w+0+AAAA"), "is no key of a witness"),
        (("--witness", "w.test#"), "is no key of a witness"),
        (("--witness", "no/such/file"), "no/such/file"),
        (("--witnesses-least", 1), "only 0 are named"),
        (("--witnesses-least", "x"), "--witnesses-least"),
        (("--witnesses-least", "nan"), "--witnesses-least"),
        (("--witness-policy", "no/such/file"), "can't be read"),
        (("--timestamp-roots", "no/such/file"), "does not exist"),
        (("--timestamp-roots", __file__), "holds no certificates"),
    ],
)
def test_what_is_asked_wrongly_is_told(tmp_path, words, says):
    log = SealedLog(tmp_path / "seal").put(1)
    log.seal()
    export(log.log, tmp_path / "archive", sealed=log.folder)
    status, said = told("check", "--archive", tmp_path / "archive", *words)
    assert (status, says in said) == (2, True), said


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--listen", "7790"), 2, "is not HOST:PORT"),
        (("--listen", "127.0.0.1:99999"), 2, "is not HOST:PORT"),
        (("--listen", "192.0.2.1:1", "--name", "w"), 1, "can't serve on 192.0.2.1:1"),
        (("--listen", "127.0.0.1:0", "--name", "a b"), 2, "neither blanks nor +"),
        (("--listen", "127.0.0.1:0"), 2, "needs a name"),
        (("--listen", "127.0.0.1:0", "--name", "w", "--log", "x"), 2, "is no public key"),
    ],
)
def test_a_witness_that_can_not_begin_says_why(tmp_path, words, status, says):
    done = told("witness", "--state", tmp_path / "w", "--log", SIGNER.verifier, *words)
    assert (done[0], says in done[1]) == (status, True), done[1]


def test_a_folder_that_can_not_be_used_is_told(tmp_path):
    (tmp_path / "w").write_text("a file")
    words = ("--listen", "127.0.0.1:0", "--name", "w", "--log", SIGNER.verifier)
    assert told("witness", "--state", tmp_path / "w", *words)[0] == 2
    (tmp_path / "v").mkdir()
    (tmp_path / "v/witness.sqlite").write_bytes(b"no database" * 100)
    status, said = told("witness", "--state", tmp_path / "v", *words)
    assert (status, "can't be used" in said) == (1, True)
