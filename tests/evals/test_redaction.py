"""`eval redaction`: what stays readable is counted by characters, and by the real detector."""

import json

import pytest

from evals.data_sets import BadData, Choice, EvalRow
from evals.outcome import OURS, SetOutcome, document
from evals.redaction import (
    COMPARED,
    add_found,
    add_harmless,
    add_times,
    evaluate_redaction,
    harmless_texts,
    letters_in,
    spanned_text,
)
from evals.redactors import ALL_KINDS, BATCH, FORMS, STOCK, Redactions, forms, redacted, timed
from evals.stored_runs import CHANGE, stored_run
from tests.evals.sets import write_rows

TEXT = "Write to anna.holm@example.org or ask Peter."
MAIL = {"start": 9, "end": 30, "type": "EMAIL_ADDRESS"}
NAME = {"start": 38, "end": 43, "type": "PERSON"}
ROW = {"id": "x", "text": TEXT, "spans": [MAIL, NAME], "template_id": 7}


def a_text(tmp_path, **changed):
    return spanned_text(EvalRow(tmp_path / "a.jsonl", 1, {**ROW, **changed}))


def test_a_row_has_its_spans_and_its_template(tmp_path):
    text = a_text(tmp_path)
    assert [TEXT[start:end] for start, end, _ in text.spans] == ["anna.holm@example.org", "Peter"]
    assert text.group == "7"


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        (None, "'spans' must be a list"),
        ([7], "a span from None to None"),
        ([{**MAIL, "end": 45}], "a span from 9 to 45: 0 <= start < end <= 44 must hold"),
        ([{**MAIL, "end": 9}], "a span from 9 to 9"),
        ([{**MAIL, "start": -1}], "a span from -1 to 30"),
        ([{**MAIL, "start": True}], "a span from True to 30"),
    ],
)
def test_spans_that_cannot_be_are_named(tmp_path, spans, said):
    with pytest.raises(BadData) as error:
        a_text(tmp_path, spans=spans)
    assert error.value.message.startswith(f"{tmp_path / 'a.jsonl'}:1: {said}")


def test_letters_and_digits_count_alone():
    assert letters_in("a-1 b", [(0, 4)]) == {0, 2}


def test_figures_count_what_is_hidden_what_leaks_and_what_is_hidden_for_nothing(tmp_path):
    outcome = SetOutcome("x", 1)
    # of 19 letters of the address and 5 of the name: the address, and "Write" for nothing
    add_found(outcome, OURS, [a_text(tmp_path)], [((0, 5), (9, 30))], 0)
    assert outcome.figure("characters, recall").value == pytest.approx(18 / 23)
    assert outcome.figure("characters, precision").value == pytest.approx(18 / 23)
    assert outcome.figure("characters, F2").value == pytest.approx(18 / 23)
    assert outcome.figure("texts that leak").value == 1.0
    assert outcome.figure("whole, EMAIL_ADDRESS").value == 1.0
    assert outcome.figure("whole, PERSON").value == 0.0


def test_recall_weighs_more_than_precision(tmp_path):
    careful, bold = SetOutcome("x", 1), SetOutcome("x", 1)
    add_found(careful, OURS, [a_text(tmp_path)], [((9, 30),)], 0)
    add_found(bold, OURS, [a_text(tmp_path)], [((0, 44),)], 0)
    assert bold.figure("texts that leak").value == 0.0
    assert bold.figure("characters, F2").value > careful.figure("characters, F2").value


def test_where_nothing_stands_and_nothing_is_found_nothing_is_divided(tmp_path):
    outcome = SetOutcome("x", 1)
    add_found(outcome, OURS, [a_text(tmp_path, spans=[])], [()], 0)
    assert outcome.figure("characters, F2").value == 0.0
    assert outcome.figure("texts that leak").value == 0.0


@pytest.mark.slow
async def test_the_real_detector_says_what_the_step_would_replace():
    [found] = await redacted([TEXT], lambda: None)
    assert (9, 30) in found


def test_harmless_text_counts_by_its_letters():
    outcome = SetOutcome("x", 1)
    add_harmless(outcome, OURS, ["ab cd", "ef"], [((0, 2),), ()])
    assert outcome.figure("harmless text replaced").value == pytest.approx(2 / 6)
    add_harmless(outcome, STOCK, [], [])
    with pytest.raises(KeyError):
        outcome.figure("harmless text replaced", STOCK)


def test_of_harmless_texts_so_many_are_read_and_so_much_of_each(tmp_path):
    path = write_rows(
        tmp_path / "plain.jsonl", [{"id": str(at), "text": "x" * 4_000} for at in range(120)]
    )
    assert [len(text) for text in harmless_texts(path)] == [3_000] * 100


def test_times_are_told_beside_those_of_the_stock_analyzer():
    outcome = SetOutcome("x", 1)
    times = {FORMS: Redactions([], [0.5, 0.5]), STOCK: Redactions([], [4.0, 6.0])}
    add_times(outcome, times, 0)
    assert outcome.figure("CPU ms a text", STOCK).value == 5.0
    assert outcome.figure("texts a second, times stock", FORMS).value == 10.0
    assert outcome.figure("texts a second, times stock", STOCK).value == 1.0


def test_a_redactor_is_asked_in_batches_and_once_to_warm_up():
    asked, done = [], []

    def fake(texts):
        asked.append(len(texts))
        return [()] * len(texts)

    redactions = timed(fake, ["x"] * (BATCH + 3), lambda: done.append(1))
    assert asked == [BATCH, BATCH, 3]
    assert len(redactions.found) == len(done) == BATCH + 3
    assert len(redactions.cpu_ms) == 2


def test_forms_alone_find_addresses_and_no_names():
    assert forms([TEXT]) == [((9, 30),)]


@pytest.mark.slow
def test_a_set_is_evaluated_beside_its_baselines(tmp_path):
    path = write_rows(
        tmp_path / "pii.jsonl", [ROW, {**ROW, "id": "y", "text": "It rains.", "spans": []}]
    )
    plain = write_rows(tmp_path / "plain.jsonl", [{"id": "z", "text": "Press the red button."}])
    done = []
    outcome = evaluate_redaction(path, Choice(), lambda total: lambda: done.append(total), plain)
    assert done == [12] * 12
    assert outcome.counts == {"spans": 2}
    for system in (OURS, ALL_KINDS, FORMS, STOCK):
        assert outcome.figure("whole, EMAIL_ADDRESS", system).value == 1.0
        assert outcome.figure("harmless text replaced", system).value == 0.0
    assert outcome.figure("whole, PERSON", FORMS).value == 0.0
    assert outcome.figure("texts a second, times stock", ALL_KINDS).value > 0


def test_a_run_is_compared_with_a_stored_one_by_what_it_hides(tmp_path):
    text = a_text(tmp_path)
    careful, bold = SetOutcome("s", 1), SetOutcome("s", 1)
    add_found(careful, OURS, [text], [((9, 30),)], 0)
    add_found(bold, OURS, [text], [((0, 44),)], 0)
    path = tmp_path / "before.json"
    path.write_text(json.dumps(document("redaction", [bold], {})))
    stored_run(path, "redaction").add_changes(careful, COMPARED, {text.id: text.group})
    for name in COMPARED:
        expected = careful.figure(name).value - bold.figure(name).value
        assert careful.figure(name, CHANGE).value == pytest.approx(expected)
    assert careful.figure("characters, precision", CHANGE).value > 0
