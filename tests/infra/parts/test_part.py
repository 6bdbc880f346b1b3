"""Parts by their recipes: equal recipes have one place, other ones have others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.parts.part import Part, digest, parts_folder

INGREDIENTS = st.lists(st.text().filter(lambda text: "\0" not in text), max_size=4)


def a_part(**fields):
    return Part(**{"name": "thing", "version": "1.2", "recipe": "0a", "build": print, **fields})


@given(INGREDIENTS, INGREDIENTS)
def test_recipes_have_one_digest_if_and_only_if_they_are_equal(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


@given(INGREDIENTS)
def test_a_digest_is_twelve_hex_digits_whether_of_text_or_bytes(ingredients):
    assert digest(*ingredients) == digest(*(text.encode() for text in ingredients))
    assert len(digest(*ingredients)) == 12
    int(digest(*ingredients), 16)


def test_where_an_ingredient_ends_counts():
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")


@pytest.mark.parametrize("cache", ["", None])
def test_parts_are_kept_in_the_users_cache(monkeypatch, tmp_path, cache):
    monkeypatch.setenv("HOME", str(tmp_path))
    if cache is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
    assert parts_folder() == tmp_path / ".cache" / "playhead" / "parts"


def test_the_cache_may_lie_elsewhere_and_is_told_as_a_whole_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "mine")
    assert parts_folder() == tmp_path / "mine" / "playhead" / "parts"


@pytest.mark.parametrize("changed", [{"name": "x"}, {"version": "1.3"}, {"recipe": "0b"}])
def test_another_name_version_or_recipe_has_another_place(changed):
    assert a_part().place != a_part(**changed).place
    assert a_part().place.parent == parts_folder()
    assert a_part().place.name == "thing-1.2-0a"


def test_what_it_costs_does_not_move_it():
    assert a_part(typical_s=9, peak_mb=9).place == a_part().place


def test_one_of_the_machine_is_used_where_it_lies(tmp_path):
    assert a_part(of_the_machine=tmp_path).place == tmp_path
    assert a_part(of_the_machine=tmp_path).present


def test_a_part_is_there_when_its_folder_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    part = a_part()
    assert not part.present
    Path(part.place).parent.mkdir(parents=True)
    part.place.write_text("a file is no part")
    assert not part.present
    part.place.unlink()
    part.place.mkdir()
    assert part.present
