"""Inputs: each is told at the end of a chain, and sessions keep their partitions."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.transports.inputs import SESSIONS, TENANTS, VALUE_BYTES, AskedInputs, PlainInputs
from schemas import QuestionAsked
from schemas.registry import FixedIds
from streams.log.subjects import subjects
from tests.bench.fakes import a_message

numbers = st.integers(0, 10**6)


def asked():
    return AskedInputs(FixedIds.numbered(dict.fromkeys(subjects().values())))


@pytest.fixture(scope="module", params=[PlainInputs, asked], ids=["plain", "asked"])
def inputs(request):
    return request.param()


@given(numbers)
def test_an_input_is_told_by_its_number(inputs, number):
    made = inputs.make(number)
    assert inputs.number_of(a_message(made.value, made.key, made.headers)) == number


def test_sessions_stay_in_their_partition_and_all_partitions_are_used(inputs):
    places = {}
    for number in range(10 * SESSIONS):
        session = number % SESSIONS
        partition = inputs.make(number).partition
        assert places.setdefault(session, partition) == partition
    assert set(places.values()) == {0, 1, 2, 3}


def test_plain_values_have_the_size_of_a_record():
    assert {len(PlainInputs().make(number).value) for number in (0, 1, 2**40)} == {VALUE_BYTES}


def test_what_is_asked_is_a_question_of_one_of_several_tenants():
    inputs = asked()
    codec = inputs._codec
    events = [codec.decode(inputs.make(number).value, QuestionAsked) for number in range(SESSIONS)]
    assert len({event.meta.tenant for event in events}) == TENANTS
    assert len({event.meta.session for event in events}) == SESSIONS
    assert [uuid.UUID(event.meta.request).int for event in events] == list(range(SESSIONS))


def test_two_runs_have_no_record_in_common():
    first, second = asked().make(1), asked().make(1)
    assert dict(first.headers)["id"] != dict(second.headers)["id"]
