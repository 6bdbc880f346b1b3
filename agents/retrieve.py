"""Retrieve: find the passages that may answer a query, and say how sure it is that they do.

Words and vectors each name candidates. Their scores share no scale, so they are standardised over
the candidates and added; the best of them are scored again by late interaction (every token of the
query looks for its best match in the passage), which is added in the same way. Then the tail far
below the best is dropped and so are copies, what is alike gives way (MMR), and what remains is
fitted to a token budget.

Why it is so: the chat model must not decide whether the documents hold an answer, it can't. The
relevance of the best of the passages that were fetched does, read from late interaction, which
holds across questions much better than word or vector scores do, and from the text.

Where nobody can embed the query, words alone name and rank the candidates, and relevance is read
from the share of the question's words that a passage holds. Its threshold was set on 120 questions
of SQuAD 2 and 250 passages of other titles: 21 % false abstentions, 2 % false answers, where 0.75
of the words gave 41 % and none.

A search shows the reader a ranking instead of feeding a prompt: it is never empty for lack of
relevance, keeps copies and has no token budget.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.patience import patient
from agents.prompting import unify
from agents.ranking import (
    blended,
    diversified,
    fitted,
    order,
    square,
)
from agents.relevance import held, relevance
from schemas import (
    Candidate,
    ChunksRetrieved,
    Embed,
    Embedded,
    Fetch,
    Found,
    Now,
    QueryRewritten,
    Rerank,
    Search,
)


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


async def retrieve(event: QueryRewritten, fx: Effects) -> AsyncIterator[ChunksRetrieved]:
    """Search, rerank, choose and fetch; a refused question passes through."""
    refused = event.outcome == "refused"
    nothing = ChunksRetrieved(
        outcome="refused" if refused else "empty",
        reason=event.reason if refused else "",
        subject=event.subject,
        question=event.question,
        query=event.query,
        entries=event.entries,
        ask=event.ask,
        degraded=event.degraded,
    )
    if refused:
        yield nothing
        return
    configured, search = fx.configuration, event.ask.mode == "search"
    wordings = event.wordings or (event.query,)
    embedded = await _embedded(event, wordings, fx)
    if not embedded.vectors:
        nothing = replace(nothing, degraded=(*event.degraded, "embed"))
    found = await _found(event, wordings, embedded, fx)
    nothing = replace(nothing, index=found[0].index, position=found[0].position)
    first = _first(found, configured["first"])
    if not first.chunks:
        yield nothing
        return
    ranking, late = await _reranked(event, first, embedded, fx)
    if late:
        nothing = replace(nothing, degraded=(*nothing.degraded, "rerank"))
    limit = max(1, event.ask.passages_max)
    ranking = (
        ranking.picked(range(min(limit, len(ranking.chunks))))
        if search
        else _chosen(ranking, limit, configured)
    )
    fetched = await fx(Fetch(chunks=ranking.chunks, as_of=event.ask.as_of))
    kind = ("late" if ranking.late else "dense") if embedded.vectors else "words"
    sure = _sure(
        replace(nothing, passages=fetched.passages), ranking, configured["relevance"][kind]
    )
    nothing = replace(nothing, relevance=sure)
    scores = dict(zip(ranking.chunks, ranking.scores, strict=True))
    passages = [replace(passage, score=scores[passage.chunk]) for passage in fetched.passages]
    if not search:
        if sure < configured["relevance"]["threshold"]:
            passages = []
        passages = fitted(passages, lambda passage: passage.tokens, configured["budget_tokens"])
    if not passages:  # nothing relevant, or retired since the search
        yield nothing
        return
    yield replace(nothing, outcome="retrieved", passages=tuple(passages))


async def _embedded(event: QueryRewritten, wordings: Sequence[str], fx: Effects) -> Embedded:
    """Embed the wordings; without vectors where the embedder stays away.

    A configuration without patience, as that of 0.1.0, leaves it to the runner to try again.
    """
    try:
        return await fx(Embed(texts=tuple(wordings), kind="query", token_vectors=True))
    except Transient:
        configured = fx.configuration
        if "patience_ms" not in configured or await patient(event, fx, configured):
            raise
    return Embedded(vectors=(), model="", dimensions=0)


async def _found(
    event: QueryRewritten, wordings: Sequence[str], embedded: Embedded, fx: Effects
) -> tuple[Found, ...]:
    """Search for each wording."""
    entities = tuple(sorted({entry.digest for entry in event.entries}))
    return await fx.gather(
        *(
            Search(
                text=text,
                vector=vector,
                entities=entities,
                filters=event.ask.filters,
                groups=event.ask.groups,
                limit=fx.configuration["candidates"],
                as_of=event.ask.as_of,
            )
            for text, vector in zip(
                wordings, embedded.vectors or [b""] * len(wordings), strict=True
            )
        )
    )


def _first(found: Sequence[Found], weights: Mapping[str, float]) -> Ranking:
    """Rank by words and vectors; of several wordings, each chunk keeps its best scores."""
    best: dict[str, Candidate] = {}
    for candidate in (candidate for result in found for candidate in result.candidates):
        other = best.get(candidate.chunk)
        best[candidate.chunk] = (
            candidate
            if other is None
            else replace(
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


async def _reranked(
    event: QueryRewritten, first: Ranking, embedded: Embedded, fx: Effects
) -> tuple[Ranking, bool]:
    """Add late interaction for the best; without it where time is short or the index can't.

    Returns the ranking, and whether reranking was left out.
    """
    configured = fx.configuration
    pool = first.picked(range(min(configured["reranked"], len(first.chunks))))
    if event.ask.deadline:
        now = await fx(Now())
        if event.ask.deadline - now.at < configured["reserve_ms"] * 1000:
            return pool, True
    if not embedded.token_vectors or not embedded.token_vectors[0]:
        return pool, True
    request = Rerank(query=embedded.token_vectors[0], model=embedded.model, chunks=pool.chunks)
    try:
        answer = await fx(request)
    except (Transient, Permanent):  # a ranking by words and vectors beats none
        return pool, True
    # -1 stands for a chunk of another model: it keeps its place by the other scores
    late = _lifted(answer.scores)
    if max(answer.scores) <= -1:
        return pool, True
    weights = configured["final"]
    columns = [
        (weights["lexical"], pool.lexical),
        (weights["dense"], pool.dense),
        (weights["late"], late),
    ]
    similarities = square(answer.similarities, len(pool.chunks)) if answer.similarities else []
    ranking = dataclasses.replace(
        pool,
        late=late,
        scores=tuple(blended(columns)),
        similarities=tuple(tuple(row) for row in similarities),
    )
    return ranking.picked(order(ranking.chunks, ranking.scores)), False


def _lifted(scores: Sequence[float]) -> tuple[float, ...]:
    lowest = min((score for score in scores if score > -1), default=0.0)
    return tuple(score if score > -1 else lowest for score in scores)


def _chosen(ranking: Ranking, limit: int, configured: Mapping[str, Any]) -> Ranking:
    """Choose what a prompt should hold: not far below the best, no copies, unlike each other."""
    best = max(ranking.similarity)
    ranking = ranking.picked(
        [i for i, value in enumerate(ranking.similarity) if value >= best - configured["gap"]]
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


def _sure(found: ChunksRetrieved, ranking: Ranking, calibration: Mapping[str, float]) -> float:
    """Return the relevance of the most relevant passage; 0 where there is none."""
    similarity = dict(zip(ranking.chunks, ranking.similarity, strict=True))
    return max(
        (
            relevance(similarity[passage.chunk], held(found.query, passage.text), calibration)
            for passage in unify(found).passages
        ),
        default=0.0,
    )
