"""Support head: features are weighed, and mapped to a probability."""

import pytest

from agents.checking.clauses import claim_of
from agents.checking.comparing import Comparison
from agents.checking.holding import held_of
from agents.checking.support_head import features, probability


def test_weights_are_summed_and_mapped():
    assert probability({"a": 0.5}, {"bias": -1.0, "a": 2.0}) == 0.5
    assert probability({"a": 1.0}, {"bias": 0.0, "a": 1.0}) == 0.731059
    assert probability({}, {"bias": -99.0}) == 0.0
    assert probability({}, {"bias": 99.0}) == 1.0
    with pytest.raises(KeyError):
        probability({}, {"bias": 0.0, "a": 1.0})


def test_features_tell_shares_and_what_was_found():
    claim, source = claim_of("The red server leaks."), held_of("The server leaks.")
    best = Comparison(0.75, ("number",), ("condition",), ("polarity",))
    other = Comparison(0.5, (), ("assertion",), ())
    named = features(claim, [best, other], [], [source])
    assert (named["share"], named["asserted_share"], named["against_number"]) == (0.75, 0.75, 0.5)
    assert (named["lacking_condition"], named["agreeing_polarity"]) == (1.0, 1.0)
    assert named["anywhere"] == pytest.approx(2 / 3)
    assert named["names"] == 1.0
    assert named["opposed"] == 0.0


def test_sentences_that_say_the_opposite_count_up_to_three():
    claim, source = claim_of("The server leaks."), held_of("The server leaks.")
    opposed = Comparison(0.5, ("direction",), (), ())
    open_one, far = opposed._replace(lacking=("assertion",)), opposed._replace(share=0.1)
    for alone, part in (([opposed], 1 / 3), ([opposed] * 5, 1.0), ([open_one, far], 0.0)):
        assert features(claim, [], alone, [source])["opposed"] == pytest.approx(part)
