"""The rule of visibility: which version is current when, and which chunks it shows."""

import pytest

from connectors.weaviate.visibility import DocumentHistory

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
