import json

import pytest
from click.testing import CliRunner

from evals.judged_rows import write_judged
from evals.question_set import SetPassage
from evals.tune_cli import tune
from evals.tuning import LEAST, TUNABLE, TooFewJudgements, tune_thresholds, verdict_of
from streams.log.configuration import configuration, load
from tests.evals.judged import a_row

IN_FORCE = load()
BY_NAME = {one.name: one for one in TUNABLE}


def read(name, row):
    threshold = BY_NAME[name]
    return threshold.read(row, IN_FORCE[threshold.step].values)


@pytest.mark.parametrize(
    ("grades", "verdict"),
    [
        (("right", "right"), True),
        (("right", "partly"), True),
        (("wrong", "useless"), False),
        (("right", "wrong"), None),
        (("partly", "useless"), None),
    ],
)
def test_only_reviewers_who_agree_say_something(grades, verdict):
    assert verdict_of(a_row(0, *grades)) is verdict


@pytest.mark.parametrize(
    ("grades", "finish", "above"),
    [
        (("right", "right"), "stop", True),
        (("wrong", "wrong"), "stop", False),
        (("right", "right"), "not_found", False),
        (("wrong", "useless"), "not_found", True),
    ],
)
def test_an_answer_or_none_should_have_been_given(grades, finish, above):
    score, label = read("abstention", a_row(0, *grades, finish_reason=finish))
    assert label is above
    assert 0 <= score <= 1


@pytest.mark.parametrize(
    "row",
    [
        a_row(0, "right", "wrong"),
        a_row(0, finish_reason="refused"),
        a_row(0, passages=()),
        a_row(0, question="Was the lighthouse built in 1887?"),
    ],
    ids=["disagreement", "refused", "nothing found", "a question that a no answers"],
)
def test_what_says_nothing_of_abstention_does_not_count(row):
    assert read("abstention", row) is None


def test_what_stands_in_the_passages_stands_and_what_does_not_does_not():
    assert read("groundedness", a_row()) == (1.0, True)
    made_up = a_row(0, "wrong", "wrong", answer="The harbour was closed by two storms.")
    score, above = read("groundedness", made_up)
    assert (score < 0.8, above) == (True, False)
    assert read("groundedness", a_row(citations_wrong=2)) == (1.0, False)
    assert read("groundedness", a_row(0, "useless", "useless")) is None
    assert read("groundedness", a_row(finish_reason="not_found")) is None


@pytest.mark.parametrize(
    ("grades", "finish", "label"),
    [
        (("right", "right"), "refused", True),
        (("wrong", "useless"), "refused", False),
        (("right", "partly"), "stop", False),
        (("wrong", "wrong"), "stop", None),
        (("right", "wrong"), "refused", None),
    ],
)
def test_a_refusal_is_held_against_what_was_answered_well(grades, finish, label):
    told = read("moderation, harm", a_row(0, *grades, finish_reason=finish))
    assert told == (None if label is None else (0.1, label))
    assert read("moderation, injection", a_row(0, *grades, finish_reason=finish)) is None


def refusals(count, rightly, score):
    grades = ("right", "right") if rightly else ("wrong", "wrong")
    return [
        a_row(f"{score}-{number}", *grades, finish_reason="refused", passages=(), cited=(),
              group=f"{score}-{number}", question_scores={"harm": score + number / 1_000})
        for number in range(count)
    ]  # fmt: skip


JUDGED = [*refusals(40, True, 0.9), *refusals(40, False, 0.72)]
"""Refusals that were right at scores of .9, and wrong ones below .8, though the bound is .7."""


def test_a_proposal_says_what_it_would_change():
    found = tune_thresholds(JUDGED, IN_FORCE)
    [one] = found.proposals
    assert (one.threshold.name, one.present) == ("moderation, harm", 0.7)
    assert 0.75 < one.value < 0.9
    assert one.changes() == {
        "above, rightly": 0, "above, wrongly": 0, "below, rightly": 40, "below, wrongly": 0
    }  # fmt: skip
    changed = found.changed(IN_FORCE)
    assert changed["redact"]["classifier"]["heads"] == {"injection": 0.6, "harm": one.value}
    new = found.configurations(IN_FORCE)["redact"]
    values = IN_FORCE["redact"].values
    assert new.digest != IN_FORCE["redact"].digest
    assert new.values == {**values, **changed["redact"]}
    assert len(found.lacking) == 3


