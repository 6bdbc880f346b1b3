"""Retrieve: find the passages that may answer a query, and say how sure it is that they do.

Words and vectors each name candidates. Their scores share no scale, so they are standardised over
the candidates and added; the best of them are scored again by late interaction (every token of the
query looks for its best match in the passage), which is added in the same way. Then the tail far
below the best is dropped and so are copies, what is alike gives way (MMR), and what remains is
fitted to a token budget, to which the chunks beside small ones are added.

Why it is so: the chat model must not decide whether the documents hold an answer, it can't. The
relevance of the best of the passages that were fetched does, read from late interaction, which
holds across questions much better than word or vector scores do, and from the text.

Where nobody can embed the query, words alone name and rank the candidates, and relevance is read
from the share of the question's words that a passage holds. Its threshold was set on 120 questions
of SQuAD 2 and 250 passages of other titles: 21 % false abstentions, 2 % false answers, where 0.75
of the words gave 41 % and none.

What a tenant calls by several names stands in a dictionary (`agents.dictionaries`): words of the
others are searched as well, and count as held.

A search shows the reader a ranking instead of feeding a prompt: it is never empty for lack of
relevance, keeps copies and has no token budget. Behind what was reranked it shows the candidates
that were not: recall at 100 on three sets is .95, .75 and .94 in place of .95, .63 and .72.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from agents.arms import told
from agents.asked import hold_to_bounds
from agents.candidates import Ranking, chosen, followed, ranked, reranked
from agents.changes import FIRST_STAYS, WHOLE_RANKINGS
from agents.dictionaries import Dictionary, NamedWording, dictionary_of
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.patience import patient
from agents.policies.read_gate import WIDER, WIDER_MAX, ReadGate, read_gate
from agents.prompting import unify
from agents.relevance import held, relevance
from agents.scoring import within_budget
from schemas import (
    ChunksRetrieved,
    Embed,
    Embedded,
    Fetch,
    FetchAdjacent,
    Found,
    Now,
    Passage,
    QueryRewritten,
    Rerank,
    Search,
)


async def retrieve(event: QueryRewritten, fx: Effects) -> AsyncIterator[ChunksRetrieved]:
    """Search, rerank, choose and fetch; a refused question and small talk pass through."""
    nothing = ChunksRetrieved(
        outcome="empty",
        subject=event.subject,
        question=event.question,
        query=event.query,
        entries=event.entries,
        ask=event.ask,
        degraded=event.degraded,
        language=event.language,
        exchanges=event.exchanges,
    )
    nothing = replace(nothing, **told(fx.configuration))
    if event.outcome in {"refused", "small_talk"}:
        yield replace(nothing, outcome=event.outcome, reason=event.reason)
        return
    configured = fx.configuration
    hold_to_bounds(event.ask, configured.get("asked_max", {}))
    gate = read_gate(event, fx)
    if refusal := gate.refusal():
        yield replace(nothing, outcome="refused", reason=refusal, policies=gate.decisions())
        return
    wordings = event.wordings or (event.query,)
    embedded = await _embedded(event, wordings, fx)
    if not embedded.vectors:
        nothing = replace(nothing, degraded=(*event.degraded, "embed"))
    results = await _readable(event, wordings, embedded, gate, fx)
    nothing = replace(nothing, index=results[0].index, position=results[0].position)
    nothing = replace(nothing, policies=gate.decisions())
    first = ranked(results, configured["first"])
    if not first.chunks:
        yield nothing
        return
    pool = first.picked(range(min(configured["reranked"], len(first.chunks))))
    ranking = await _reranked(event, pool, embedded, fx)
    if ranking is None:
        ranking, nothing = pool, replace(nothing, degraded=(*nothing.degraded, "rerank"))
    behind = first.picked(range(len(pool.chunks), len(first.chunks)))
    ranking = _limited(event, ranking, behind, fx)
    generation = _generation(fx)
    fetched = await fx(Fetch(chunks=ranking.chunks, as_of=event.ask.as_of, generation=generation))
    kind = ("late" if ranking.late else "dense") if embedded.vectors else "words"
    fetched_too = replace(nothing, passages=fetched.passages)
    named = dictionary_of(configured.get("dictionary"), event.meta.tenant)
    wording, sure = _sure(fetched_too, ranking, configured["relevance"][kind], named)
    nothing = replace(nothing, query=wording.text, renamed=wording.renamed, relevance=sure)
    passages = _shown(nothing, fetched.passages, ranking, fx)
    if not passages:  # nothing relevant, or retired since the search
        yield nothing
        return
    passages = await _with_neighbours(event, passages, fx)
    yield replace(nothing, outcome="retrieved", passages=gate.classed(passages))


def _generation(fx: Effects) -> int:
    """Return the generation of the index that is configured; 0 for the one in force.

    One goes with an embedder, and both stand in one value: so no run searches a generation with
    the vectors of another one's embedder.
    """
    generation: int = _index_of(fx).get("generation", 0)
    return generation


def _index_of(fx: Effects) -> Mapping[str, Any]:
    return fx.configuration.get("index") or {}


async def _embedded(event: QueryRewritten, wordings: Sequence[str], fx: Effects) -> Embedded:
    """Embed the wordings; without vectors where the embedder stays away.

    A configuration without patience, as that of 0.1.0, leaves it to the runner to try again.
    """
    try:
        return await fx(
            Embed(
                texts=tuple(wordings),
                kind="query",
                token_vectors=True,
                embedder=_index_of(fx).get("embedder", ""),
            )
        )
    except Transient:
        configured = fx.configuration
        if "patience_ms" not in configured or await patient(event, fx, configured):
            raise
    return Embedded(vectors=(), model="", dimensions=0)


async def _readable(
    event: QueryRewritten,
    wordings: Sequence[str],
    embedded: Embedded,
    gate: ReadGate,
    fx: Effects,
) -> tuple[Found, ...]:
    """Search for what the reader may see; once more, for more, where too much of it is denied."""
    configured = fx.configuration
    limit = configured["candidates"]
    while True:
        found = await _searched(event, wordings, embedded, fx, limit, described=gate.described)
        results = await gate.sifted(found, fx)
        left = {one.chunk for result in results for one in result.candidates}
        wider = min(limit * WIDER, WIDER_MAX)
        if (
            results == found
            or len(left) >= configured["reranked"]
            or wider <= limit
            or all(len(result.candidates) < limit for result in found)
        ):
            return results
        limit = wider


async def _searched(
    event: QueryRewritten,
    wordings: Sequence[str],
    embedded: Embedded,
    fx: Effects,
    limit: int,
    *,
    described: bool,
) -> tuple[Found, ...]:
    """Search for each wording."""
    entities = tuple(sorted({entry.digest for entry in event.entries}))
    named = dictionary_of(fx.configuration.get("dictionary"), event.meta.tenant)
    return await fx.gather(
        *(
            Search(
                text=named.expanded(text),
                vector=vector,
                entities=entities,
                filters=event.ask.filters,
                groups=event.ask.groups,
                limit=limit,
                as_of=event.ask.as_of,
                described=described,
                generation=_generation(fx),
            )
            for text, vector in zip(
                wordings, embedded.vectors or [b""] * len(wordings), strict=True
            )
        )
    )


async def _reranked(
    event: QueryRewritten, pool: Ranking, embedded: Embedded, fx: Effects
) -> Ranking | None:
    """Add late interaction; None where time is short or the index can't."""
    configured = fx.configuration
    if event.ask.deadline:
        now = await fx(Now())
        if event.ask.deadline - now.at < configured["reserve_ms"] * 1000:
            return None
    if not embedded.token_vectors or not embedded.token_vectors[0]:
        return None
    request = Rerank(
        query=embedded.token_vectors[0],
        model=embedded.model,
        chunks=pool.chunks,
        generation=_generation(fx),
    )
    try:
        answer = await fx(request)
    except (Transient, Permanent):  # a ranking by words and vectors beats none
        return None
    return reranked(pool, answer, configured["final"])


