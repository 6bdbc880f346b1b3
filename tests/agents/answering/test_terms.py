"""Terms: stems that carry meaning; names of several words stay whole."""

import pytest

from agents.answering.terms import neighbours, terms, without_namesakes


def test_words_that_carry_no_meaning_are_left_out_and_the_order_stays():
    assert terms("The lake of the ducks") == (*terms("lake"), *terms("ducks"))
    assert terms("the of") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("built", "build"), ("colour", "color"), ("License", "licence"), ("removed", "delete")],
)
def test_forms_without_a_common_stem_are_brought_together(one, other):
    assert terms(one) == terms(other)


@pytest.mark.parametrize("mark", ["'", "’"])
def test_a_genitive_is_its_name_and_what_is_negated_in_short_says_nothing(mark):
    assert terms(f"Ann{mark}s boat shouldn{mark}t sink") == terms("Ann boat sink")


def test_a_name_of_several_words_is_itself():
    assert terms("GitIgnoreSpec") == ("gitignorespec",)
    assert terms("GitIgnoreSpec") != terms("GitIgnore")
    assert terms("ducks") == terms("duck")


FORMS = (
    "begin began begun, break broke, bring brought, build built, buy bought, catch caught, choose chose chosen, come came, "
    "draw drew, drive drove driven, eat ate eaten, fall fell fallen, feel felt, fight fought, find found, fly flew, "
    "forbid forbade forbidden, forget forgot forgotten, get got gotten, give gave given, go went gone, grow grew grown, "
    "hold held, keep kept, know knew known, lead led, leave left, lose lost, make made, meet met, pay paid, rise rose risen, "
    "run ran, say said, see saw seen, seek sought, sell sold, send sent, shoot shot, show shown, sing sang sung, sink sank "
    "sunk, speak spoke spoken, spend spent, stand stood, steal stole stolen, swim swam swum, take took taken, teach taught, "
    "think thought, throw threw thrown, understand understood, wear wore worn, win won, write wrote written, "
    "tells telling told, become became, behavior behaviour, catalog catalogue, center centre, color colour, defense defence, license licence, "
    "program programme, require need, delete remove erase"
)


@pytest.mark.parametrize("forms", FORMS.split(", "))
def test_an_irregular_form_is_its_verb_or_its_other_spelling(forms):
    assert len({terms(form) for form in forms.split()}) == 1


def test_a_name_is_told_from_what_begins_alike():
    names = {"struct": "structlog"}
    assert "struct" not in without_namesakes(frozenset(terms("structured")), "structured", names)
    assert "struct" in without_namesakes(frozenset(terms("structlog's")), "structlog's", names)


def test_terms_stand_side_by_side_where_no_other_word_is_between():
    lake, deep, duck = terms("lake deep duck")
    assert neighbours("The deep lake of ducks") == {(deep, lake)}
    assert neighbours("Lake lake, duck.") == {(lake, duck)}
    assert neighbours("Each duck, the only lake, each of the all") == {
        ("=each", duck),
        ("=only", lake),
        (lake, "=each"),
    }
    assert neighbours("each all") == neighbours("") == set()