def test_two_thresholds_of_one_value_are_changed_together():
    both = [
        a_row(row.id, *row.grades, finish_reason="refused", passages=(), cited=(), group=row.group,
              question_scores=dict.fromkeys(("harm", "injection"), row.question_scores["harm"]))
        for row in JUDGED
    ]  # fmt: skip
    heads = tune_thresholds(both, IN_FORCE).changed(IN_FORCE)["redact"]["classifier"]["heads"]
    assert heads["harm"] > 0.7
    assert heads["injection"] > 0.7


def test_too_few_are_refused_with_how_many_it_takes():
    few = [*refusals(LEAST - 1, True, 0.9), *refusals(LEAST - 7, False, 0.72)]
    with pytest.raises(TooFewJudgements) as told:
        tune_thresholds(few, IN_FORCE)
    assert "1 more questions that should be refused" in told.value.message
    assert "7 more that should not" in told.value.message
    assert told.value.exit_code == 2
    tune_thresholds([*refusals(LEAST, True, 0.9), *refusals(LEAST, False, 0.72)], IN_FORCE)


@pytest.mark.parametrize(("rightly", "wrongly"), [(LEAST - 1, LEAST), (LEAST, LEAST - 1)])
def test_one_too_few_of_either_kind_is_too_few(rightly, wrongly):
    few = [*refusals(rightly, True, 0.9), *refusals(wrongly, False, 0.72)]
    with pytest.raises(TooFewJudgements, match="1 more"):
        tune_thresholds(few, IN_FORCE)


def test_what_chance_alone_may_have_made_better_is_not_proposed():
    """A single row speaks for another threshold: too little to be sure of it."""
    rows = [*refusals(40, True, 0.9), *refusals(40, False, 0.5), *refusals(1, False, 0.72)]
    [one] = tune_thresholds(rows, IN_FORCE).proposals
    assert one.found.value.value > 0.72
    assert not one.found.is_better
    assert one.value == one.present == 0.7
    assert tune_thresholds(rows, IN_FORCE).changed(IN_FORCE) == {}


def test_a_configuration_without_a_threshold_has_nothing_to_tune():
    values = {**IN_FORCE["redact"].values}
    del values["classifier"]
    without = {**IN_FORCE, "redact": configuration("redact", values)}
    with pytest.raises(TooFewJudgements) as told:
        tune_thresholds(JUDGED, without)
    assert "moderation" not in told.value.message


# ---------------------------------------------------------------------- as a user calls it


def call(*words):
    return CliRunner().invoke(tune, [str(word) for word in words])


def test_it_is_told_for_people_and_programs_and_nothing_is_changed(tmp_path):
    write_judged(tmp_path, JUDGED)
    done = call("--data", tmp_path)
    assert done.exit_code == 0, done.output
    assert "moderation, harm (redact: classifier.heads.harm) 0.7 ->" in done.output
    assert "40 below, rightly" in done.output
    assert "is not in force: --apply puts it there" in done.output
    made = json.loads(call("--data", tmp_path, "--json").stdout)
    [told] = made["thresholds"]
    assert (told["present"], told["is_better"], made["applied"]) == (0.7, True, False)
    assert told["gain_held_out"]["low"] > 0


def test_the_values_that_change_are_written_where_evaluations_read_them(tmp_path):
    write_judged(tmp_path / "judged", JUDGED)
    done = call("--data", tmp_path / "judged", "--out", tmp_path / "proposed")
    assert done.exit_code == 0, done.output
    [written] = (tmp_path / "proposed").iterdir()
    assert written.name == "redact.json"
    values = json.loads(written.read_text())
    assert set(values) == {"classifier"}
    assert values["classifier"]["heads"]["harm"] > 0.7


def test_another_tenants_judgements_are_left_out(tmp_path):
    write_judged(tmp_path, JUDGED)
    done = call("--data", tmp_path, "--tenant", "globex")
    assert done.exit_code == 2
    assert "too few judgements" in done.output


def test_what_says_nothing_better_changes_nothing(tmp_path):
    rows = [*refusals(40, True, 0.9), *refusals(40, False, 0.5)]
    write_judged(tmp_path, rows)
    done = call("--data", tmp_path, "--out", tmp_path / "proposed")
    assert "stays 0.7: no other is better for sure" in done.output
    assert not list((tmp_path / "proposed").iterdir())


def test_passages_count_by_their_texts():
    far = (SetPassage("p", "t", "Ferries leave at nine."),)
    near = read("abstention", a_row())
    assert read("abstention", a_row(passages=far))[0] < near[0]
