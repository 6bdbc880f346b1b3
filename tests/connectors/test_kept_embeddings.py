"""Kept embeddings: of queries, by tenant, text and form, until the model is another."""

import pytest

from connectors.bounded_cache import BoundedCache
from connectors.kept_embeddings import KeptEmbeddings
from schemas import Embed, Embedded


def answer(*texts, model="m@1", token_vectors=True):
    return Embedded(
        vectors=tuple(f"vector of {text} by {model}".encode() for text in texts),
        token_vectors=tuple(text.encode() for text in texts) if token_vectors else (),
        counts=tuple(map(len, texts)),
        model=model,
        dimensions=4,
    )


def query(*texts, **fields):
    return Embed(**{"texts": texts, "kind": "query", "token_vectors": True, **fields})


@pytest.fixture
def kept():
    return KeptEmbeddings(BoundedCache("tests", 1_000_000, 60.0))


def test_the_same_texts_get_the_same_answer(kept):
    assert kept.of(query("a", "bc"), "acme") is None
    kept.keep(query("a", "bc"), "acme", answer("a", "bc"))
    assert kept.of(query("a", "bc"), "acme") == answer("a", "bc")
    assert kept.of(query("bc", "a"), "acme") == answer("bc", "a")


@pytest.mark.parametrize(
    ("asked", "tenant"),
    [
        (query("b"), "acme"),
        (query("a", "b"), "acme"),
        (query("a"), "other"),
        (query("a", token_vectors=False), "acme"),
        (query("a", kind="passage"), "acme"),
        (query(), "acme"),
    ],
)
def test_what_is_not_wholly_the_same_is_asked_for(kept, asked, tenant):
    kept.keep(query("a"), "acme", answer("a"))
    assert kept.of(asked, tenant) is None


def test_vectors_without_token_vectors_are_kept_so(kept):
    asked = query("a", token_vectors=False)
    kept.keep(asked, "acme", answer("a", token_vectors=False))
    assert kept.of(asked, "acme") == answer("a", token_vectors=False)


def test_each_embedder_is_kept_apart_and_names_its_own_model(kept):
    other = query("a", embedder="other")
    kept.keep(query("a"), "acme", answer("a"))
    assert kept.of(other, "acme") is None
    kept.keep(other, "acme", answer("a", model="m@2"))
    assert kept.of(other, "acme") == answer("a", model="m@2")
    assert kept.of(query("a"), "acme") == answer("a")


def test_passages_are_not_kept(kept):
    asked = query("a", kind="passage")
    kept.keep(asked, "acme", answer("a"))
    assert kept.of(asked, "acme") is None


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_the_first_answer_of_another_model_ends_what_was_kept(kept, kind):
    kept.keep(query("a"), "acme", answer("a"))
    kept.keep(query("b", kind=kind), "other", answer("b", model="m@2"))
    assert kept.of(query("a"), "acme") is None
    kept.keep(query("a"), "acme", answer("a", model="m@2"))
    assert kept.of(query("a"), "acme") == answer("a", model="m@2")
