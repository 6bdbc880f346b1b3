"""A small log is verified as it is, and shows every change that is made to it."""

import dataclasses

import pytest
from msgspec.structs import replace

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from replay.archive import ArchiveLog
from replay.export import export
from replay.places import NO_LETTER
from replay.selection import Selection
from replay.verify import Verifier, lanes_of
from schemas import Cause, ConfigurationSet, Digest, Digested, Failed
from streams.running.admit import rejection, unreadable
from streams.running.run import stamped
from streams.topics import topic_of
from tests.fakes import DIGEST_KEY, a_meta
from tests.replay.little_log import (
    ASKED,
    REDACTED,
    REJECTED,
    STEP,
    a_log,
    asked,
    changed,
    fake_run,
    given_up,
    put,
    rejected,
    verified,
    with_effect,
)


async def test_what_was_not_touched_is_equal():
    report = await verified(await a_log(3))
    assert (report.records, report.equal, report.diverged) == (9, 9, [])
    assert (report.inputs, report.pending, report.superseded) == (3, 0, 0)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda r: replace(r, text="forged"), "text: the log holds 'forged'"),
        (lambda r: replace(r, subject="v"), "subject"),
        (lambda r: stamped(r, replace(r.meta, at=1)), "meta.at"),
        (lambda r: stamped(r, replace(r.meta, id="x")), "meta.id"),
        (lambda r: stamped(r, replace(r.meta, lane=3)), "meta.lane"),
        (lambda r: stamped(r, replace(r.meta, tenant="evil")), "meta.tenant"),
        (lambda r: with_effect(r, request=b"other"), "has a digest of 5 bytes: no release writes"),
        (lambda r: with_effect(r, request=bytes(32)), "asks for something else"),
        (lambda r: with_effect(r, kind="Search"), "the record has Search"),
        (lambda r: with_effect(r, response=b"\x00garbage"), "unreadable"),
    ],
)
async def test_a_changed_field_is_named_with_its_place(edit, says):
    log = await a_log()
    changed(log, 3, edit)
    report = await verified(log)
    assert report.diverged, "verify noticed nothing"
    first = report.diverged[0]
    assert (first.topic, first.partition, first.step) == (REDACTED, 0, "redact")
    assert any(says in entry.reason for entry in report.diverged), report.diverged


async def test_a_changed_input_changes_what_follows():
    log = await a_log()
    changed(log, 0, lambda r: replace(r, subject="someone else"), topic=ASKED)
    report = await verified(log)
    assert {entry.offset for entry in report.diverged} == {0, 1, 2}


async def test_a_local_effect_that_gives_something_else_is_a_difference():
    async def other(_request, _call):
        return Digested(digests=("e",))

    verifier = Verifier(await a_log(1), {Digest: other}, lambda _: DIGEST_KEY, steps=(STEP,))
    report = await verifier.verify()
    assert "gives another response" in report.diverged[0].reason


async def test_a_removed_record_is_a_difference():
    log = await a_log()
    del log.topics[REDACTED, 0][1]
    assert (await verified(log)).diverged


async def test_a_missing_outcome_is_a_difference_once_acknowledged_and_pending_before():
    log = await a_log()
    put(log, asked(2))
    report = await verified(log)
    assert [(e.topic, e.offset) for e in report.diverged] == [(ASKED, 2)]
    log.acknowledged["redact"] = 2
    report = await verified(log)
    assert (report.diverged, report.pending) == ([], 1)


async def test_an_outcome_without_a_cause_is_a_difference():
    log = await a_log(1)
    del log.topics[ASKED, 0][0]
    report = await verified(log)
    assert {entry.reason for entry in report.diverged} == {"its cause is not on the log"}


async def test_an_attempt_that_a_crash_cut_off_is_superseded_and_still_compared():
    log = await a_log(0)
    event = asked(0)
    put(log, event)
    cut_off = fake_run(event, 0)
    await cut_off.execute()
    for outcome in cut_off.outcomes[:2]:
        put(log, outcome)
    whole = fake_run(event, 0, attempt=2)
    await whole.execute()
    for outcome in whole.outcomes:
        put(log, outcome)
    report = await verified(log)
    assert (report.equal, report.superseded, report.diverged) == (3, 2, [])
    changed(log, 1, lambda r: replace(r, text="forged"))
    report = await verified(log)
    assert [entry.offset for entry in report.diverged] == [1]


async def test_a_copy_that_nothing_explains_is_named_and_another_record_with_its_id_differs():
    log = await a_log(1)
    first = log.topics[REDACTED, 0][1]
    log.put(REDACTED, first.value, headers=first.headers)
    [copy] = (await verified(log)).unverifiable
    assert copy.reason == "a copy of the record at 1: no dead letter was put back here"
    changed(log, 3, lambda r: replace(r, text="forged"))
    assert "another record with its id" in (await verified(log)).diverged[0].reason


