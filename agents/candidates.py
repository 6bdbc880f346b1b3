"""Candidates: the chunks that a search named, ranked, and those of them that are worth showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from agents.scoring import DECIMALS, blended, diversified, order, square
from schemas import Candidate, Found, Reranked


@dataclass(frozen=True)
class Ranking:
    """Candidates, best first."""

    chunks: tuple[str, ...]
    lexical: tuple[float, ...]
    dense: tuple[float, ...]
    late: tuple[float, ...]
    """Late interaction; empty where that was skipped."""
    scores: tuple[float, ...]
    similarities: tuple[tuple[float, ...], ...] = ()
    """Cosine of each chunk with each; empty where reranking was skipped."""

    def picked(self, positions: Sequence[int]) -> Ranking:
        """Return only these, in this order."""
        return Ranking(
            chunks=tuple(self.chunks[i] for i in positions),
            lexical=tuple(self.lexical[i] for i in positions),
            dense=tuple(self.dense[i] for i in positions),
            late=tuple(self.late[i] for i in positions) if self.late else (),
            scores=tuple(self.scores[i] for i in positions),
            similarities=tuple(tuple(self.similarities[i][j] for j in positions) for i in positions)
            if self.similarities
            else (),
        )

    @property
    def similarity(self) -> tuple[float, ...]:
        """What relevance is read from."""
        return self.late or self.dense


def ranked(results: Sequence[Found], weights: Mapping[str, float]) -> Ranking:
    """Rank by words and vectors; of several wordings, each chunk keeps its best scores."""
    best: dict[str, Candidate] = {}
    for candidate in (candidate for result in results for candidate in result.candidates):
        other = best.get(candidate.chunk)
        best[candidate.chunk] = (
            candidate
            if other is None
            else structs.replace(
                candidate,
                dense=max(candidate.dense, other.dense),
                lexical=max(candidate.lexical, other.lexical),
            )
        )
    candidates = [best[chunk] for chunk in sorted(best)]
    chunks = tuple(candidate.chunk for candidate in candidates)
    dense = tuple(candidate.dense for candidate in candidates)
    lexical = tuple(candidate.lexical for candidate in candidates)
    scores = tuple(blended([(weights["lexical"], lexical), (weights["dense"], dense)]))
    ranking = Ranking(chunks=chunks, lexical=lexical, dense=dense, late=(), scores=scores)
    return ranking.picked(order(chunks, scores))


def reranked(pool: Ranking, answer: Reranked, weights: Mapping[str, float]) -> Ranking | None:
    """Add late interaction to a ranking; None where no chunk has a score of it.

    -1 stands for a chunk of another model: it keeps its place by the other scores.
    """
    if max(answer.scores) <= -1:
        return None
    late = _lifted(answer.scores)
    columns = [
        (weights["lexical"], pool.lexical),
        (weights["dense"], pool.dense),
        (weights["late"], late),
    ]
    similarities = square(answer.similarities, len(pool.chunks)) if answer.similarities else []
    ranking = replace(
        pool,
        late=late,
        scores=tuple(blended(columns)),
        similarities=tuple(tuple(row) for row in similarities),
    )
    return ranking.picked(order(ranking.chunks, ranking.scores))


def followed(ranking: Ranking, behind: Ranking) -> Ranking:
    """Put candidates that were not reranked, best first, behind those that were.

    Their scores are moved below: the two kinds share no scale. What late interaction says of them
    is -1, nothing.
    """
    if not behind.chunks:
        return ranking
    lower = ranking.scores[-1] - behind.scores[0] - 1.0
    return replace(
        ranking,
        chunks=ranking.chunks + behind.chunks,
        lexical=ranking.lexical + behind.lexical,
        dense=ranking.dense + behind.dense,
        late=ranking.late + (-1.0,) * len(behind.chunks) if ranking.late else (),
        scores=ranking.scores + tuple(round(score + lower, DECIMALS) for score in behind.scores),
        similarities=(),
    )


def _lifted(scores: Sequence[float]) -> tuple[float, ...]:
    lowest = min((score for score in scores if score > -1), default=0.0)
    return tuple(score if score > -1 else lowest for score in scores)


def chosen(
    ranking: Ranking, limit: int, configured: Mapping[str, Any], *, first_stays: bool = True
) -> Ranking:
    """Choose what a prompt should hold: not far below the best, no copies, unlike each other.

    Below the best of late interaction, which is not the first where words and vectors say
    otherwise: it misses a name that few passages hold. `first_stays` is
    `agents.changes.FIRST_STAYS`.
    """
    best = max(ranking.similarity)
    ranking = ranking.picked(
        [
            i
            for i, value in enumerate(ranking.similarity)
            if value >= best - configured["gap"] or (first_stays and i == 0)
        ]
    )
    if not ranking.similarities:
        return ranking.picked(range(min(limit, len(ranking.chunks))))
    diversity = configured["diversity"]
    kept: list[int] = []
    for i, similar in enumerate(ranking.similarities):
        if all(similar[j] < diversity["copy"] for j in kept):
            kept.append(i)
    ranking = ranking.picked(kept)
    return ranking.picked(
        diversified(
            ranking.scores, ranking.similarities, ranking.chunks, diversity["weight"], limit
        )
    )
