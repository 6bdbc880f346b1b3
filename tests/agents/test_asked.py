"""What is asked beside a question's text has bounds that an error names."""

import pytest

from agents.asked import SIZES, hold_to_bounds
from agents.errors import Permanent
from schemas import Ask

DEEP = '{"a":' * 980 + "1" + "}" * 980


@pytest.mark.parametrize(
    ("ask", "largest", "words"),
    [
        (
            Ask(filters={"a": "1", "b": "2"}),
            {"filters": 1},
            "2 filters, at most 1 are taken.*asked_max.filters",
        ),
        (Ask(groups=("a", "b")), {"groups": 1}, "2 groups, at most 1"),
        (Ask(max_tokens=5), {"tokens": 4}, "5 tokens of an answer, at most 4"),
        (
            Ask(response_schema="{ }"),
            {"schema_characters": 2},
            "3 characters of a response schema, at most 2",
        ),
        (
            Ask(response_schema=DEEP),
            {"schema_levels": 128},
            "980 levels of a response schema, at most 128",
        ),
        (
            Ask(response_schema='{"maxItems":1000000}'),
            {"schema_work": 20_000},
            "1000002 values, repeated items .* in a response schema, at most 20000",
        ),
        (Ask(tools="[{}]"), {"tool_characters": 3}, "4 characters of tools, at most 3"),
        (Ask(tools=DEEP), {"tool_levels": 64}, "980 levels of tools, at most 64"),
        (
            Ask(tools='[{"maxItems":1000000}]'),
            {"tool_work": 20_000},
            "100000[0-9] values, repeated items .* in tools, at most 20000",
        ),
    ],
)
def test_too_much_is_an_error_that_names_the_bound(ask, largest, words):
    with pytest.raises(Permanent, match=words):
        hold_to_bounds(ask, largest)


def test_a_bound_that_is_mistyped_is_told_with_those_that_there_are():
    with pytest.raises(
        Permanent, match=r"asked_max\.token, which is nothing .*: name one of filters"
    ):
        hold_to_bounds(Ask(), {"token": 5})


def test_each_bound_has_a_case_above():
    marked = test_too_much_is_an_error_that_names_the_bound.pytestmark[0]
    assert {name for _, largest, _ in marked.args[1] for name in largest} == set(SIZES)


@pytest.mark.parametrize("largest", [{}, dict.fromkeys(SIZES, 6)])
def test_what_keeps_to_the_bounds_in_force_passes(largest):
    hold_to_bounds(Ask(max_tokens=6, response_schema="{}", filters={"a": "1"}), largest)