def _limited(event: QueryRewritten, ranking: Ranking, behind: Ranking, fx: Effects) -> Ranking:
    """Keep as many as were asked for; a prompt, unlike a search, wants them unlike each other."""
    limit = max(1, event.ask.passages_max)
    if event.ask.mode == "search":
        if fx.has(WHOLE_RANKINGS):
            ranking = followed(ranking, behind)
        return ranking.picked(range(min(limit, len(ranking.chunks))))
    return chosen(ranking, limit, fx.configuration, first_stays=fx.has(FIRST_STAYS))


def _shown(
    retrieved: ChunksRetrieved, passages: Sequence[Passage], ranking: Ranking, fx: Effects
) -> tuple[Passage, ...]:
    """Give passages their scores; of those for a prompt keep what is relevant and fits it."""
    configured = fx.configuration
    scores = dict(zip(ranking.chunks, ranking.scores, strict=True))
    scored = [replace(passage, score=scores[passage.chunk]) for passage in passages]
    if retrieved.ask.mode != "search":
        if retrieved.relevance < configured["relevance"]["threshold"]:
            return ()
        budget = configured["budget_tokens"]
        scored = within_budget(scored, lambda passage: passage.tokens, budget)
    return tuple(scored)


async def _with_neighbours(
    event: QueryRewritten, passages: tuple[Passage, ...], fx: Effects
) -> tuple[Passage, ...]:
    """Show a prompt, behind the passages, what stands beside small ones, as far as it fits.

    What is small is found exactly and says little. A configuration without `window`, as that of
    0.1.0, shows none, and an index that is away takes nothing from what was found.
    """
    window: Mapping[str, int] | None = fx.configuration.get("window")
    if not window or event.ask.mode == "search":
        return passages
    small = [passage.chunk for passage in passages if passage.tokens < window["tokens"]]
    if not small:
        return passages
    chosen = tuple(small[: window["passages"]])
    try:
        request = FetchAdjacent(chunks=chosen, as_of=event.ask.as_of, generation=_generation(fx))
        beside = await fx(request)
    except (Transient, Permanent):
        return passages
    shown = {passage.chunk for passage in passages}
    # another version, visible since the search, may be one that this reader must not see
    versions = {(passage.document, passage.version) for passage in passages}
    more = [
        passage
        for passage in beside.passages
        if passage.chunk not in shown and (passage.document, passage.version) in versions
    ]
    budget = fx.configuration["budget_tokens"]
    kept = within_budget((*passages, *more), lambda passage: passage.tokens, budget)
    return tuple(kept)


def _sure(
    retrieved: ChunksRetrieved,
    ranking: Ranking,
    calibration: Mapping[str, float],
    named: Dictionary,
) -> tuple[NamedWording, float]:
    """Return the wording that passages hold most of, and the relevance of the most relevant one.

    That is 0 where there is none. The wording is the query's own unless a dictionary has others:
    answers are looked for, and refused, by the names that the documents use.
    """
    similarity = dict(zip(ranking.chunks, ranking.similarity, strict=True))
    passages = unify(retrieved).passages
    sure = [
        (
            max(
                (
                    relevance(similarity[one.chunk], held(wording.text, one.text), calibration)
                    for one in passages
                ),
                default=0.0,
            ),
            wording,
        )
        for wording in named.wordings(retrieved.query)
    ]
    best, wording = max(sure, key=lambda one: one[0])  # of equal ones the first
    return wording, best
