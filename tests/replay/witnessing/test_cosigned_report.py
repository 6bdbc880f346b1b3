"""What witnesses say of a log that is checked: who cosigned what, and that a newer one was there."""

import shutil

import pytest

from replay.export import export
from replay.seal.archived import copy_seal
from replay.seal.audit_report import BROKEN, HOLDS, NOT_CHECKED, STRANGERS, Vouched, audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.note import Signer
from replay.seal.seal_folder import COSIGNED, SealFolder, add_note
from replay.witnessing.cosignature import Cosigner
from replay.witnessing.cosigned_report import WitnessedTrees, ask_witnesses, moment
from replay.witnessing.gathering import gather
from replay.witnessing.witness_policy import HttpWitness, policy_of
from tests.replay.seal.sealed_log import PLACE, SIGNER, SealedLog
from tests.replay.witnessing.served import NOW_S, AnsweringServer, say, served_witness

COSIGNER = Cosigner.new("witness.test/w")
KNOWN_ONLY = HttpWitness(COSIGNER.verifier)


@pytest.fixture
def witness(tmp_path):
    with served_witness(tmp_path / "witness", COSIGNER) as witness:
        yield witness


@pytest.fixture
def log(tmp_path):
    return SealedLog(tmp_path / "seal").put(5)


def sealed(log, witness):
    gather(log.folder, log.seal(), policy_of([witness]), now_s=lambda: NOW_S)


def report_of(log, *witnesses, least=None, folder=None, keys=(SIGNER.verifier,)):
    folder = folder or log.folder
    known = Checkpoints(keys)
    known.take_all(of_folder(folder), "archive")
    vouched = Vouched(WitnessedTrees(policy_of(witnesses, least)))
    vouched.witnessed.take_folder(folder, known, "archive")
    ask_witnesses(vouched.witnessed, known, log.log.extents())
    return audit(log.log, folder, known, vouched)


def test_who_cosigned_what_is_told(log, witness):
    sealed(log, witness)
    log.log.put(PLACE[0], b"x", partition=1)
    log.seal()
    stranger = HttpWitness(Cosigner.new("other.test").verifier)
    report = report_of(log, KNOWN_ONLY, stranger, least=1)
    told, other = report.witnesses
    assert (told.name, told.newest, told.older, told.at_s) == ("witness.test/w", 1, 0, NOW_S)
    assert (other.newest, other.older, other.at_s) == (0, 0, 0)
    assert report.too_few == [(PLACE[0], 1)]
    assert (report.status, report.findings) == (NOT_CHECKED, [])
    log.put(1).seal()
    [told] = report_of(log, KNOWN_ONLY).witnesses
    assert (told.newest, told.older) == (0, 1)


def test_checkpoints_without_cosignatures_go_on_to_verify(log):
    log.seal()
    report = report_of(log)
    assert (report.status, report.witnesses, report.too_few) == (HOLDS, [], [])
    assert not (log.folder.tree(*PLACE).folder / COSIGNED).exists()


@pytest.mark.parametrize("asked", [True, False])
def test_an_older_log_with_its_seal_is_found_by_a_witness_that_is_asked(
    tmp_path, log, witness, asked
):
    sealed(log, witness)
    shutil.copytree(log.folder.folder, tmp_path / "older")
    rows = list(log.rows)
    sealed(log.put(3), witness)
    log.rows[:] = rows
    who = witness if asked else KNOWN_ONLY
    report = report_of(log, who, folder=SealFolder(tmp_path / "older"))
    if not asked:
        assert (report.status, report.findings) == (HOLDS, [])
        return
    [found] = report.findings
    assert (report.status, found.kind, found.offset) == (BROKEN, "rolled back", 5)
    assert "5 records lie there, and 8 were signed (witness witness.test/w)" in found.reason


def test_a_log_that_was_sealed_anew_by_the_same_key_is_found(tmp_path, log, witness):
    sealed(log, witness)
    anew = SealedLog(tmp_path / "anew")
    anew.log.put(PLACE[0], b"another")
    anew.put(7).seal()
    report = report_of(anew, witness)
    [found] = report.findings
    assert (report.status, found.kind, found.offset) == (BROKEN, "contradiction", -1)


