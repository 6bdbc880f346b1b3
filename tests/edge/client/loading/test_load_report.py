"""The figures of a load, and its page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.client.loading.load_askers import COMPLETED, LoadedQuestion
from edge.client.loading.load_page import load_page
from edge.client.loading.load_report import load_report, percentile


def asked(due_s, *parts_s, outcome=COMPLETED, late_s=0.0):
    ended_s = parts_s[-1] if parts_s else due_s
    return LoadedQuestion(
        due_s, 8, due_s + late_s, list(parts_s), ended_s, outcome, tokens=len(parts_s)
    )


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values, share):
    ordered = sorted(values)
    found = percentile(ordered, share)
    below = sum(value <= found for value in values)
    assert 100 * below >= share * len(values)
    assert 100 * sum(value < found for value in values) < share * len(values)


def test_times_count_from_when_a_question_was_due_and_only_of_what_completed():
    report = load_report(
        [
            asked(10.0, 10.1, 10.2, 10.4),
            asked(11.0, 11.3),
            asked(12.0, 12.1, outcome="503 Service Unavailable"),
        ],
        5.0,
        {"worker": 0.5},
        {"via": "sse"},
    )
    assert (report["asked"], report["completed"]) == (3, 2)
    assert report["outcomes"] == {COMPLETED: 2, "503 Service Unavailable": 1}
    assert report["first_token_ms"] == {
        "p50": 100.0,
        "p90": 300.0,
        "p95": 300.0,
        "p99": 300.0,
        "max": 300.0,
    }
    assert report["between_parts_ms"]["max"] == 200.0
    assert report["total_ms"]["p50"] == 300.0
    assert (report["completed_per_s"], report["tokens_per_s"]) == (0.4, 0.8)
    assert report["offered_per_s"] == 1.0
    assert report["cpu_ms_per_answer"] == {"worker": 250.0}
    assert report["driver_is_late"] is False


def test_a_driver_that_sends_late_says_so_and_makes_nothing_faster():
    report = load_report([asked(10.0, 10.5, late_s=0.4)], 1.0, {}, {})
    assert report["driver_is_late"] is True
    assert report["first_token_ms"]["p50"] == 500.0


@pytest.mark.parametrize("rows", [[], [asked(1.0, outcome="x")], [asked(1.0, 1.2)] * 3])
def test_a_page_shows_whatever_came_as_text(rows):
    told = "<script>alert(1)</script>"
    report = load_report(rows, 1.0, {told: 1.0}, {"tenant": told})
    report["outcomes"][told] = 1
    page = load_page(report, rows)
    assert told not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == (2 if any(row.parts_s for row in rows) else bool(rows))
    assert not any(loads in page for loads in ("src=", "href=", "url(", "@import"))
