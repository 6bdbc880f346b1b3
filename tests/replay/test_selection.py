import pytest

from replay.log import Stored
from replay.selection import Selection, nothing
from tests.fakes import NOW_US, a_meta

CASES = [
    ({}, True),
    ({"tenant": "acme", "request": "r-1", "since_us": NOW_US, "until_us": NOW_US + 1}, True),
    ({"tenant": "other"}, False),
    ({"request": "r-2"}, False),
    ({"since_us": NOW_US + 1}, False),
    ({"until_us": NOW_US}, False),
]


@pytest.mark.parametrize(("selection", "takes"), CASES)
def test_an_input_is_selected_if_everything_fits(selection, takes):
    assert Selection(**selection).takes(a_meta()) is takes


@pytest.mark.parametrize(("selection", "takes"), CASES)
def test_one_that_can_not_be_read_is_selected_by_key_header_and_time(selection, takes):
    headers = (("request", b"r-1"),)
    stored = Stored("t", 0, 0, NOW_US // 1_000, b"acme", b"", headers)
    assert Selection(**selection).takes_unread(stored) is takes


def test_one_that_says_nothing_of_its_request_may_be_anybodys():
    stored = Stored("t", 0, 0, 0, None, None, ())
    assert Selection(request="r-1").takes_unread(stored)
    assert not Selection(tenant="acme").takes_unread(stored)


@pytest.mark.parametrize(
    ("selection", "follows"),
    [({}, True), ({"tenant": "t"}, True), ({"request": "r"}, False), ({"since_us": 1}, False)],
)
def test_tables_can_be_followed_where_all_inputs_of_a_tenant_are_seen(selection, follows):
    assert Selection(**selection).follows_rows is follows


def test_what_was_selected_is_said_where_nothing_is():
    assert "by --tenant acmee, --since 5:" in nothing(Selection(tenant="acmee", since_us=5))
    assert "holds no input" in nothing(Selection())
