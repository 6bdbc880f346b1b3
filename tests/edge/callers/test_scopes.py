"""Scopes, their older names, and what they imply."""

import pytest

from edge.callers.scopes import SCOPES, granted, unknown_scope


@pytest.mark.parametrize(
    ("names", "also"),
    [
        (["read"], {"ask"}),
        (["ask"], {"read"}),
        (["write"], {"ingest"}),
        (["ingest"], {"write"}),
        (["admin"], {"audit", "metrics"}),
        (["restore:PERSON"], set()),
        (["restore"], set()),
        ([], set()),
    ],
)
def test_a_scope_is_granted_by_each_of_its_names_with_what_it_implies(names, also):
    assert granted(names) == {*names, *also}


def test_who_administers_neither_asks_nor_sees_personal_data():
    assert not granted(["admin"]) & {"ask", "ingest", "restore", "review"}


@pytest.mark.parametrize("name", [*SCOPES, "read", "write", "restore:EMAIL_ADDRESS"])
def test_names_of_now_and_of_before_are_scopes(name):
    assert unknown_scope([name]) == ""


@pytest.mark.parametrize("name", ["", "Ask", "ask ", "restore:", "restore:person", "ask:PERSON"])
def test_what_is_no_scope_is_named(name):
    assert unknown_scope(["ask", name]).startswith(f"no scope {name}: choose from ask, ingest")
