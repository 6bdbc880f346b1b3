"""What verifying and sealing cost, each figure beside its baseline."""

import dataclasses

import pytest

from bench.answers.figures import Figure
from bench.child import MeasurementFailed
from bench.replays import seal_cost, verify_cost
from bench.replays.handed_on_log import STEPS_HANDING_ON, hand_on
from bench.replays.replay_part import GOALS, show_replay
from bench.replays.seal_cost import SealCost, SealPlan
from bench.replays.verified_once import verify_once
from bench.replays.verify_cost import VerifyPlan, verify_figures
from replay.archive import ArchiveLog
from replay.log import Stored
from replay.verify import Verifier
from tests.bench.shown import shown

SMALL = SealPlan(records=300, value_bytes=20, proofs=5)


def test_records_are_proved_by_the_tree_that_they_were_sealed_in():
    told = []
    cost = seal_cost.seal_cost(SMALL, told.append)
    assert cost.proof_bytes > 32 * 9
    assert min(cost.made_s, cost.sealed_s, cost.proof_s, cost.checked_s) > 0
    assert told == ["making, hashing and sealing 300 records", "proving 5 of them"]


def test_made_up_records_are_the_same_wherever_one_begins_and_all_differ():
    records = list(seal_cost.records_of(SMALL, 0, 6))
    assert list(seal_cost.records_of(SMALL, 4, 6)) == records[4:]
    assert len({stored.value for stored in records}) == 6
    assert {len(stored.value) for stored in records} == {20}


def test_what_making_records_takes_is_no_cost_of_sealing():
    cost = SealCost(dataclasses.replace(SMALL, records=1_000), 1.0, 1.5, 3.0, 0.01, 0.002, 900)
    sealing, proof, checking, size = cost.figures()
    assert (sealing.value, sealing.baseline) == (500, 2_000)
    assert (proof.value, proof.baseline) == (10, 2_000)
    assert (checking.value, checking.baseline) == (2, 10)
    assert (size.value, size.baseline) == (900, 320)


async def test_questions_are_handed_on_by_five_steps_and_verify(tmp_path):
    archive, _ = await hand_on(tmp_path, 4)
    verifier = Verifier(ArchiveLog(archive), {}, lambda _: b"", steps=STEPS_HANDING_ON)
    report = await verifier.verify()
    assert (report.records, report.equal, report.inputs) == (20, 20, 20)


@pytest.mark.slow
def test_logs_are_verified_in_a_child_and_side_by_side():
    figures = verify_figures(VerifyPlan(2, 2, (25, 50, 75)), lambda _: None)
    assert len(figures) == 7
    assert all(figure.value > 0 < figure.baseline for figure in figures)
    assert [figure.name for figure in figures[-2:]] == [
        f"memory at most, {records} records" for records in (50, 75)
    ]
    assert {figure.against for figure in figures[-2:]} == {"25 records"}


def test_logs_grow_by_tens_up_to_what_is_asked_for():
    assert VerifyPlan.up_to(1_000_000).handed_on == (10_000, 100_000, 1_000_000)
    assert VerifyPlan.up_to(999_999).handed_on == VerifyPlan().handed_on == (10_000, 100_000)
    assert VerifyPlan.up_to(1).handed_on == (10_000,)


@pytest.mark.slow
async def test_an_archive_that_diverges_has_no_figure(tmp_path, monkeypatch):
    records = ArchiveLog.records

    def spoiled(log, topic, partition):
        for stored in records(log, topic, partition):
            yield Stored(topic, partition, stored.offset, 0, b"another", stored.value)

    archive, settings = await hand_on(tmp_path, 2)
    with monkeypatch.context() as patched:
        patched.setattr(ArchiveLog, "records", spoiled)
        patched.setattr(verify_cost, "PROCESSES", 1)
        with pytest.raises(MeasurementFailed, match="the archive diverges"):
            verify_cost._side_by_side(archive, settings)
    (archive / "manifest.json").unlink()
    with pytest.raises(MeasurementFailed, match="not an archive"):
        verify_once(archive, settings.run, "handed-on")


def test_figures_are_shown_with_what_is_wanted_of_them():
    table = shown(show_replay, [Figure("sealing", 500.0, "records", 2_000.0, "hashing")])
    assert GOALS.split(";")[0] in " ".join(table.split())
    [line] = [line for line in table.splitlines() if line.startswith("sealing")]
    assert line.split()[1:] == ["500.0", "records", "2,000.0", "0.25", "hashing"]
