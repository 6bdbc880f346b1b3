import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations.reviews.agreement import agreement

GRADES = st.sampled_from(["right", "partly", "wrong", "useless"])


def pairs_of(table):
    """Spell a table of counts: {(one, other): how often}."""
    return [pair for pair, count in table.items() for _ in range(count)]


def test_kappa_is_what_is_left_of_agreement_without_chance():
    """Worked by hand: 70 of 100 agree, chance alone has .6 * .5 + .4 * .5 = .5 agree."""
    table = {
        ("right", "right"): 40,
        ("wrong", "wrong"): 30,
        ("right", "wrong"): 20,
        ("wrong", "right"): 10,
    }
    told = agreement(pairs_of(table))
    assert (told.answers, told.raw) == (100, 0.7)
    assert told.kappa == pytest.approx(0.4)
    error = (0.7 * 0.3 / 100) ** 0.5 / 0.5
    assert (told.low, told.high) == pytest.approx((0.4 - 1.959964 * error, 0.4 + 1.959964 * error))


def test_all_that_agree_have_kappa_one_and_chance_has_none():
    assert agreement([("right", "right"), ("wrong", "wrong")]).kappa == 1
    table = {(a, b): 5 for a in ("right", "wrong") for b in ("right", "wrong")}
    assert agreement(pairs_of(table)).kappa == pytest.approx(0)


def test_where_chance_alone_agrees_there_is_no_kappa():
    told = agreement([("right", "right")] * 9)
    assert (told.raw, told.kappa, told.low) == (1, None, None)
    assert agreement([]).as_json() == {
        "answers": 0, "raw": None, "kappa": None, "kappa_low": None, "kappa_high": None
    }  # fmt: skip


@given(st.lists(st.tuples(GRADES, GRADES), min_size=1))
def test_sides_may_be_changed_and_the_interval_holds_kappa(pairs):
    told = agreement(pairs)
    assert told.kappa == pytest.approx(agreement([(b, a) for a, b in pairs]).kappa)
    if told.kappa is not None:
        assert -1 <= told.low <= told.kappa <= told.high <= 1
