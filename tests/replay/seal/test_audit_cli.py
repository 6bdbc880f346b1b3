"""`playhead audit` on archives: what it says and how it ends."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from replay.archive import ArchiveLog
from replay.export import export, rewrite
from replay.seal.audit_cli import audit_group
from replay.seal.note import Signer
from replay.seal.seal_folder import SealFolder, add_note
from replay.seal.sealer import SEALED_TOPICS, seal
from replay.witnessing.cosignature import KINDS, Cosigner
from schemas import AnswerReleased, QuestionAsked
from streams.log.codec import Codec
from streams.topics import topic_of
from tests.replay.conftest import a_request

RELEASED = topic_of(AnswerReleased)
SIGNER = Signer.new("playhead-test")


def told(*words):
    result = CliRunner().invoke(audit_group, [str(word) for word in words])
    return result.exit_code, result.output


def read(log, extent):
    rows = log.records(extent.topic, extent.partition)
    return (one for one in rows if extent.begin <= one.offset < extent.end)


@pytest.fixture(scope="module")
def sealed(archive, unit_path_factory) -> Path:
    """The archive of a conversation, with a seal."""
    folder = unit_path_factory.mktemp("sealed")
    log, trees = ArchiveLog(archive.folder), SealFolder(folder / "seal")
    done = list(seal(log.extents(), partial(read, log), trees, SIGNER))
    for one in done:
        add_note(folder / "witness", one.note)
    export(log, folder / "archive", sealed=trees)
    (folder / "key").write_text(f"{SIGNER.verifier}\n")
    return folder


@pytest.fixture
def copy(sealed, tmp_path):
    """An archive that may be tampered with."""
    return shutil.copytree(sealed / "archive", tmp_path / "archive")


def test_an_archive_that_is_as_it_was_signed_passes(sealed, archive):
    key = sealed / "key"
    status, said = told(
        "check", "--archive", sealed / "archive", "--witness", sealed / "witness", "--key", key
    )
    assert status == 0, said
    assert str(SIGNER.verifier) in said
    status, said = told("check", "--archive", sealed / "archive", "--json")
    report = json.loads(said)
    assert (status, report["unsealed"], report["findings"], report["faults"]) == (0, 0, [], [])
    sealed_records = sum(
        one.records
        for one in ArchiveLog(archive.folder).manifest.files
        if one.file.split("/")[0] in SEALED_TOPICS
    )
    assert report["sealed"] == sealed_records > 20


def places(folder):
    log = ArchiveLog(folder)
    return [
        (topic, lane, len(list(log.records(topic, lane))))
        for topic, lane in sorted(log.extents())
        if topic in SEALED_TOPICS
    ]


def test_an_edit_on_any_topic_is_found_at_its_offset(copy):
    for topic, lane, records in places(copy):
        if not records:
            continue
        [last] = list(ArchiveLog(copy).records(topic, lane))[-1:]

        def forge(stored, last=last):
            return replace(stored, value=b"forged") if stored == last else stored

        assert rewrite(copy, topic, lane, forge) == 1
        status, said = told("check", "--archive", copy, "--json")
        [found] = [
            one
            for one in json.loads(said)["findings"]
            if (one["topic"], one["partition"]) == (topic, lane)
        ]
        assert (status, found["offset"], found["kind"]) == (1, last.offset, "edited")


def test_a_file_that_can_not_be_read_keeps_no_other_finding_back(copy):
    first, *_, last = [(topic, lane) for topic, lane, records in places(copy) if records]
    [path, *_] = sorted((copy / first[0] / str(first[1])).glob("*.avro"))
    path.write_bytes(b"no container")
    rewrite(copy, *last, lambda stored: replace(stored, value=b"forged"))
    status, said = told("check", "--archive", copy, "--json")
    report = json.loads(said)
    assert status == 1
    assert any(f"{path.relative_to(copy)} can't be read" in one for one in report["faults"])
    [found] = report["findings"]
    assert (found["topic"], found["partition"], found["kind"]) == (*last, "edited")


@pytest.mark.parametrize("strange", ["[/b]", "[link=x]", "[black on black]"])
def test_what_stands_in_a_forgery_is_shown_as_it_is(sealed, copy, strange):
    """A tag that ends nothing would end the report; another would hide a finding."""
    text = f"playhead-test/{strange}/0\n1\n{'A' * 43}=\nfirst 0\nnext 1\n"
    [path, *_] = sorted((copy / "seal").glob("*/*/history"))
    add_note(path, SIGNER.sign(text))
    (copy / f"{strange.replace('/', '')}.avro").write_bytes(b"")
    status, said = told("check", "--archive", copy)
    assert (status, f"the checkpoint is of playhead-test/{strange}/0" in said) == (1, True)
    assert f"{strange.replace('/', '')}.avro lies in the archive" in said


def test_where_there_is_no_seal_or_no_key_nothing_is_shown(archive, sealed, tmp_path):
    status, said = told("check", "--archive", archive.folder)
    assert (status, "no public key is known" in said) == (2, True)
    status, said = told("check", "--archive", archive.folder, "--key", sealed / "key")
    assert (status, "no checkpoint of this log" in said) == (2, True)
    status, said = told("check", "--archive", archive.folder, "--key", "nonsense")
    assert (status, "is no public key" in said) == (2, True)


def test_a_witness_alone_is_enough(archive, sealed):
    words = ("--archive", archive.folder, "--key", sealed / "key", "--witness", sealed / "witness")
    status, said = told("check", *words)
    assert status == 0, said


def test_a_witness_that_is_no_file_of_checkpoints_is_refused(archive, sealed, tmp_path):
    (tmp_path / "witness").write_text("hello\n")
    words = ("--archive", archive.folder, "--key", sealed / "key")
    status, said = told("check", *words, "--witness", tmp_path / "witness")
    assert (status, "is no witness" in said) == (2, True)


def test_a_witness_of_another_log_vouches_for_nothing(archive, sealed, tmp_path):
    """Who puts another log and its keys in the place of this one gets no exit status 0."""
    log, trees = ArchiveLog(archive.folder), SealFolder(tmp_path / "seal")
    list(seal(log.extents(), partial(read, log), trees, Signer.new("playhead-anew")))
    export(log, tmp_path / "archive", sealed=trees)
    words = ("--archive", tmp_path / "archive", "--witness", sealed / "witness")
    status, said = told("check", *words)
    assert (status, "keeps no checkpoint of this log (playhead-anew)" in said) == (2, True)


def test_a_witness_may_keep_checkpoints_of_whatever_else_signs_some(sealed, tmp_path):
    witness = tmp_path / "witness"
    witness.write_bytes((sealed / "witness").read_bytes())
    add_note(witness, Signer.new("sum.example").sign("sum.example\n1\nAAAA\n"))
    words = ("--archive", sealed / "archive", "--witness", witness)
    assert told("check", *words)[0] == 0


def test_a_receipt_of_an_answer_is_checked_by_anybody(sealed, tmp_path):
    request = a_request(sealed / "archive")
    status, receipt = told("receipt", request, "--archive", sealed / "archive")
    assert status == 0, receipt
    path = tmp_path / "receipt.json"
    path.write_text(receipt)
    status, said = told("verify-receipt", path, "--key", sealed / "key")
    assert status == 0, said
    assert f"of playhead-test/{RELEASED}/" in said
    assert json.loads(receipt)["text"] in said
    status, said = told("verify-receipt", path)
    assert "the receipt names this key" in said
    path.write_text(receipt.replace(request, request[::-1]))
    status, said = told("verify-receipt", path)
    assert (status, "proves nothing" in said) == (1, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_receipt_tells_which_witness_cosigned_it(sealed, tmp_path, kind):
    cosigner, other = Cosigner.new("witness.test/w", kind), Cosigner.new("other.test", kind)
    request = a_request(sealed / "archive")
    receipt = json.loads(told("receipt", request, "--archive", sealed / "archive")[1])
    text = receipt["checkpoint"].partition("\n\n")[0] + "\n"
    receipt["checkpoint"] += cosigner.line(text, 1_679_315_147)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt))
    words = ("verify-receipt", path, "--key", sealed / "key", "--witness-key")
    status, said = told(*words, cosigner.verifier)
    assert (status, "cosigned by witness.test/w at 2023-03-20T12:25:47+00:00" in said) == (0, True)
    [shown] = json.loads(told(*words, cosigner.verifier, "--json")[1])["cosigned"]
    assert shown == {"witness": "witness.test/w", "at": "2023-03-20T12:25:47+00:00"}
    status, said = told(*words, cosigner.verifier, "--witness-key", other.verifier)
    assert (status, "other.test has not cosigned its checkpoint" in said) == (1, True)
    status, said = told(*words, SIGNER.verifier)
    assert (status, "is no key of a witness" in said) == (2, True)


def test_a_text_of_another_record_is_not_told_as_an_answer(sealed, tmp_path):
    """Whoever asks chooses what stands in a question."""
    log = ArchiveLog(sealed / "archive")
    asked = topic_of(QuestionAsked)
    [stored, *_] = [one for lane in range(8) for one in log.records(asked, lane)]
    event = Codec(log.ids).decode_any(stored.value)
    words = ("prove", asked, stored.partition, stored.offset, "--archive", sealed / "archive")
    status, receipt = told(*words)
    assert status == 0, receipt
    assert told(*words, "--json") == (0, receipt)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({**json.loads(receipt), "text": event.meta.session}))
    status, said = told("verify-receipt", path, "--key", sealed / "key")
    assert (status, f"it holds this text: {event.meta.session}" in said) == (0, True)
    assert "answer" not in said


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("receipt", "never-was"), 1, ""),
        (("prove", RELEASED, 0, 10**6), 1, ""),
        (("prove", "no.such.topic", 0, 0), 1, ""),
        (("prove", RELEASED, "x", 0), 2, "Invalid value"),
    ],
)
def test_what_can_not_be_proved_is_an_error(sealed, words, status, says):
    code, said = told(*words, "--archive", sealed / "archive")
    assert code == status
    assert says in said


def test_checkpoints_are_printed_for_a_witness(sealed, tmp_path):
    status, said = told("checkpoints", "--archive", sealed / "archive")
    assert status == 0
    (tmp_path / "witness").write_text(said)
    words = ("--archive", sealed / "archive", "--witness", tmp_path / "witness")
    assert told("check", *words)[0] == 0
