"""Terms: stems that carry meaning; names of several words stay whole."""

import pytest

from agents.answering.terms import terms


def test_words_that_carry_no_meaning_are_left_out_and_the_order_stays():
    assert terms("The lake of the ducks") == (*terms("lake"), *terms("ducks"))
    assert terms("the of") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("built", "build"), ("colour", "color"), ("License", "licence"), ("removed", "delete")],
)
def test_forms_without_a_common_stem_are_brought_together(one, other):
    assert terms(one) == terms(other)


def test_a_name_of_several_words_is_itself():
    assert terms("GitIgnoreSpec") == ("gitignorespec",)
    assert terms("GitIgnoreSpec") != terms("GitIgnore")
    assert terms("ducks") == terms("duck")
