"""Calendar days: dates and times of day."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checking.calendar_days import calendar_points


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-12",
        "12 May 2024",
        "12th of May 2024",
        "May 12, 2024",
        "May 12th 2024",
        "12.5.2024",
        "12. Mai 2024",
        "12 mai 2024",
        "12 de mayo de 2024",
        "on 12 MAY 2024.",
        "5/12/2024",
        "12/05/2024",
    ],
)
def test_a_day_is_known_however_it_is_written(text):
    [point] = calendar_points(text)
    assert (2024, 5, 12) in point.readings()
    assert point.minute == -1


@pytest.mark.parametrize(
    ("text", "minute"), [("14:30", 870), ("2:30 pm", 870), ("2 p.m", 840), ("12 am", 0)]
)
def test_a_time_of_day_is_known(text, minute):
    assert [point.minute for point in calendar_points(f"at {text} there")] == [minute]


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("since 2024-05-12", ">="),
        ("bis zum 12. Mai 2024", "<="),
        ("after the 12th of May", ">"),
        ("avant le 12 mai 2024", "<"),
        ("on 12 May 2024", ""),
    ],
)
def test_a_bound_of_a_day_is_known(text, bound):
    assert [point.bound for point in calendar_points(text)] == [bound]


@pytest.mark.parametrize(
    "text",
    ["you may 3 times", "1.2.2024.3", "99/99/2024", "2024-13-01", "40 May", "10:99", "v12:30"],
)
def test_what_is_no_day_is_none(text):
    assert calendar_points(text) == ()


@pytest.mark.parametrize(
    ("one", "other", "follows", "excludes"),
    [
        ("May 2024", "12 May 2024", True, False),
        ("12 May 2024", "May 2024", False, False),
        ("12 May", "12 May 2024", True, False),
        ("12 May 2024", "13 May 2024", False, True),
        ("May 2023", "12 May 2024", False, True),
        ("5/12/2024", "12 May 2024", True, False),
        ("5/12/2024", "12 June 2024", False, True),
        ("14:30", "2:30 pm", True, False),
        ("14:30", "14:31", False, True),
        ("14:30", "12 May 2024", False, False),
    ],
)
def test_a_day_follows_from_one_that_says_as_much(one, other, follows, excludes):
    [first], [second] = calendar_points(one), calendar_points(other)
    assert first.follows_from(second) == follows
    assert first.excludes(second) == excludes


@given(st.dates(date(1000, 1, 1), date(2999, 12, 31)))
def test_every_day_is_read_back(day):
    [point] = calendar_points(f"It was on {day.isoformat()}.")
    assert point.parts == (day.year, day.month, day.day)


@given(st.text("0123456789-./: MayapmT", max_size=60))
def test_places_are_those_of_the_text(text):
    for point in calendar_points(text):
        assert 0 <= point.start < point.end <= len(text)
        assert text[point.start].strip()
