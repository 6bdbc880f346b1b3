"""Normal forms: those of unicodedata, whatever marks a text piles up."""

import sys
import unicodedata
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import agents
from agents.normal_forms import _MANY_MARKS, MARKS_MAX, normalized

ROOM = Path(agents.__file__).parent
FORMS = ("NFC", "NFKC", "NFKD")
MARKS = "\u0301\u0323\u0f73\u0344\u0f71\u0f72\u3099\uff9e\u0345\u05b0\u0f81\u200d"
PILES = st.tuples(
    st.sampled_from(["", *"aeé각\u1100\u1161\uff76\u0f40\ufdfaか "]),
    st.lists(st.sampled_from(MARKS), max_size=3 * MARKS_MAX).map("".join),
).map("".join)


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(PILES, max_size=3).map("".join))
def test_the_form_is_the_one_of_unicodedata(form, text):
    assert normalized(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pile", ["\u0301\u0323", "\u0f73", "\uff9e\u0301"])
def test_a_pile_of_marks_comes_in_order(form, pile):
    text = "a" + pile * 100
    assert _MANY_MARKS.search(text)
    assert normalized(form, text) == unicodedata.normalize(form, text)


def test_whatever_has_a_place_in_the_order_of_marks_is_known_as_one():
    """Else a pile of it would not be put in order."""
    mark = regex.compile(r"[\p{M}\uFF9E\uFF9F]")
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    begins = (
        one for one in characters if unicodedata.combining(unicodedata.normalize("NFKD", one)[0])
    )
    assert all(map(mark.match, begins))


def test_no_step_brings_a_text_into_a_form_by_itself():
    asked = [
        file.name for file in ROOM.rglob("*.py") if "unicodedata.normalize" in file.read_text()
    ]
    assert asked == ["normal_forms.py"]
