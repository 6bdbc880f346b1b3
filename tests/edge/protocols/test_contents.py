"""Whole numbers and truth values, as JSON Schema has them."""

import pytest
from pydantic import BaseModel

from edge.problems import Problem
from edge.protocols.contents import Truth, WholeNumber, validated


class Body(BaseModel):
    count: WholeNumber = 0
    wanted: Truth = False
    limit: WholeNumber | None = None


@pytest.mark.parametrize(
    ("sent", "read"),
    [(7, 7), (7.0, 7), (-0.0, 0), (2**60, 2**60), (1e15, 10**15)],
)
def test_a_whole_number_is_one_however_it_is_spelt(sent, read):
    found = validated({"count": sent, "limit": sent}, Body)
    assert (found.count, found.limit) == (read, read)
    assert type(found.count) is int


@pytest.mark.parametrize("sent", [True, False, "7", "", 7.5, [7], {}, float("inf"), float("nan")])
def test_nothing_else_is_a_whole_number(sent):
    with pytest.raises(Problem, match="count"):
        validated({"count": sent}, Body)


def test_null_is_none_where_it_may_be():
    assert validated({"limit": None}, Body).limit is None
    with pytest.raises(Problem, match="count"):
        validated({"count": None}, Body)


@pytest.mark.parametrize("sent", [0, 1, "true", "false", "", None, []])
def test_only_true_and_false_are_truth_values(sent):
    assert validated({"wanted": True}, Body).wanted
    with pytest.raises(Problem, match="wanted"):
        validated({"wanted": sent}, Body)
