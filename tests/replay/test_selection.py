import pytest

from replay.selection import Selection
from tests.fakes import NOW_US, a_meta


@pytest.mark.parametrize(
    ("selection", "takes"),
    [
        ({}, True),
        ({"tenant": "acme", "request": "r-1", "since_us": NOW_US, "until_us": NOW_US + 1}, True),
        ({"tenant": "other"}, False),
        ({"request": "r-2"}, False),
        ({"since_us": NOW_US + 1}, False),
        ({"until_us": NOW_US}, False),
    ],
)
def test_a_record_is_selected_if_everything_fits(selection, takes):
    assert Selection(**selection).takes(a_meta()) is takes
