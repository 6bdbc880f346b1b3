"""Candidates: ranking by words and vectors, late interaction, and what is worth showing."""

import array

import pytest

from agents.candidates import Ranking, chosen, followed, ranked, reranked
from schemas import Candidate, Found, Reranked

EVEN = {"lexical": 1.0, "dense": 1.0, "late": 1.0}
CONFIGURED = {"gap": 0.1, "diversity": {"weight": 0.6, "copy": 0.98}}


def a_ranking(**fields):
    """Three chunks, the best first."""
    values = {
        "chunks": ("a", "b", "c"),
        "lexical": (3.0, 2.0, 1.0),
        "dense": (0.9, 0.8, 0.7),
        "late": (),
        "scores": (3.0, 2.0, 1.0),
    }
    return Ranking(**{**values, **fields})


def results(*rows):
    """One result a row: chunk -> (lexical, dense)."""
    return [
        Found(
            candidates=tuple(
                Candidate(chunk=chunk, document="d", score=0.0, lexical=lexical, dense=dense)
                for chunk, (lexical, dense) in row.items()
            ),
            index="i",
            position=0,
        )
        for row in rows
    ]


def matrix(*rows):
    return array.array("f", [number for row in rows for number in row]).tobytes()


def test_words_and_vectors_count_by_their_weights():
    row = {"words": (9.0, 0.1), "vector": (1.0, 0.9)}
    assert ranked(results(row), {"lexical": 2.0, "dense": 1.0}).chunks == ("words", "vector")
    assert ranked(results(row), {"lexical": 1.0, "dense": 2.0}).chunks == ("vector", "words")


def test_ties_go_by_the_chunks_id_in_whatever_order_they_were_found():
    row = {"b": (1.0, 0.5), "c": (1.0, 0.5), "a": (1.0, 0.5)}
    assert ranked(results(row), EVEN).chunks == ("a", "b", "c")


def test_of_several_wordings_each_chunk_keeps_its_best_scores():
    ranking = ranked(
        results({"a": (1.0, 0.9), "b": (5.0, 0.1)}, {"a": (2.0, 0.2)}, {"b": (4.0, 0.3)}), EVEN
    )
    by_chunk = dict(
        zip(ranking.chunks, zip(ranking.lexical, ranking.dense, strict=True), strict=True)
    )
    assert by_chunk == {"a": (2.0, 0.9), "b": (5.0, 0.3)}


def test_no_result_is_an_empty_ranking():
    assert ranked(results({}, {}), EVEN).chunks == ()