async def test_a_copy_of_an_input_needs_no_outcome_but_its_original_does():
    log = await a_log(1)
    log.put(ASKED, log.topics[ASKED, 0][0].value)
    report = await verified(log)
    assert (report.diverged, report.equal, report.duplicates, report.inputs) == ([], 3, 1, 1)
    log.topics[REDACTED, 0].clear()
    assert [e.offset for e in (await verified(log)).diverged] == [0, 1]


async def test_a_copy_of_what_a_step_wrote_needs_no_outcome_but_a_later_attempt_does():
    log = await a_log(0)
    cause = Cause(topic="t", partition=0, offset=0, id="c")
    first, second = (stamped(asked(0), a_meta(cause=cause, attempt=n)) for n in (1, 2))
    for event in (first, first, second):
        put(log, event)
    run = fake_run(first, 0)
    await run.execute()
    for outcome in run.outcomes:
        put(log, outcome)
    report = await verified(log)
    assert [entry.offset for entry in report.diverged] == [2]
    assert (report.equal, report.duplicates) == (3, 1)


async def test_what_came_late_of_a_worker_that_lost_its_lane_needs_no_outcome():
    log = await a_log(0)
    cause = Cause(topic="t", partition=0, offset=0, id="c")
    late, newest = (stamped(asked(0), a_meta(cause=cause, attempt=n)) for n in (1, 1001))
    run = fake_run(newest, 0, attempt=1001)
    await run.execute()
    for event in (newest, late, *run.outcomes):
        put(log, event)
    report = await verified(log)
    assert (report.diverged, report.equal, report.duplicates) == ([], 3, 1)
    log = await a_log(0)
    for event in (late, newest, *run.outcomes):
        put(log, event)
    assert [e.offset for e in (await verified(log)).diverged] != [], "it came before"


async def put_back(log, mark=b"1@0", times=1):
    """Reject an input and put it back so many times."""
    await rejected(log, Permanent("no"))
    headers = (("retry", mark), *log.topics[ASKED, 0][0].headers)
    for _ in range(times):
        put(log, asked(0), headers=headers)


@pytest.mark.parametrize(("mark", "offsets"), [(b"1@0", [1]), (b"0@0", [])])
async def test_a_dead_letter_that_was_put_back_must_have_run_again(mark, offsets):
    log = await a_log(0)
    await put_back(log, mark)
    assert [e.offset for e in (await verified(log)).diverged] == offsets


async def test_a_dead_letter_that_was_put_back_twice_runs_once():
    log = await a_log(0)
    await put_back(log, times=2)
    again = fake_run(asked(0), 1, attempt=2)
    await again.execute()
    for outcome in again.outcomes:
        put(log, outcome)
    report = await verified(log)
    assert (report.diverged, report.equal, report.duplicates, report.inputs) == ([], 4, 1, 2)


@pytest.mark.parametrize("mark", [b"2@0", b"1@7", b"x@0", b"1@", b"9" * 40 + b"@0"])
async def test_a_mark_that_no_dead_letter_explains_is_a_difference(mark):
    log = await a_log(0)
    await put_back(log, mark)
    run = fake_run(asked(0), 1, attempt=3)
    await run.execute()
    for outcome in run.outcomes:
        put(log, outcome)
    assert NO_LETTER in {entry.reason for entry in (await verified(log)).diverged}


async def test_a_run_over_what_was_put_back_has_a_number_above_the_one_that_was_rejected():
    log = await a_log(0)
    await put_back(log)
    again = fake_run(asked(0), 1, attempt=1)
    await again.execute()
    for outcome in again.outcomes:
        put(log, outcome)
    reasons = {entry.reason for entry in (await verified(log)).diverged}
    assert "attempt 1: runs over its input count from 2" in reasons


@pytest.mark.parametrize("error", [Permanent("no"), Transient("away")])
async def test_a_rejection_is_an_outcome_too(error):
    log = await a_log(0)
    await rejected(log, error)
    report = await verified(log)
    assert (report.records, report.equal, report.diverged) == (1, 1, [])
    changed(log, 0, lambda r: replace(r, message="forged"), topic=REJECTED)
    assert "message" in (await verified(log)).diverged[0].reason


async def test_an_undecodable_outcome_is_a_difference():
    log = await a_log(1)
    log.put(REDACTED, b"not avro")
    report = await verified(log)
    assert [(e.offset, e.reason[:10]) for e in report.unreadable] == [(3, "magic byte")]
    assert (report.records, report.equal, report.diverged, report.status) == (4, 3, [], 1)


async def test_only_the_selected_request_is_verified():
    log = await a_log(3)
    report = await verified(log, Selection(request="r-1"))
    assert (report.records, report.equal, report.inputs) == (3, 3, 1)


async def test_an_archive_verifies_as_the_log_did_and_shows_an_edit(tmp_path):
    log = await a_log(3)
    manifest = export(log, tmp_path / "a")
    assert sum(entry["records"] for entry in manifest["files"]) == 13
    report = await verified(ArchiveLog(tmp_path / "a"))
    assert (report.records, report.equal) == (9, 9)


