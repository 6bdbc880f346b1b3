import pytest
from msgspec.structs import replace

from evals.data_sets import NoRows
from evals.judged_answers import judged_rows
from tests.evals.judged import a_log, answered, before_of
from tests.replay.little_log import put
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
