"""Evidence: what a text says that its sources hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evidence import Hearer, complete, evidence, settled, support, unsupported

HELD = evidence(["The Normans came to Normandy in 911 and paid 1,200 coins to <PERSON_1>."])


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("The Normans came in 911.", ()),
        ("Normans paid 1200 coins.", ()),
        ("They came in 912, to Paris.", ("912", "Paris")),
        ("Paris is nice.", ()),
        ("It was <PERSON_1>, not <PERSON_2>.", ("<PERSON_2>",)),
        ("happy people walked", ()),
        ("", ()),
    ],
)
def test_numbers_names_and_placeholders_need_support(text, lacking):
    assert unsupported(text, HELD) == lacking


def test_support_is_the_share_of_content_words_that_are_held():
    assert support("Normans paid cheerfully today", HELD) == 0.5
    assert support("", HELD) == 1.0


@pytest.mark.parametrize(
    ("text", "whole", "sure"),
    [
        ("The", "", "The"),
        ("The fee is 1", "The fee is ", "The fee is "),
        ("I like Par", "I like ", "I like "),
        ("I like par", "I like ", "I like par"),
        ("Yes. The", "Yes. ", "Yes. The"),
        ("ask <PER", "ask ", "ask "),
        ("", "", ""),
    ],
)
def test_a_word_that_may_grow_is_not_judged_and_a_name_or_number_not_shown(text, whole, sure):
    assert complete(text) == whole
    assert settled(text) == sure


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("Rollo came.", ()),  # the first word of a sentence is an ordinary one
        ("Then Rollo. So Rollo came.", ("Rollo",)),
        ("see 7, 8 and 7", ("7", "8")),
        ("the coins of The Hague", ("Hague",)),
        ("<PERSON_2> paid <PERSON_2> 5", ("<PERSON_2>", "5")),
        ("<_PERSON_9> paid", ()),
    ],
)
def test_what_lacks_support_is_listed_once_in_reading_order(text, lacking):
    assert unsupported(text, HELD) == lacking


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("Ask (Par", "Ask "),
        ('He said "Par', "He said "),
        ("Yes! Par", "Yes! Par"),
        ("Note: Par", "Note: Par"),
        ("so, Par", "so, "),
        ("a line\nPar", "a line\n"),
        ("done 12 ", "done 12 "),
    ],
)
def test_a_name_waits_unless_it_begins_a_sentence(text, sure):
    assert settled(text) == sure


@given(st.text("aA1 .<>_\n", max_size=40))
def test_what_is_sure_is_a_beginning_of_the_text(text):
    assert text.startswith(settled(text))
    assert settled(text).startswith(complete(text))


@given(st.lists(st.text("ab ", max_size=9), max_size=4))
def test_sources_hold_all_of_themselves(texts):
    held = evidence(texts)
    assert all(support(text, held) == 1.0 and unsupported(text, held) == () for text in texts)


SAID = st.tuples(
    st.sampled_from(
        [
            "the",
            "cat",
            "Cat",
            "Oslo",
            "12",
            "1,200",
            "<A_1>",
            "<_A_1>",
            "Dr.",
            "U.S.",
            "我",
            "。",
            '"Oslo"',
            '"',
        ]
    ),
    st.sampled_from(
        [
            " ",
            "  ",
            ". ",
            ".\n",
            "\n\n",
            " \n ",
            "? ",
            ", ",
            "",
            "\t",
            '." ',
            "... ",
            "\x1c",
            ".\x85 ",
        ]
    ),
).map("".join)


@given(
    st.lists(SAID, max_size=15).map("".join),
    st.sets(st.sampled_from(["oslo", "cat", "12", "<A_1>", "dr"])),
    st.data(),
)
def test_who_listens_objects_as_soon_as_the_text_so_far_has_something_unsupported(text, held, data):
    text, held = text.lstrip(), frozenset(held)
    hearer, at = Hearer(held), 0
    while at < len(text):
        at = data.draw(st.integers(at + 1, len(text)))
        so_far = complete(text[:at])
        objects = hearer.objects(so_far)
        assert objects == bool(unsupported(so_far, held))
        if objects:
            return


@pytest.mark.parametrize(
    ("text", "objects"),
    [("<PERSON_1> met <PERSON_2>.", True), ("<PERSON_1> met.", False), ("<PERSON_2>.", True)],
)
def test_a_person_of_nowhere_is_objected_to_beside_one_who_is_held(text, objects):
    assert Hearer(frozenset({"<PERSON_1>", "met"})).objects(text) is objects


@pytest.mark.parametrize(
    "heard", [['He said " ', 'He said " Oslo '], ["so - ", "so - Oslo - "], ["", "x ", "x Oslo "]]
)
def test_a_name_behind_a_mark_that_was_heard_last_does_not_begin_a_sentence(heard):
    hearer = Hearer(frozenset({"x", "said"}))
    assert [hearer.objects(text) for text in heard] == [False] * (len(heard) - 1) + [True]
