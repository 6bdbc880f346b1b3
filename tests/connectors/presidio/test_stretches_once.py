"""Spans that were found twice."""

import pytest

from connectors.presidio.stretches import once
from schemas import Span


def a_span(start, score=0.5, kind="PERSON", *, by_place=False):
    return Span(start=start, end=start + 3, kind=kind, score=score, by_place=by_place)


def test_spans_are_sorted_and_stand_once_with_their_higher_score():
    found = [a_span(4), a_span(0, 0.4), a_span(0, 0.6), a_span(0, 0.5), a_span(0, kind="AGE")]
    assert once(found) == (a_span(0, kind="AGE"), a_span(0, 0.6), a_span(4))


@pytest.mark.parametrize(
    ("looks", "by_place"),
    [((True,), True), ((True, True), True), ((True, False), False), ((False, True), False)],
)
def test_what_tells_of_a_name_in_one_look_tells_of_it(looks, by_place):
    [span] = once(a_span(0, by_place=look) for look in looks)
    assert span.by_place is by_place
