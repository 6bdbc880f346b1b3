"""The rule of visibility: which version is current when, and which chunks it shows."""

import pytest

from connectors.weaviate.visibility import DocumentHistory, Readers, readers_of, readers_text

HISTORY = DocumentHistory(
    versions=(1, 2, 0, 3), positions=(5, 9, 12, 20), groups=frozenset({"*"}), metadata=frozenset()
)


@pytest.mark.parametrize(
    ("as_of", "version"),
    [(-1, 3), (4, 0), (5, 1), (8, 1), (9, 2), (12, 0), (19, 0), (20, 3), (99, 3)],
)
def test_the_current_version_is_the_last_one_published_up_to_a_position(as_of, version):
    assert HISTORY.current(as_of) == version


@pytest.mark.parametrize(
    ("first", "end", "as_of", "visible"),
    [(1, 2, 8, True), (1, 2, 9, False), (2, 3, 8, False), (1, 0, 9, True), (1, 0, 12, False)],
)
def test_a_chunk_is_visible_from_its_version_until_another_retires_it(first, end, as_of, visible):
    assert HISTORY.shows(first, end, as_of) is visible


A, B = frozenset({"g:a"}), frozenset({"g:b"})
CLASSED = frozenset({"class=pay"})
READ_BY = DocumentHistory(
    versions=(1, 2, 3),
    positions=(5, 9, 12),
    groups=B,
    metadata=frozenset(),
    readers=(Readers(A, CLASSED), None, Readers(B, frozenset())),
)


@pytest.mark.parametrize(
    ("group", "wanted", "as_of", "audited", "asked"),
    [
        ("a", (), 5, True, False),  # taken from a since: an auditor alone sees what a saw
        ("b", (), 5, False, False),  # given to b since: b did not see it then
        ("b", ("class=pay",), 5, False, False),
        ("a", ("class=pay",), 5, True, False),
        ("a", ("class=other",), 5, False, False),
        ("b", (), 9, True, True),  # what was not kept is taken to be as it is now
        ("b", (), 12, True, True),
        ("a", (), 12, False, False),
        ("b", (), -1, True, True),
        ("b", ("class=pay",), 12, False, False),
    ],
)
def test_who_could_read_then_is_kept_for_each_position(group, wanted, as_of, audited, asked):
    assert READ_BY.admits((group,), wanted, as_of, then_alone=True) is audited
    assert READ_BY.admits((group,), wanted, as_of) is asked


def test_readers_are_spelt_and_read_back():
    assert readers_of(readers_text(READ_BY.readers)) == READ_BY.readers
    assert readers_of(None) == readers_of("") == ()
