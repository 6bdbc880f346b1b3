"""Packed token vectors: what the embedder writes is what the reranker reads."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent
from connectors.token_vectors import NO_SCORE, max_sim
from infra.triton.launch import MODELS

PACKING = MODELS / "embedder" / "1" / "token_vectors.py"


def the_models_packing():
    """The module inside the model repository, which no package holds."""
    spec = importlib.util.spec_from_file_location("packing", PACKING)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packing = the_models_packing()


def units(count, seed=0):
    """Unit vectors around a common direction, as a language model's are."""
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((count, 384)).astype(np.float32) + 0.8
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def exact(query, passage):
    return float((query @ passage.T).max(axis=1).mean())


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4), asked=st.integers(1, 5))
def test_each_passage_scores_as_if_it_were_alone(sizes, asked):
    query = packing.pack_query(units(asked))
    passages = [packing.pack_passage(units(size, seed)) for seed, size in enumerate(sizes)]
    together = max_sim(query, passages)
    alone = [max_sim(query, [passage])[0] for passage in passages]
    assert together == pytest.approx(alone, abs=1e-5)
    assert all(-1 <= score <= 1 for score in together)


def test_scores_are_close_to_those_of_the_unpacked_vectors():
    topic = units(12, seed=7)
    pairs = np.repeat(topic, 2, axis=0)  # neighbours alike: averaging loses nothing
    other = np.repeat(units(12, seed=8), 2, axis=0)
    query = topic[:6]
    same, different = max_sim(
        packing.pack_query(query), [packing.pack_passage(pairs), packing.pack_passage(other)]
    )
    assert different == pytest.approx(exact(query, other), abs=0.05)
    assert same > different + 0.2


def test_a_passage_of_one_token_scores_its_cosine():
    one, query = units(1, seed=1), units(1, seed=2)
    [score] = max_sim(packing.pack_query(query), [packing.pack_passage(one)])
    assert score == pytest.approx(exact(query, one), abs=0.01)


def test_250_tokens_take_at_most_8_kilobytes():
    assert len(packing.pack_passage(units(250))) <= 8_000


def test_a_passage_without_vectors_has_no_score_and_keeps_its_place():
    query = packing.pack_query(units(2))
    scores = max_sim(query, [b"", packing.pack_passage(units(3)), b""])
    assert scores[0] == scores[2] == NO_SCORE
    assert scores[1] > 0
    assert max_sim(b"", [packing.pack_passage(units(3))]) == [NO_SCORE]
    assert packing.pack_passage(units(0)) == packing.pack_query(units(0)) == b""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: b"\x09" + packed[1:],
        lambda packed: packed[:1] + b"\x00\x00" + packed[3:],
        lambda _: b"\x01",
    ],
)
def test_bytes_of_another_form_are_permanent_errors(spoil):
    packed = packing.pack_passage(units(4))
    with pytest.raises(Permanent, match="embed the document again"):
        max_sim(packing.pack_query(units(2)), [spoil(packed)])
