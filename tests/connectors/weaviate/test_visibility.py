"""The rule of visibility: which version is current when, and which chunks it shows."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.weaviate.objects import group_values, metadata_values
from connectors.weaviate.tenant_objects import ReadObject
from connectors.weaviate.visibility import (
    DocumentHistory,
    Readers,
    ReaderSight,
    readers_of,
    readers_text,
)
from schemas import Search

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


def is_visible(item, histories, request, then_alone):
    """Tell by the whole rule, chunk by chunk."""
    values = item.properties
    history = histories.get(values["document"])
    return (
        history is not None
        and history.shows(values["version_from"], values["version_to"], request.as_of)
        and history.admits(
            request.groups,
            metadata_values(request.filters),
            request.as_of,
            then_alone=then_alone,
        )
    )


GROUPS = st.lists(st.sampled_from(["a", "b", "*", "g:a", ""]), max_size=2)
VALUES = st.dictionaries(st.sampled_from("kl"), st.sampled_from(["", "1", "=1"]), max_size=2)
READERS = st.builds(
    lambda groups, values: Readers(
        frozenset(group_values(groups)), frozenset(metadata_values(values))
    ),
    GROUPS,
    VALUES,
)


@st.composite
def histories(draw):
    versions = draw(st.lists(st.integers(0, 4), max_size=3))
    positions = sorted(
        draw(st.lists(st.integers(0, 9), min_size=len(versions), max_size=len(versions)))
    )
    now = draw(READERS)
    readers = draw(st.lists(st.none() | READERS, max_size=len(versions)))
    return DocumentHistory(
        tuple(versions), tuple(positions), now.groups, now.metadata, tuple(readers)
    )


CHUNKS = st.builds(
    lambda document, first, end: ReadObject(
        "", {"document": document, "version_from": first, "version_to": end}
    ),
    st.sampled_from("def"),
    st.integers(-1, 5),
    st.integers(-1, 5),
)


@given(
    st.dictionaries(st.sampled_from("de"), histories()),
    st.lists(CHUNKS, max_size=8),
    GROUPS,
    VALUES,
    st.integers(-1, 10),
    st.booleans(),
)
def test_a_reader_sees_what_the_rule_shows_chunk_by_chunk(
    known, chunks, groups, filters, as_of, then_alone
):
    request = Search(
        text="", vector=b"", limit=9, groups=tuple(groups), filters=filters, as_of=as_of
    )
    sight = ReaderSight(known, request, then_alone=then_alone)
    assert [sight.shows(one) for one in chunks] == [
        is_visible(one, known, request, then_alone) for one in chunks
    ]


def test_a_reader_sees_each_version_as_of_each_position():
    known = {"d": READ_BY, "e": HISTORY}
    chunks = [
        ReadObject("", {"document": document, "version_from": first, "version_to": end})
        for document, first, end in product("def", range(4), range(5))
    ]
    for group, values, as_of, alone in product(
        "ab", ({}, {"class": "pay"}), (-1, 4, 5, 9, 12, 20), (False, True)
    ):
        request = Search(text="", vector=b"", limit=9, groups=(group,), filters=values, as_of=as_of)
        sight = ReaderSight(known, request, then_alone=alone)
        assert [sight.shows(one) for one in chunks] == [
            is_visible(one, known, request, alone) for one in chunks
        ]
