"""What lies in the index: ids that never change, and properties that come back as they were."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.weaviate.objects import (
    EVERYONE,
    chunk_properties,
    chunk_uuid,
    document_uuid,
    group_value,
    group_values,
    head_uuid,
    metadata_values,
    passage_of,
    unpacked,
    vectors_properties,
    vectors_uuid,
)
from schemas import DocumentRef, EmbeddedChunk, IndexChunks, MapEntry, Sealed
from streams.running.world import Call

CALL = Call(tenant="acme", lane=3, request="r", session="d", event="e", topic="t", offset=17)


def an_entry(digest="ab" * 32, ciphertext=b"\x00\xff", placeholder="<PERSON_1>"):
    sealed = Sealed(key="value/x", event="e", field="text", ciphertext=ciphertext, claim="")
    return MapEntry(placeholder=placeholder, kind="PERSON", digest=digest, value=sealed)


def a_chunk(**fields):
    values = {"id": "c", "number": 4, "text": "The lanes of Ada.", "tokens": 5}
    return EmbeddedChunk(**{**values, "vector": b"\0" * 8, "token_vectors": b"tv", **fields})


def properties(chunk, **fields):
    ref = DocumentRef(document="d-1", version=7, uri="d-1.md", **fields)
    request = IndexChunks(document=ref, title="Guide", model="m@1", chunks=(chunk,))
    return chunk_properties(request, chunk, CALL)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (chunk_uuid("acme", "c", 1), "c2218f82-0b1c-519a-b030-0275a41077aa"),
        (vectors_uuid("acme", "c", "m@1"), "1df55d33-4cec-5f4d-b2d4-d683f5ac08a5"),
        (document_uuid("acme", "d"), "e9d08915-061a-5e26-9c8c-1566f692bbdd"),
        (head_uuid("acme", 3), "fa80d790-bbd9-5997-854f-ca4a49130cc7"),
    ],
)
def test_ids_are_what_they_were_since_an_index_lives_longer_than_a_release(name, expected):
    assert name == expected


@given(st.sets(st.tuples(st.text("ab|", max_size=3), st.text("ab|", max_size=3)), max_size=6))
def test_no_two_kinds_of_objects_share_an_id(names):
    kinds = (chunk_uuid, vectors_uuid)
    made = [make(tenant, name, 1) for make in kinds for tenant, name in names if "|" not in tenant]
    made += [document_uuid(tenant, name) for tenant, name in names if "|" not in tenant]
    assert len(made) == len(set(made))
    assert all(uuid.UUID(one).version == 5 for one in made)


@given(st.lists(st.text(max_size=8)))
def test_no_group_is_taken_for_everyone(names):
    values = group_values(names)
    assert values == sorted(set(values))
    assert (EVERYONE in values) == (not names)
    assert EVERYONE not in map(group_value, names)


@pytest.mark.parametrize(
    ("metadata", "values"),
    [
        ({}, []),
        ({"b": "2", "a": "1"}, ["a=1", "b=2"]),
        ({"team": "a=b"}, ["team=a=b"]),
        ({"": ""}, ["="]),
    ],
)
def test_metadata_is_spelt_in_one_order(metadata, values):
    assert metadata_values(metadata) == values


def test_a_new_chunk_is_open_and_valid_from_its_position():
    values = properties(a_chunk(), groups=("hr",), metadata={"year": "2024"})
    assert (values["version_from"], values["version_to"]) == (7, 0)
    assert (values["valid_from"], values["valid_to"]) == (17, 0)
    assert (values["live"], values["lane"], values["model"]) == (True, 3, "m@1")
    assert (values["groups"], values["metadata"]) == (["g:hr"], ["year=2024"])


def test_a_chunk_is_found_by_stems_and_by_the_digests_of_its_values():
    entries = (an_entry("ff" * 32), an_entry("aa" * 32), an_entry("aa" * 32))
    values = properties(a_chunk(text="<PERSON_1> signed.", entries=entries))
    assert values["terms"].split() == ["sign", "aa" * 32, "ff" * 32]
    assert values["entities"] == ["aa" * 32, "ff" * 32]


@given(
    st.text(max_size=40),
    st.integers(0, 2**31 - 1),
    st.lists(st.binary(max_size=20), max_size=3),
)
def test_a_passage_is_what_was_written(text, number, ciphertexts):
    entries = tuple(an_entry(ciphertext=one) for one in ciphertexts)
    values = properties(a_chunk(text=text, number=number, entries=entries))
    passage = passage_of(values, version=9)
    assert (passage.text, passage.number, passage.entries) == (text, number, entries)
    assert (passage.chunk, passage.document, passage.version) == ("c", "d-1", 9)
    assert (passage.title, passage.uri, passage.tokens) == ("Guide", "d-1.md", 5)


def test_a_property_that_is_missing_is_empty():
    values = {**properties(a_chunk()), "title": None, "uri": None, "text": None, "entries": None}
    passage = passage_of(values, version=1)
    assert (passage.title, passage.uri, passage.text, passage.entries) == ("", "", "", ())


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_vectors_come_back_and_an_empty_one_is_not_written(dense, tokens):
    packed = vectors_properties(a_chunk(vector=dense, token_vectors=tokens))
    assert set(packed) == {
        name for name, value in (("dense", dense), ("token_vectors", tokens)) if value
    }
    assert unpacked(packed.get("dense")) == dense
    assert unpacked(packed.get("token_vectors")) == tokens
