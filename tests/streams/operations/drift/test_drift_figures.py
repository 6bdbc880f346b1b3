import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations.drift.drift_figures import LEAST, DriftWindows, drift_of, psi
from streams.operations.drift.drift_sums import HOUR_US, HourlySums
from tests.fakes import NOW_US
from tests.streams.operations.drift.questions import CODEC, released, retrieved

WINDOWS = DriftWindows(current_us=24 * HOUR_US, reference_us=7 * 24 * HOUR_US)
DAY_US = 24 * HOUR_US
COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 500), min_size=1)


def the_drift(*events):
    hourly = HourlySums(CODEC, 10)
    for event in events:
        hourly.take(event)
    [found] = drift_of(hourly, WINDOWS, NOW_US)
    return found


def many(make, count=LEAST, begin=0, **fields):
    return [make(begin + n, **fields) for n in range(count)]


BEFORE = {"at": NOW_US - 3 * DAY_US}
NOW = {"at": NOW_US - 2 * HOUR_US}


def test_the_index_is_what_its_formula_says():
    """Worked by hand: two bins, of which half a question is added to each."""
    was, is_ = {"a": 90, "b": 10}, {"a": 50, "b": 50}
    a, b = (90.5 / 101, 50.5 / 101), (10.5 / 101, 50.5 / 101)
    expected = sum((now - then) * math.log(now / then) for then, now in (a, b))
    assert psi(was, is_) == pytest.approx(expected)
    assert expected > 0.25


@given(COUNTS, COUNTS)
def test_the_index_is_none_of_one_population_and_positive_else(one, other):
    assert psi(one, one) == pytest.approx(0, abs=1e-12)
    assert psi(one, other) >= 0
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert math.isfinite(psi(one, other))


def test_like_windows_do_not_differ():
    found = the_drift(*many(retrieved, **BEFORE), *many(retrieved, begin=1_000, **NOW))
    assert (found.current.questions, found.reference.questions) == (LEAST, LEAST)
    assert found.psi == {"languages": 0, "lengths": 0, "relevances": 0}
    assert found.distance == pytest.approx(0)


@pytest.mark.parametrize(
    ("changed", "feature"),
    [
        ({"language": "de"}, "languages"),
        ({"text": "x" * 300}, "lengths"),
        ({"relevance": 0.3}, "relevances"),
    ],
)
def test_what_differs_is_told_by_its_name(changed, feature):
    found = the_drift(*many(retrieved, **BEFORE), *many(retrieved, begin=1_000, **NOW, **changed))
    assert found.psi[feature] > 0.25
    assert [name for name, value in found.psi.items() if value > 0.25] == [feature]


def test_vectors_that_lie_elsewhere_are_apart():
    before = many(retrieved, **BEFORE, vector=(1, 0))
    assert the_drift(*before, *many(retrieved, begin=999, **NOW, vector=(0, 1))).distance == 1
    assert the_drift(*before, *many(retrieved, begin=999, **NOW, vector=(1, 1))).distance == (
        pytest.approx(1 - 2**-0.5)
    )
    assert the_drift(*before, *many(retrieved, begin=999, **NOW, vector=(1, 0, 0))).distance is None
    assert the_drift(*before, *many(retrieved, begin=999, **NOW, vector=(0, 0))).distance is None


def test_answers_are_told_as_shares_and_means():
    found = the_drift(
        *many(released, 8, support=0.5, **NOW), *many(released, 2, 99, finish="not_found", **NOW)
    )
    assert found.current.unanswered == 0.2
    assert found.current.support == 0.5
    assert found.reference.unanswered is None
    assert found.current.relevance is None


def test_of_few_questions_no_index_is_told():
    found = the_drift(*many(retrieved, LEAST - 1, **BEFORE), *many(retrieved, begin=999, **NOW))
    assert found.psi == {}
    assert found.distance is None
    assert found.as_json()["reference"]["questions"] == LEAST - 1


def test_what_is_older_than_both_windows_counts_in_neither():
    found = the_drift(*many(retrieved, at=NOW_US - 9 * DAY_US))
    assert (found.current.questions, found.reference.questions) == (0, 0)
