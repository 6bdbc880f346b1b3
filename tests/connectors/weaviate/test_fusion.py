"""Fusing two rankings: by rank alone, each chunk once, with the scores that it has."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.weaviate.fusion import DECIMALS, RRF_K, fuse
from connectors.weaviate.tenant_objects import ReadObject
from schemas import Candidate

QUERY = np.array([1.0, 0.0], np.float32)


def by_words(chunk, score=1.0, vector=(0.6, 0.8)):
    properties = {"chunk": chunk, "document": f"d-{chunk}"}
    packed = np.asarray(vector, "<f4").tobytes()
    return ReadObject("", properties, score=score, vector=packed)


def by_vector(chunk, distance=0.25):
    return ReadObject("", {"chunk": chunk, "document": f"d-{chunk}"}, distance=distance)


def scores(candidates):
    return {one.chunk: one.score for one in candidates}


@pytest.mark.parametrize(
    ("lexical", "dense", "expected"),
    [
        ("", "", {}),
        ("a", "", {"a": 1 / 61}),
        ("ab", "", {"a": 1 / 61, "b": 1 / 62}),
        ("ab", "b", {"b": 1 / 62 + 1 / 61, "a": 1 / 61}),
        ("aab", "", {"a": 1 / 61, "b": 1 / 62}),  # one chunk, two versions: it counts once
        ("", "aab", {"a": 1 / 61, "b": 1 / 62}),
    ],
)
def test_a_chunk_scores_by_its_ranks(lexical, dense, expected):
    fused = fuse([by_words(c) for c in lexical], [by_vector(c) for c in dense], QUERY, 99)
    assert scores(fused) == {chunk: round(score, DECIMALS) for chunk, score in expected.items()}
    assert [one.chunk for one in fused] == list(expected)


def test_each_candidate_has_the_scores_of_both_searches():
    lexical = [by_words("a", score=3.14159265, vector=(0.6, 0.8)), by_words("b", score=1.0)]
    [b, a, c] = fuse(lexical, [by_vector("b", 0.1), by_vector("c", 0.2)], QUERY, 99)
    assert (a.lexical, a.dense) == (3.141593, 0.6)  # its cosine, though only words found it
    assert (b.lexical, b.dense) == (1.0, 0.9)
    assert (c.lexical, c.dense) == (0.0, 0.8)
    assert c.document == "d-c"


def test_without_a_vector_there_is_no_cosine():
    [a] = fuse([by_words("a")], [], np.zeros(0, np.float32), 99)
    assert (a.dense, a.lexical) == (0.0, 1.0)


def test_ties_go_by_the_chunks_id():
    fused = fuse([by_words("b"), by_words("c")], [by_vector("c"), by_vector("b")], QUERY, 99)
    assert [one.chunk for one in fused] == ["b", "c"]


RANKING = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(RANKING, RANKING)
def test_candidates_are_distinct_best_first_and_leave_nobody_out(lexical, dense):
    fused = fuse([by_words(c) for c in lexical], [by_vector(c) for c in dense], QUERY, 99)
    assert fused == sorted(fused, key=lambda one: (-one.score, one.chunk))
    assert {one.chunk for one in fused} == {*lexical, *dense}
    assert len(fused) == len({one.chunk for one in fused})


@given(RANKING, RANKING)
def test_a_score_is_the_sum_over_first_places(lexical, dense):
    def share(chunk, ranking):
        distinct = list(dict.fromkeys(ranking))
        return 1 / (RRF_K + 1 + distinct.index(chunk)) if chunk in distinct else 0

    for one in fuse([by_words(c) for c in lexical], [by_vector(c) for c in dense], QUERY, 99):
        expected = share(one.chunk, lexical) + share(one.chunk, dense)
        assert one.score == pytest.approx(expected, abs=10**-DECIMALS)


def plainly_fused(lexical, dense, vector):
    """Fuse step by step: every chunk found by words has its cosine, until the other search names it."""
    words, cosines, documents, scores = {}, {}, {}, defaultdict(float)
    for item in lexical:
        chunk = item.properties["chunk"]
        if chunk not in words:
            words[chunk] = round(item.score, DECIMALS)
            documents[chunk] = item.properties["document"]
            scores[chunk] += 1 / (RRF_K + len(words))
            if vector.size:
                cosine = float(np.frombuffer(item.vector, "<f4") @ vector)
                cosines[chunk] = round(cosine, DECIMALS)
    ranked = set()
    for item in dense:
        chunk = item.properties["chunk"]
        if chunk not in ranked:
            ranked.add(chunk)
            cosines[chunk] = round(1 - item.distance, DECIMALS)
            documents[chunk] = item.properties["document"]
            scores[chunk] += 1 / (RRF_K + len(ranked))
    return [
        Candidate(
            chunk=chunk,
            document=documents[chunk],
            dense=cosines.get(chunk, 0.0),
            lexical=words.get(chunk, 0.0),
            score=round(scores[chunk], DECIMALS),
        )
        for chunk in sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    ]


FLOATS = st.floats(-1, 1, width=32)
FOUND = st.builds(
    lambda chunk, document, score, distance, vector: ReadObject(
        "",
        {"chunk": chunk, "document": document},
        score,
        distance,
        np.asarray(vector, "<f4").tobytes(),
    ),
    st.sampled_from(["", "a", "b", "B", "é", "aa"]),
    st.sampled_from("de"),
    st.floats(0, 40, width=32),
    FLOATS,
    st.tuples(FLOATS, FLOATS),
)


@given(st.lists(FOUND, max_size=9), st.lists(FOUND, max_size=9), st.booleans(), st.integers(0, 12))
def test_the_best_are_those_of_all_fused_step_by_step(lexical, dense, by_vector, limit):
    vector = np.array([0.8, 0.6], np.float32) if by_vector else np.zeros(0, np.float32)
    expected = plainly_fused(lexical, dense, vector)[:limit]
    assert fuse(lexical, dense, vector, limit) == expected