@pytest.mark.parametrize("bytes_", [b"no avro", b""])
async def test_an_unreadable_input_has_its_rejection_as_outcome(bytes_):
    log = await a_log(1)
    log.put(ASKED, bytes_)
    run = fake_run(asked(1), 1)
    run.input = unreadable(ASKED, 0, 1)
    run.failure = Failed(error="Undecodable", message="m", traceback="", attempts=1)
    await run.begin()
    await run.reject(rejection(STEP.name, run.input, b"acme", bytes_))
    put(log, run.outcomes[0])
    report = await verified(log)
    assert (report.records, report.equal, report.diverged) == (4, 4, [])
    changed(log, 0, lambda r: replace(r, value=b"other bytes"), topic=REJECTED)
    assert "value" in (await verified(log)).diverged[0].reason


async def test_an_input_under_another_tenants_key_must_have_been_rejected():
    log = await a_log(1)
    rows = log.topics[ASKED, 0]
    rows[0] = dataclasses.replace(rows[0], key=b"another")
    report = await verified(log)
    assert len(report.diverged) >= 3


async def test_an_outcome_that_fitted_no_record_is_verified_by_its_rejection():
    log = await a_log(0)
    await given_up(log)
    report = await verified(log)
    assert (report.equal, report.superseded, report.diverged) == (1, 1, [])
    changed(log, 0, lambda r: replace(r, error="Permanent"), topic=REJECTED)
    assert "error" in (await verified(log)).diverged[0].reason


async def test_every_lane_is_loaded_before_it_is_read():
    log = await a_log(1)
    await verified(log)
    assert log.loaded == 0


async def test_a_key_that_was_destroyed_makes_an_attempt_erased_and_not_diverged():
    async def destroyed(_request, _call):
        raise KeyDestroyed("its subject was erased")

    verifier = Verifier(await a_log(2), {Digest: destroyed}, lambda _: DIGEST_KEY, steps=(STEP,))
    report = await verifier.verify()
    assert (report.records, report.erased, report.equal, report.diverged) == (6, 6, 0, [])


@pytest.mark.parametrize("error", [BeyondMeans("slow"), Transient("away")])
async def test_what_can_not_be_done_here_makes_an_attempt_unverifiable_and_not_diverged(error):
    async def fails(_request, _call):
        raise error

    verifier = Verifier(await a_log(2), {Digest: fails}, lambda _: DIGEST_KEY, steps=(STEP,))
    report = await verifier.verify()
    assert (report.records, report.equal, report.diverged) == (6, 0, [])
    assert len(report.unverifiable) == 6
    assert all(str(error) in entry.reason for entry in report.unverifiable)


async def test_a_dead_letter_of_a_step_that_is_none_of_ours_is_a_difference_unless_the_edge_wrote_it():
    log = await a_log(0)
    await rejected(log, Permanent("no"))
    changed(log, 0, lambda r: replace(r, step="another"), topic=REJECTED)
    report = await verified(log)
    reasons = {entry.topic: entry.reason for entry in report.diverged}
    assert reasons[REJECTED] == "no step of ours wrote it"
    changed(log, 0, lambda r: stamped(r, replace(r.meta, cause=None)), topic=REJECTED)
    log.topics[ASKED, 0].clear()
    report = await verified(log)
    assert (report.records, report.diverged) == (0, [])


async def test_an_outcome_that_names_a_cause_elsewhere_is_a_difference():
    log = await a_log(1)
    for number, cause in enumerate((None, Cause(topic=ASKED, partition=1, offset=0, id="c"))):
        changed(log, number, lambda r, c=cause: stamped(r, replace(r.meta, cause=c)))
    report = await verified(log)
    said = [e.offset for e in report.diverged if e.reason == "it names no cause in its lane"]
    assert said == [0, 1]


async def test_a_configuration_under_a_digest_that_is_not_its_own_is_none():
    log = await a_log(1)
    changed(log, 0, lambda r: replace(r, content="{}"), topic=topic_of(ConfigurationSet))
    reasons = [entry.reason for entry in (await verified(log)).diverged]
    assert "its content is not that of its digest" in reasons
    assert any(reason.startswith("configuration") for reason in reasons), reasons


async def test_progress_and_model_calls_are_told():
    told = []
    verifier = Verifier(
        await a_log(3), {Digest: digested_again}, lambda _: DIGEST_KEY, None, told.append, (STEP,)
    )
    report = await verifier.verify()
    assert told == [3, 6, 9]
    assert report.model_calls == 0


async def digested_again(_request, _call):
    return Digested(digests=("d",))


async def test_only_the_named_lanes_are_verified():
    log = await a_log(2)
    log.put(ASKED, b"no avro", partition=3)
    assert lanes_of(log) == [0, 3]
    verifier = Verifier(log, {Digest: digested_again}, lambda _: DIGEST_KEY, steps=(STEP,))
    report = await verifier.verify([3])
    assert (report.records, report.inputs) == (0, 1)
