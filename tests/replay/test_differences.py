"""The first difference between two records is named."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replay.differences import difference, first_difference
from replay.log import Stored
from replay.rules import StoredOutcome
from schemas import Ask, Cause, QuestionRedacted, Span, Spans
from tests.fakes import a_codec, a_meta
from tests.replay.little_log import asked

CODEC = a_codec()
CAUSE = Cause(topic="t", partition=0, offset=1, id="c")
EVENT = QuestionRedacted(
    meta=a_meta(), outcome="redacted", subject="u", text="one", ask=Ask(filters={"a": "b"})
)


def lying(event=EVENT, **fields):
    stored = Stored("t", 0, 7, 0, b"acme", CODEC.encode(event))
    return StoredOutcome(dataclasses.replace(stored, **fields), event)


@pytest.mark.parametrize(
    ("outcome", "computed", "says"),
    [
        (lying(), EVENT, ""),
        (lying(), replace(EVENT, text="two"), "text: the log holds 'one', the step yields 'two'"),
        (lying(key=b"other"), EVENT, "the Kafka key is not meta.tenant"),
        (lying(key=None), EVENT, "the Kafka key is not meta.tenant"),
        (lying(partition=3), EVENT, "it lies in partition 3, meta.lane is 0"),
        (lying(), asked(1), "the step yields another record: schema"),
    ],
)
def test_a_record_is_what_the_step_yields_or_says_why_not(outcome, computed, says):
    told = difference(CODEC, outcome, computed)
    assert told.startswith(says)
    assert bool(told) is bool(says)


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (EVENT, replace(EVENT, meta=a_meta(at=1)), "meta.at: "),
        (EVENT, replace(EVENT, meta=a_meta(cause=CAUSE)), "meta.cause: the log holds None"),
        (replace(EVENT, meta=a_meta(cause=CAUSE)), EVENT, "meta.cause: the log holds {"),
        (EVENT, replace(EVENT, ask=Ask(filters={"a": "c"})), "ask.filters.a: "),
        (EVENT, replace(EVENT, ask=Ask(filters={})), "ask.filters.a: "),
        (
            Spans(spans=(Span(start=1, end=2, kind="K", score=0.5),)),
            Spans(spans=(Span(start=1, end=3, kind="K", score=0.5),)),
            "spans[0].end: the log holds 2, the step yields 3",
        ),
        (
            Spans(spans=(Span(start=1, end=2, kind="K", score=0.5),)),
            Spans(spans=()),
            "spans: the log holds 1 entries, the step yields 0",
        ),
        (EVENT, EVENT, "the bytes differ, the fields do not"),
        (EVENT, Spans(spans=()), "the step yields Spans, the log holds QuestionRedacted"),
    ],
)
def test_the_first_field_that_differs_is_named(one, other, says):
    assert first_difference(one, other).startswith(says)


@pytest.mark.parametrize(
    ("letters", "shown"),
    [(1, "'x'"), (58, f"'{'x' * 58}'"), (59, f"'{'x' * 56}…"), (900, f"'{'x' * 56}…")],
)
def test_a_value_is_shown_in_sixty_characters_at_most(letters, shown):
    told = first_difference(replace(EVENT, text="x" * letters), replace(EVENT, text=""))
    assert told == f"text: the log holds {shown}, the step yields ''"


@given(st.text(min_size=1), st.text())
def test_values_are_cut_short(one, other):
    told = first_difference(replace(EVENT, text=one * 50), replace(EVENT, text=other))
    assert len(told) < 2 * 60 + 60
