"""Why a step gave up: said in words that hold nobody's text."""

import pytest

from agents.errors import KeyDestroyed, Permanent, Transient
from streams.delivery.failure_reasons import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    failed,
    unreadable_because,
)
from streams.log.codec import Undecodable


def caught(error):
    try:
        raise error
    except Exception as raised:  # noqa: BLE001
        return raised


def test_the_message_of_a_mistake_quotes_nothing():
    why = failed(caught(ValueError("Alice Example, 4 Main St")), tries=1)
    assert "Alice" not in why.message + why.traceback
    assert why.error == "ValueError"
    assert "test_failure_reasons" in why.message


@pytest.mark.parametrize("error", [Permanent("do this"), KeyDestroyed("do this")])
def test_a_permanent_error_says_what_it_says(error):
    assert failed(caught(error), tries=1).message == "do this"


def test_an_exhausted_transient_error_says_how_often_it_was_tried():
    why = failed(caught(Transient("the index is away")), tries=5)
    assert "the index is away" in why.message
    assert why.attempts == 5


def test_what_a_service_says_without_end_is_cut():
    assert len(failed(caught(Permanent("x" * 10**6)), tries=1).message) == MESSAGE_CHARS_MAX
    assert len(unreadable_because(Undecodable("x" * 10**6), "t[0]@1").message) == MESSAGE_CHARS_MAX


def test_of_a_deep_stack_the_place_of_the_error_is_kept():
    def deep(left):
        if not left:
            raise ValueError("secret")
        deep(left - 1)

    try:
        deep(900)
    except ValueError as error:
        why = failed(error, tries=1)
    assert len(why.traceback) <= TRACEBACK_CHARS_MAX
    assert "test_failure_reasons" in why.message


def test_what_could_not_be_read_is_told_with_its_place():
    why = unreadable_because(Undecodable("no magic byte"), "t[0]@1")
    assert (why.error, why.message, why.attempts) == ("Undecodable", "no magic byte (t[0]@1)", 1)
