import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from evals.cli import eval_
from evals.data_sets import NoRows
from evals.judged_answers import judged_rows
from evals.tune_cli import tune
from replay.export import export
from tests.evals.judged import a_log, answered, before_of
from tests.replay.little_log import put, with_every_topic
from tests.streams.operations.reviews.records import a_judgement, a_release, a_retraction


def test_a_row_holds_what_was_said_and_what_stood_on_the_log():
    [row] = judged_rows(a_log(*answered("r-1", "right", "partly")))
    assert (row.id, row.tenant, row.grades) == ("r-1", "acme", ("right", "partly"))
    assert (row.question, row.answer, row.finish_reason) == ("Is VAT due?", "It is due.", "stop")
    assert [(one.id, one.text) for one in row.passages][1] == ("c-2", "It rains.")
    assert row.cited == (("c-1", "It is due."),)
    assert row.question_scores == {"harm": 0.1}
    assert "s-1" not in row.group


@pytest.mark.parametrize("grades", [(), ("right",)])
def test_what_fewer_than_two_judged_is_no_row(grades):
    with pytest.raises(NoRows, match="/review"):
        judged_rows(a_log(*answered("r-1", *grades)))


def test_what_was_undone_or_retracted_is_no_row():
    undone = [*answered("r-1", "right", "right"), a_judgement("r-1", "a", "undone", 1)]
    retracted = [*answered("r-2", "right", "right"), a_retraction("r-2")]
    kept = answered("r-3", "wrong", "wrong")
    assert [row.id for row in judged_rows(a_log(*undone, *retracted, *kept))] == ["r-3"]


def test_tenants_are_kept_apart_though_they_name_one_request():
    log = a_log(*answered("r-1", "right", "right"), *answered("r-1", "wrong", "wrong", tenant="b"))
    assert [(row.tenant, row.grades[0]) for row in judged_rows(log)] == [
        ("acme", "right"),
        ("b", "wrong"),
    ]
    assert [row.tenant for row in judged_rows(log, "b")] == ["b"]
    with pytest.raises(NoRows):
        judged_rows(log, "c")


def test_only_what_was_drawn_is_a_row():
    log = a_log(*before_of("r-1"), a_release("r-1", digest="f" * 64))
    for reviewer in "ab":
        put(log, a_judgement("r-1", reviewer))
    with pytest.raises(NoRows):
        judged_rows(log)


def test_the_newest_attempt_of_a_step_counts_and_strange_records_are_passed_over():
    events = answered("r-1", "right", "right")
    later = replace(events[1], meta=replace(events[1].meta, attempt=2), passages=())
    log = a_log(*events, later)
    log.put("playhead.answer.released", b"\x00nonsense")
    put(log, events[0], key=b"somebody else")
    [row] = judged_rows(log)
    assert row.passages == ()


# ---------------------------------------------------------------------- as a user calls it


@pytest.fixture
def archive(tmp_path):
    """An archive of a log on which two answers were judged, one of them alike."""
    judged = [*answered("r-1", "right", "right"), *answered("r-2", "right", "wrong")]
    log = with_every_topic(a_log(*judged))
    export(log, tmp_path / "archive")
    return tmp_path / "archive"


def call(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words])


def test_an_archive_becomes_a_set_that_answers_are_measured_on(archive, tmp_path):
    out = tmp_path / "judged"
    done = call(eval_, "export-judgements", "--archive", archive, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["judged"], told["questions"], told["disagreements"]) == (2, 2, 1)
    done = call(eval_, "answers", "--data", out, "--given-passages", 0, "--json")
    assert done.exit_code == 0, done.output
    [measured] = json.loads(done.stdout)["sets"]
    assert (measured["rows"], measured["counts"]["disputed"]) == (2, 1)
    right = next(
        one
        for one in measured["figures"]
        if (one["figure"], one["system"]) == ("contains", "nearest sentence")
    )
    assert right["value"] == 1.0, "the sentence that reviewers held for right holds the answer"


def test_what_was_written_is_told_for_people(archive, tmp_path):
    done = call(eval_, "export-judgements", "--archive", archive, "--out", tmp_path / "judged")
    assert done.exit_code == 0, done.output
    assert "2 judged, 2 questions, 1 disagreements, 2 passages" in done.output


def test_a_tenant_without_judgements_ends_with_2(archive, tmp_path):
    done = call(
        eval_, "export-judgements", "--archive", archive, "--tenant", "globex", "--out", tmp_path
    )
    assert done.exit_code == 2
    assert "/review" in done.stderr


def test_thresholds_are_tuned_on_an_archive_too_and_too_few_are_told(archive):
    done = call(tune, "--archive", archive)
    assert done.exit_code == 2
    assert "abstention has 0 answers that should be given" in done.stderr
    assert "30 more" in done.stderr