def test_picking_keeps_every_column_together():
    ranking = a_ranking(late=(0.3, 0.2, 0.1), similarities=((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    assert ranking.picked([2, 0]) == Ranking(
        chunks=("c", "a"),
        lexical=(1.0, 3.0),
        dense=(0.7, 0.9),
        late=(0.1, 0.3),
        scores=(1.0, 3.0),
        similarities=((9, 7), (3, 1)),
    )
    assert a_ranking().picked([1]).late == a_ranking().picked([1]).similarities == ()


def test_relevance_is_read_from_late_interaction_where_there_is_some():
    assert a_ranking().similarity == (0.9, 0.8, 0.7)
    assert a_ranking(late=(0.1, 0.2, 0.3)).similarity == (0.1, 0.2, 0.3)


def test_late_interaction_can_turn_the_order_round():
    ranking = reranked(a_ranking(), Reranked(scores=(0.1, 0.2, 0.9)), {**EVEN, "late": 9.0})
    assert ranking.chunks == ("c", "b", "a")
    assert ranking.late == (0.9, 0.2, 0.1)
    assert ranking.similarities == ()


def test_similarities_follow_their_chunks():
    near = matrix((1.0, 0.5, 0.25), (0.5, 1.0, 0.75), (0.25, 0.75, 1.0))
    answer = Reranked(scores=(0.1, 0.2, 0.9), similarities=near)
    ranking = reranked(a_ranking(), answer, {**EVEN, "late": 9.0})
    assert ranking.similarities == ((1.0, 0.75, 0.25), (0.75, 1.0, 0.5), (0.25, 0.5, 1.0))


@pytest.mark.parametrize(
    ("scores", "late"),
    [
        ((0.5, -1.0, 0.2), (0.5, 0.2, 0.2)),
        ((-1.0, -1.0, 0.2), (0.2, 0.2, 0.2)),
        ((0.5, -0.99, -1.0), (0.5, -0.99, -0.99)),
    ],
)
def test_a_chunk_of_another_model_counts_as_the_least_relevant_of_the_others(scores, late):
    ranking = reranked(a_ranking(), Reranked(scores=scores), EVEN)
    assert dict(zip(ranking.chunks, ranking.late, strict=True)) == dict(
        zip("abc", late, strict=True)
    )


@pytest.mark.parametrize("scores", [(-1.0, -1.0, -1.0), (-1.5, -1.0, -2.0)])
def test_chunks_of_another_model_alone_are_not_reranked(scores):
    assert reranked(a_ranking(), Reranked(scores=scores), EVEN) is None


def test_what_is_far_below_the_best_is_dropped_and_what_lies_at_the_gap_kept():
    ranking = a_ranking(dense=(0.75, 0.5, 0.25))
    assert chosen(ranking, 9, {**CONFIGURED, "gap": 0.25}).chunks == ("a", "b")
    assert chosen(ranking, 9, {**CONFIGURED, "gap": 0.5}).chunks == ("a", "b", "c")
    assert chosen(ranking, 1, {**CONFIGURED, "gap": 0.5}).chunks == ("a",)


@pytest.mark.parametrize(("first_stays", "chunks"), [(True, ("a", "b")), (False, ("b",))])
def test_the_first_of_the_ranking_stays_though_late_interaction_finds_another_better(
    first_stays, chunks
):
    ranking = a_ranking(late=(0.5, 0.75, 0.5))
    assert chosen(ranking, 9, CONFIGURED, first_stays=first_stays).chunks == chunks


@pytest.mark.parametrize(("near", "chunks"), [(0.98, ("a",)), (0.97, ("a", "b"))])
def test_a_chunk_as_like_a_better_one_as_a_copy_is_left_out(near, chunks):
    ranking = a_ranking(
        chunks=("a", "b"),
        lexical=(1.0, 1.0),
        dense=(0.9, 0.9),
        scores=(1.0, 1.0),
        similarities=((1.0, near), (near, 1.0)),
    )
    assert chosen(ranking, 9, CONFIGURED).chunks == chunks


def test_a_copy_of_what_was_left_out_may_stay():
    # b is a copy of a, c one of b but not of a
    near = ((1.0, 0.99, 0.5), (0.99, 1.0, 0.99), (0.5, 0.99, 1.0))
    ranking = a_ranking(dense=(0.9, 0.9, 0.9), similarities=near)
    assert chosen(ranking, 9, CONFIGURED).chunks == ("a", "c")


def test_what_was_not_reranked_stands_behind_in_its_order_with_lower_scores():
    behind = a_ranking(chunks=("d", "e", "f"), scores=(9.0, 8.5, 8.0))
    ranking = followed(a_ranking(late=(0.8, 0.7, 0.6), similarities=((1.0,) * 3,) * 3), behind)
    assert ranking.chunks == ("a", "b", "c", "d", "e", "f")
    assert ranking.scores == (3.0, 2.0, 1.0, 0.0, -0.5, -1.0)
    assert ranking.late == (0.8, 0.7, 0.6, -1.0, -1.0, -1.0)
    assert ranking.lexical == (3.0, 2.0, 1.0) * 2
    assert ranking.dense == (0.9, 0.8, 0.7) * 2
    assert ranking.picked(range(6)) == ranking


def test_behind_a_ranking_without_late_interaction_there_is_none_either():
    assert followed(a_ranking(), a_ranking(chunks=("d", "e", "f"))).late == ()


def test_nothing_behind_changes_nothing():
    ranking = a_ranking(late=(0.8, 0.7, 0.6), similarities=((1.0,) * 3,) * 3)
    assert followed(ranking, ranking.picked(())) == ranking
