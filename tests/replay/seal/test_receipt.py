"""Receipts: what is proved is proved to anybody, and nothing else is."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.parts import system
from replay.seal.note import Signer
from replay.seal.proving import NotProvable, prove
from replay.seal.receipt import BadReceipt, as_string, check_receipt, read_receipt
from replay.witnessing.cosignature import COSIGNATURE_ED25519, KINDS, Cosigner
from tests.replay.seal.sealed_log import PLACE, SIGNER, TOPIC, SealedLog, edited

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
SCRIPT = EXAMPLES / "verify_receipt.py"
GO = EXAMPLES / "verify_receipt_go"


@pytest.fixture(scope="module")
def log(unit_path_factory):
    sealed = SealedLog(unit_path_factory.mktemp("receipts")).put(300)
    sealed.seal()
    return sealed


def receipt_at(log, offset, **told):
    return prove(log.log, log.folder, (*PLACE, offset), [SIGNER.verifier], **told)


@given(st.integers(0, 299))
def test_every_record_has_a_receipt_that_holds(log, offset):
    receipt = receipt_at(log, offset, text=f"value {offset}")
    spelt = msgspec.json.encode(receipt)
    assert check_receipt(read_receipt(spelt), [SIGNER.verifier]).size == 300
    assert check_receipt(read_receipt(spelt)).size == 300
    assert len(receipt.proof) <= 9


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 8},
        {"index": 8},
        {"index": 300},
        {"partition": 1},
        {"topic": "playhead.answer.released"},
        {"leaf": base64.b64encode(b"x").decode()},
        {"leaf": "?"},
        {"proof": []},
        {"proof": ["AAAA"]},
        {"checkpoint": "x"},
        {"text": "value 8"},
        {"text": "value"},  # a part of it says another thing
        {"text": "7"},
        {"text": "alue 7"},
        {"request": "of another"},
        {"key": "playhead-test+00000000+AAAA"},
    ],
)
def test_a_receipt_that_was_changed_proves_nothing(log, change):
    receipt = msgspec.structs.replace(receipt_at(log, 7, text="value 7"), **change)
    with pytest.raises(BadReceipt):
        check_receipt(receipt)


@given(st.text(max_size=300) | st.integers(1, 70_000).map(lambda count: "x" * count))
def test_a_text_is_spelt_as_avro_spells_it(text):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "string", text)
    assert as_string(text) == out.getvalue()


def test_a_receipt_of_another_key_proves_nothing_to_who_knows_the_key(log, tmp_path):
    forged = SealedLog(tmp_path)
    forged.log = log.log
    other = Signer.new("playhead-test")
    forged.seal(other)
    receipt = prove(log.log, forged.folder, (*PLACE, 7), [other.verifier])
    assert check_receipt(receipt)
    with pytest.raises(BadReceipt, match="no signature is by a key"):
        check_receipt(receipt, [SIGNER.verifier])


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"format": 2}'])
def test_what_is_no_receipt_is_told_so(content):
    with pytest.raises(BadReceipt):
        read_receipt(content)


def test_what_was_not_sealed_when_it_was_asked_for_is_told_so():
    with pytest.raises(BadReceipt, match="get it again once the log is sealed"):
        read_receipt(b'{"state": "pending", "digest": "sha256:00"}')


def test_what_is_not_sealed_or_not_there_can_not_be_proved(log, tmp_path):
    with pytest.raises(NotProvable, match="sealed up to 300"):
        receipt_at(log, 300)
    with pytest.raises(NotProvable, match="never sealed"):
        prove(log.log, log.folder, (TOPIC, 3, 0), [SIGNER.verifier])


def test_a_record_that_was_edited_since_can_not_be_proved(tmp_path):
    sealed = SealedLog(tmp_path).put(3)
    sealed.seal()
    sealed.rows[1] = edited(sealed.rows[1])
    with pytest.raises(NotProvable):
        receipt_at(sealed, 1)


CHANGES = ({"text": "value 8"}, {"text": "value"}, {"index": 8}, {"offset": 8}, {"proof": []})


def checked(program, receipt, key, folder, *witnesses):
    path = folder / "receipt.json"
    path.write_bytes(msgspec.json.encode(receipt))
    words = [*program, path, str(key), *map(str, witnesses)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


COSIGNER = Cosigner.new("witness.test/w")


def cosigned_receipt(log, kind=COSIGNATURE_ED25519):
    receipt = receipt_at(log, 299, text="value 299")
    text = receipt.checkpoint.partition("\n\n")[0] + "\n"
    cosigner = COSIGNER if kind == COSIGNATURE_ED25519 else Cosigner.new("witness.test/w", kind)
    line = cosigner.line(text, 1_679_315_147)
    return msgspec.structs.replace(receipt, checkpoint=receipt.checkpoint + line)


def checks_receipts(program, log, folder):
    """Hold a program that knows nothing of Playhead to what `check_receipt` does."""
    good = receipt_at(log, 299, text="value 299")
    done = checked(program, good, SIGNER.verifier, folder)
    assert done.returncode == 0, done.stderr
    assert f"record 299 of playhead-test/{TOPIC}/0" in done.stdout
    assert "it holds this text: value 299" in done.stdout
    for change in CHANGES:
        bad = checked(program, msgspec.structs.replace(good, **change), SIGNER.verifier, folder)
        assert bad.returncode == 1
        assert "proves nothing" in bad.stderr
    for kind in KINDS:  # whoever knows no witness passes over what it signed
        done = checked(program, cosigned_receipt(log, kind), SIGNER.verifier, folder)
        assert done.returncode == 0, done.stderr
    other = checked(program, good, Signer.new("playhead-test").verifier, folder)
    assert other.returncode == 1
    return other.stderr


def test_a_script_without_playhead_checks_one_too(log, tmp_path):
    told = checks_receipts([sys.executable, "-I", SCRIPT], log, tmp_path)
    assert "was not signed by this key" in told


@pytest.mark.slow  # a compiler runs
def test_a_go_program_by_the_packages_of_gos_own_log_checks_one_too(log, tmp_path):
    go = system.go((1, 24))
    if go is None:
        pytest.skip("no Go here")
    program = tmp_path / "verify_receipt"
    built = subprocess.run(
        [go, "build", "-o", program, "."], cwd=GO, capture_output=True, text=True, check=False
    )
    if built.returncode and "golang.org/x/mod" in built.stderr and "dial" in built.stderr:
        pytest.skip("its packages can't be fetched here")
    assert built.returncode == 0, built.stderr
    assert "no verifiable signatures" in checks_receipts([program], log, tmp_path)
    receipt = cosigned_receipt(log)
    done = checked([program], receipt, SIGNER.verifier, tmp_path, COSIGNER.verifier)
    assert "cosigned by witness.test/w at 2023-03-20T12:25:47Z" in done.stdout, done.stderr
    stranger = Cosigner.new("witness.test/w").verifier
    for lacking in (stranger, SIGNER.verifier, "nonsense"):
        bad = checked([program], receipt, SIGNER.verifier, tmp_path, COSIGNER.verifier, lacking)
        assert (bad.returncode, "proves nothing" in bad.stderr) == (1, True)
    later = COSIGNER.line("another text\n", 1_679_315_147)
    forged = msgspec.structs.replace(receipt, checkpoint=receipt_at(log, 299).checkpoint + later)
    bad = checked([program], forged, SIGNER.verifier, tmp_path, COSIGNER.verifier)
    assert (bad.returncode, "invalid signature" in bad.stderr) == (1, True)
