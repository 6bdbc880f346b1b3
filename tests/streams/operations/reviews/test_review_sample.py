import hashlib

import pytest

from streams.log.configuration import load
from streams.operations.reviews.review_sample import (
    PLACES,
    BadShare,
    is_drawn,
    place_of,
    share_for,
)


def test_an_auditor_draws_the_same_by_what_the_page_says():
    digest, request = "c" * 64, "0b5b7c1e"
    hexadecimal = hashlib.sha256(f"{digest}|{request}".encode()).hexdigest()
    assert place_of(request, digest) == int(hexadecimal[:16], 16)
    assert place_of("0b5b7c1e-6a55", "0" * 64) == 282_040_078_749_399_646


def test_as_many_are_drawn_as_the_share_says():
    drawn = sum(is_drawn(place_of(f"r-{n}", "c"), 0.02) for n in range(20_000))
    assert 340 <= drawn <= 460, "400 and three standard deviations"


def test_another_configuration_draws_others():
    first, second = (
        {n for n in range(2_000) if is_drawn(place_of(f"r-{n}", digest), 0.05)} for digest in "ab"
    )
    assert len(first & second) < len(first) / 3


@pytest.mark.parametrize(
    ("share", "place", "drawn"),
    [
        (0.0, 0, False),
        (1.0, PLACES - 1, True),
        (0.5, PLACES // 2 - 1, True),
        (0.5, PLACES // 2, False),
        (1, 0, True),
    ],
)
def test_the_share_is_a_bound_on_the_place(share, place, drawn):
    assert is_drawn(place, share) is drawn


@pytest.mark.parametrize(
    ("configured", "share"),
    [
        ({}, 0.0),
        ({"review": {}}, 0.0),
        ({"review": {"share": 0.02}}, 0.02),
        ({"review": {"share": 0.02, "tenants": {"acme": 0.05}}}, 0.05),
        ({"review": {"share": 0.02, "tenants": {"acme": 0}}}, 0.0),
        ({"review": {"share": 0.02, "tenants": {"globex": 0.05}}}, 0.02),
    ],
)
def test_a_tenant_has_a_share_of_its_own_where_it_is_named(configured, share):
    assert share_for("acme", configured) == share


@pytest.mark.parametrize(
    "review",
    [
        3,
        {"share": "much"},
        {"share": 1.5},
        {"share": -0.1},
        {"share": True},
        {"share": float("nan")},
        {"share": 0.1, "tenants": ["acme"]},
        {"share": 0.1, "tenants": {"acme": None}},
    ],
)
def test_what_is_no_share_is_said_to_be_none(review):
    with pytest.raises(BadShare, match=r"moderate\.json"):
        share_for("acme", {"review": review})


def test_what_is_shipped_draws_some_of_every_tenants_answers():
    assert 0.01 <= share_for("anybody", load()["moderate"].values) <= 0.05