def test_a_cosignature_that_does_not_hold_is_told_as_forged(log, witness):
    sealed(log, witness)
    text = log.notes()[0].partition("\n\n")[0] + "\n"
    forged = log.notes()[0] + COSIGNER.line(text.replace("next 5", "next 6"), NOW_S)
    add_note(log.folder.tree(*PLACE).folder / COSIGNED, forged)
    report = report_of(log, KNOWN_ONLY)
    [found] = report.findings
    assert (report.status, found.kind) == (BROKEN, "forged checkpoint")
    assert "the cosignature of witness.test/w does not hold (archive)" in found.reason
    assert report_of(log).findings == []  # whose key nobody named is nobody's


def test_a_witness_that_was_cosigned_by_the_log_alone_is_no_witness(log, witness):
    log.seal()
    assert report_of(log, KNOWN_ONLY, least=1).too_few == [PLACE]


def test_a_witness_that_can_not_be_asked_leaves_no_exit_status_0(log, witness):
    sealed(log, witness)
    down = HttpWitness(COSIGNER.verifier, "http://127.0.0.1:9")
    report = report_of(log, down)
    assert (report.status, report.findings) == (NOT_CHECKED, [])
    assert "witness.test/w: it does not answer" in report.unheard[0]
    assert report.witnesses[0].newest == 1  # by what is kept here


@pytest.mark.parametrize("status", [200, 302, 403, 408, 429, 500, 503])
def test_nor_does_one_that_refuses_fails_or_breaks_off(log, status):
    log.seal()

    def answers(handler, _):
        handler.send_response(status)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"cut")  # and the connection ends

    with AnsweringServer(answers) as server:
        report = report_of(log, HttpWitness(COSIGNER.verifier, server.url))
    assert (report.status, report.findings, len(report.unheard)) == (NOT_CHECKED, [], 1)


def test_a_witness_that_never_saw_this_log_leaves_none_either(log, witness):
    log.seal()
    report = report_of(log, witness)
    assert (report.status, report.unheard) == (STRANGERS, [])
    assert "cosigned nothing of this log" in report.strangers[0]


def _shown(log, note):
    with AnsweringServer(lambda handler, _: say(handler, 200, note.encode())) as server:
        return report_of(log, HttpWitness(COSIGNER.verifier, server.url))


def test_what_a_witness_shows_must_be_signed_by_both_and_of_this_tree(tmp_path, log, witness):
    log.seal()
    [note] = log.notes()
    text = note.partition("\n\n")[0] + "\n"
    line = COSIGNER.line(text, NOW_S)
    assert _shown(log, note + line).unheard == []
    other = text.replace("/0\n", "/1\n")
    for shown in (
        note,
        Signer.new("playhead-test").sign(text) + line,
        text + "\n" + line,
        SIGNER.sign(other) + COSIGNER.line(other, NOW_S),
        "",
        "garbage",
        line,
    ):
        report = _shown(log, shown)
        assert (report.status, len(report.unheard)) == (NOT_CHECKED, 1)


def test_an_archive_takes_cosignatures_along_as_far_as_it_goes(tmp_path, log, witness):
    sealed(log, witness)
    sealed(log.put(3), witness)
    newest = copy_seal(log.folder, tmp_path / "whole", log.log.extents())
    assert newest == [log.folder.tree(*PLACE).note]
    assert "witness.test/w" in newest[0]
    del log.rows[5:]
    [older] = copy_seal(log.folder, tmp_path / "part", log.log.extents())
    assert ("\n5\n" in older, "witness.test/w" in older) == (True, True)
    part = SealFolder(tmp_path / "part/seal")
    assert len(list(part.tree(*PLACE).cosigned())) == 1
    report = report_of(log, KNOWN_ONLY, folder=part, least=1)
    assert (report.status, report.witnesses[0].newest) == (HOLDS, 1)


def test_an_export_and_its_growth_hold_the_cosignatures(tmp_path, log, witness):
    sealed(log, witness)
    export(log.log, tmp_path / "archive", sealed=log.folder)
    tree = SealFolder(tmp_path / "archive/seal").tree(*PLACE)
    assert tree.note == log.folder.tree(*PLACE).note


@pytest.mark.parametrize(
    ("at_s", "spelt"), [(0, "1970-01-01T00:00:00+00:00"), (2**63 - 1, f"{2**63 - 1} s since 1970")]
)
def test_any_time_that_a_witness_says_can_be_shown(at_s, spelt):
    assert moment(at_s) == spelt
