"""From what is in force and what is wished to what may be put in force."""

import json

import pytest

from agents.configured.usability import Unusable, hold_usable
from schemas import ConfigurationActivated
from streams.log.activations import SHIPPED, Activations, ConfigurationChoice
from streams.log.configuration import BadConfiguration, configuration, load, values_in
from streams.log.configuration_log import activation
from streams.operations.configuring.changes_planned import (
    CannotChange,
    StandingChoices,
    changed,
    promoted,
    rolled_back,
    usable,
)

STEP = "generate"
OURS = load()
BRIEF, LONG = (
    configuration(STEP, {**OURS[STEP].values, "passage_tokens": tokens}) for tokens in (40, 400)
)
ARMS = [{"name": "curt", "share": 0.3, "not_found": "No."}, {"name": "warm", "share": 0.3}]
TRIED = configuration(STEP, {**BRIEF.values, "experiment": "tone-1", "arms": ARMS})


def standing(*digests, contents=(BRIEF, LONG, TRIED)):
    records = [ConfigurationActivated(step=STEP, digest=digest) for digest in digests]
    history = [ConfigurationChoice(n, activation(one, str(n))) for n, one in enumerate(records)]
    return StandingChoices(Activations(tuple(history), {one.digest: one for one in contents}), OURS)


def test_values_that_are_not_given_stay_as_they_are():
    made = changed(BRIEF, {"temperature": 0.5}, whole=False)
    assert made.values == {**BRIEF.values, "temperature": 0.5}
    assert made.step == STEP


def test_the_whole_is_what_is_given():
    values = {key: value for key, value in BRIEF.values.items() if key != "arms"}
    assert changed(BRIEF, values, whole=True).values == values
    with pytest.raises(Unusable, match="is missing"):
        changed(BRIEF, {"temperature": 0.5}, whole=True)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"not_found": "\ud800"}, "half of a surrogate pair"),
        ({"prompt": "{{passages}} {{question}}" + "x" * 1_000_000}, "shorten it"),
        ({"small_talk": {"a": {"en": "x" * 4_001}}}, "length <= 4000"),
    ],
)
def test_what_the_log_can_not_hold_is_refused(values, says):
    with pytest.raises(Unusable, match=says):
        changed(BRIEF, values, whole=False)


# ---------------------------------------------------------------------- names of configurations


def test_a_configuration_is_named_by_what_it_is(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"a": 1}')
    told = standing(BRIEF.digest, TRIED.digest)
    assert told.named(STEP, "active") == TRIED
    assert told.named(STEP, "shipped") == OURS[STEP]
    assert told.named(STEP, LONG.digest[:8]) == LONG
    assert told.named(STEP, str(file)).values == {"a": 1}
    assert (told.digest(STEP), standing().digest(STEP)) == (TRIED.digest, SHIPPED)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("abc", "neither a file nor a digest"),
        ("no/such/file.json", "neither a file nor a digest"),
        ("0000000000", "the log holds no configuration 0000000000"),
    ],
)
def test_a_name_that_means_nothing_is_told(name, says):
    with pytest.raises(CannotChange, match=says):
        standing().named(STEP, name)


def test_a_beginning_that_means_two_is_told():
    other = configuration(STEP, {"x": 1})
    alike = [type(other)(STEP, "ab12" + str(n) * 60, other.content) for n in range(2)]
    with pytest.raises(CannotChange, match="ab12 begins 2 digests"):
        standing(contents=alike).named(STEP, "ab12")


# ---------------------------------------------------------------------- promote and roll back


def test_a_promoted_arm_is_everybodys_and_the_experiment_is_over():
    made, experiment = promoted(TRIED, "curt")
    rest = {key: value for key, value in BRIEF.values.items() if key != "arms"}
    assert (made.values, experiment) == ({**rest, "not_found": "No."}, "tone-1")
    hold_usable(STEP, made.values)


def test_the_control_can_be_promoted():
    made, experiment = promoted(TRIED, "control")
    assert made.values == {key: value for key, value in BRIEF.values.items() if key != "arms"}
    assert experiment == "tone-1"


@pytest.mark.parametrize(
    ("current", "arm", "says"),
    [
        (BRIEF, "curt", "generate has no arms"),
        (OURS["rewrite"], "curt", "rewrite has no arms"),
        (TRIED, "wram", "no arm wram: there is control, curt, warm. Did you mean warm?"),
        (TRIED, "zzz", "no arm zzz: there is control, curt, warm."),
    ],
)
def test_an_arm_that_is_none_is_told(current, arm, says):
    with pytest.raises(CannotChange) as raised:
        promoted(current, arm)
    assert says in str(raised.value)


def test_a_step_goes_back_to_what_it_had():
    assert rolled_back(standing(BRIEF.digest, LONG.digest), STEP, None) == BRIEF
    assert rolled_back(standing(BRIEF.digest), STEP, None) is None
    assert rolled_back(standing(BRIEF.digest), STEP, "shipped") is None
    assert rolled_back(standing(), STEP, TRIED.digest[:10]) == TRIED


def test_what_was_never_changed_can_not_go_back():
    with pytest.raises(CannotChange, match="nothing to go back to"):
        rolled_back(standing(), STEP, None)


def test_nothing_goes_back_to_what_this_code_can_not_work_by():
    later = configuration(STEP, {**BRIEF.values, "of_a_later_release": 1})
    with pytest.raises(Unusable, match="of_a_later_release"):
        rolled_back(standing(contents=[later]), STEP, later.digest)


# ---------------------------------------------------------------------- what is typed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "standard input: Expecting value"),
        ("[1]", "it must be a JSON object"),
        ('{"a": 1, "a": 2}', "'a' stands there twice"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands there twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": ' + "[" * 100_000, "nests too deeply"),
        ('{"a": {"file": "no/such"}}', "no/such"),
        ('{"a": {"file": 3}}', "standard input"),
    ],
)
def test_what_is_no_configuration_is_told(text, says):
    with pytest.raises(BadConfiguration, match=says):
        values_in(text, "standard input")


def test_what_is_put_in_force_has_the_digest_of_its_values():
    values = json.loads(BRIEF.content)
    assert usable(STEP, values) == BRIEF
