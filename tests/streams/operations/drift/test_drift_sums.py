import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import Ask
from streams.operations.drift.drift_sums import (
    HOUR_US,
    LANGUAGES_MAX,
    OTHERS,
    DriftSums,
    HourlySums,
    added,
    query_vector,
)
from tests.fakes import NOW_US
from tests.streams.operations.drift.questions import CODEC, released, retrieved


def an_hourly(*events, tenants_max=10):
    hourly = HourlySums(CODEC, tenants_max)
    for event in events:
        hourly.take(event)
    return hourly


def all_of(hourly, tenant="acme"):
    return hourly.window(tenant, 0, 2 * NOW_US)


def test_questions_and_answers_are_counted_and_summed():
    total = all_of(
        an_hourly(
            retrieved(0, text="x" * 20, relevance=0.55),
            retrieved(1, text="x" * 500, language="", relevance=1.0, vector=(0, 3)),
            released(0, support=0.5),
            released(1, finish="not_found"),
            released(2, finish="refused"),
        )
    )
    assert (total.questions, total.answers, total.unanswered) == (2, 3, 2)
    assert total.languages == {"en": 1, "unknown": 1}
    assert total.lengths == {"15": 1, "480": 1}
    assert total.relevances == {"0.5": 1, "0.9": 1}
    assert (total.characters, total.relevance) == (520, 1.55)
    assert (total.supported, total.support, dict(total.supports)) == (1, 0.5, {"0.5": 1})
    assert (total.vectors, total.vector.tolist()) == (2, [1, 3])


@pytest.mark.parametrize(
    "event",
    [
        retrieved(outcome="refused"),
        retrieved(outcome="small_talk"),
        retrieved(ask=Ask(mode="search")),
        released(finish="search"),
        released(finish="small_talk"),
        released(finish="cancelled"),
    ],
)
def test_what_is_no_question_to_documents_does_not_count(event):
    total = all_of(an_hourly(event))
    assert (total.questions, total.answers) == (0, 0)


def test_a_record_counts_once_whatever_attempt_wrote_it():
    again = replace(retrieved().meta, attempt=2)
    hourly = an_hourly(retrieved(), replace(retrieved(), meta=again), released(), released())
    assert (all_of(hourly).questions, all_of(hourly).answers) == (1, 1)


def test_windows_hold_the_hours_that_begin_in_them_and_the_rest_is_forgotten():
    begin = NOW_US // HOUR_US * HOUR_US
    hourly = an_hourly(*(retrieved(n, at=begin + n * HOUR_US) for n in range(4)))
    assert hourly.window("acme", begin + HOUR_US, begin + 3 * HOUR_US).questions == 2
    hourly.forget(begin + 3 * HOUR_US)
    assert all_of(hourly).questions == 1
    hourly.forget(begin + 9 * HOUR_US)
    assert hourly.tenants == []


def test_tenants_are_apart_and_only_so_many_are_followed():
    hourly = an_hourly(*(retrieved(n, tenant=f"t-{n % 3}") for n in range(9)), tenants_max=2)
    assert hourly.tenants == ["t-0", "t-1"]
    assert all_of(hourly, "t-0").questions == 3


def test_languages_that_nobody_speaks_fall_together():
    total = all_of(an_hourly(*(retrieved(n, language=f"x{n}") for n in range(LANGUAGES_MAX + 5))))
    assert len(total.languages) == LANGUAGES_MAX + 1
    assert total.languages[OTHERS] == 5


def test_vectors_of_another_model_take_the_place_of_those_before():
    total = all_of(an_hourly(retrieved(0), retrieved(1), retrieved(2, vector=(1, 2, 3))))
    assert (total.vectors, total.vector.tolist()) == (1, [1, 2, 3])


@pytest.mark.parametrize("vector", [(), (float("nan"), 1), (float("inf"), 0)])
def test_a_vector_that_is_none_is_left_out(vector):
    assert query_vector(retrieved(vector=vector), CODEC) is None


def test_effects_without_a_vector_are_passed_over():
    event = retrieved()
    [effect] = event.meta.effects
    for changed in ({"response": None}, {"response": b"\x00x"}, {"kind": "Search"}):
        meta = replace(event.meta, effects=(replace(effect, **changed),))
        assert query_vector(replace(event, meta=meta), CODEC) is None


EVENTS = st.lists(
    st.builds(
        lambda n, hour, length, relevance: retrieved(
            n, at=NOW_US + hour * HOUR_US, text="x" * length, relevance=relevance
        ),
        st.integers(0, 10**9),
        st.integers(0, 3),
        st.integers(0, 600),
        st.floats(0, 1),
    ),
    max_size=12,
    unique_by=lambda event: event.meta.id,
)


@given(EVENTS, st.randoms())
def test_order_does_not_matter(events, draw):
    shuffled = list(events)
    draw.shuffle(shuffled)
    one, other = all_of(an_hourly(*events)), all_of(an_hourly(*shuffled))
    assert (one.questions, one.lengths, one.relevances) == (
        other.questions,
        other.lengths,
        other.relevances,
    )
    assert np.isclose(one.relevance, other.relevance)


def test_nothing_added_up_is_nothing():
    assert added([]) == DriftSums()
