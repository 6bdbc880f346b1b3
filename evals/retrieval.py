"""Retrieval: does a search over the running system find what judges held for right?

Figures are those of `rankings`, by query; beside keywords, beside the same searches without
reranking where that is asked for, and beside a stored run of the same queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.client.gateway_client import connect
from evals.answering_sets import RUN, Counting
from evals.bootstrap import Floats, Statistic, mean_of, statistic_of
from evals.outcome import OURS, SetOutcome
from evals.over_gateway import SetOverGateway, TimedRanking, tenant_of
from evals.rankings import RECALLS, ndcg, recall, reciprocal_rank
from evals.retrieval_set import RetrievalSet, SetQuery
from evals.step_alone import in_force
from evals.stored_runs import StoredRun
from infra.demo.stack import demo_stack
from streams.settings import Settings

BM25 = "BM25"
NOT_RERANKED = "not reranked"
LIFT = "rerank lift"
TOOK = "search ms"
TOOK_AT = {"p50": 50, "p95": 95}


@dataclass(frozen=True)
class RetrievalWish:
    """What is to be searched, and how."""

    sets: Sequence[RetrievalSet]
    seed: int
    depth: int
    at_once: int
    run: Path | None
    lift: bool = False
    """Whether to search again with so little time that nothing is reranked."""
    against: StoredRun | None = None


def evaluate_retrieval(wish: RetrievalWish, counting: Counting) -> list[SetOutcome]:
    """Search a stack, started if need be."""
    with demo_stack((wish.run or RUN).resolve(), stop=True) as stack:
        return [_searched_over(stack.settings, one, wish, counting) for one in wish.sets]


def _searched_over(
    settings: Settings, one: RetrievalSet, wish: RetrievalWish, counting: Counting
) -> SetOutcome:
    tenant = tenant_of(one.documents)
    over = SetOverGateway(connect(settings, tenant), tenant, wish.at_once)
    with counting(f"{one.name}: documents") as advance:
        failed = over.submit(one.documents, advance(len(one.documents)))
    queries = {query.id: query.text for query in one.queries}
    with counting(f"{one.name}: queries") as advance:
        found = over.rankings(queries, wish.depth, advance(len(queries)))
    systems: dict[str, Mapping[str, Sequence[str]]] = {
        OURS: _documents(found),
        BM25: one.by_keywords(),
    }
    outcome = ranking_outcome(one, systems, wish.seed)
    outcome.counts["documents failed"] = failed
    outcome.notes.append(f"tenant {tenant}")
    add_times(outcome, found)
    if wish.lift:
        # with no more time than it holds back, the step leaves reranking out
        budget_ms = in_force("retrieve", {}).values["reserve_ms"]
        with counting(f"{one.name}: queries, not reranked") as advance:
            plain = over.rankings(queries, wish.depth, advance(len(queries)), budget_ms)
        add_lift(outcome, one, _documents(plain))
    if wish.against is not None:
        wish.against.add_changes(outcome, compared_figures(outcome))
    return outcome


def _documents(found: Mapping[str, TimedRanking]) -> dict[str, tuple[str, ...]]:
    return {identity: ranking.documents for identity, ranking in found.items()}


def ranking_outcome(
    one: RetrievalSet, by_system: Mapping[str, Mapping[str, Sequence[str]]], seed: int
) -> SetOutcome:
    """Say what the rankings of each system are worth."""
    outcome = SetOutcome(one.name, len(one.queries), seed=seed)
    outcome.counts["documents"] = len(one.documents)
    for system, rankings in by_system.items():
        figures = _figures(one.queries, rankings)
        for name, column in figures.items():
            outcome.add(name, system, mean_of(list(column.values()), seed=seed))
        if system == OURS:
            outcome.by_row.update(figures)
    return outcome


def _figures(
    queries: Sequence[SetQuery], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Say of each query what its ranking is worth; nothing where there is none."""
    pairs = {query.id: (rankings.get(query.id, ()), query.grades) for query in queries}
    return {
        "nDCG@10": {one: ndcg(*pair) for one, pair in pairs.items()},
        "MRR@10": {one: reciprocal_rank(*pair) for one, pair in pairs.items()},
        **{
            f"recall@{depth}": {one: recall(*pair, depth) for one, pair in pairs.items()}
            for depth in RECALLS
        },
    }


def add_times(outcome: SetOutcome, found: Mapping[str, TimedRanking]) -> None:
    """Add how long searches took; on a busy machine that tells more of the machine."""
    outcome.by_row[TOOK] = {one: ranking.took_ms for one, ranking in found.items()}
    column = list(outcome.by_row[TOOK].values())
    for name, rank in TOOK_AT.items():
        estimate = statistic_of(_percentile(rank), column, seed=outcome.seed)
        outcome.add(f"{TOOK}, {name}", OURS, estimate)


def add_lift(outcome: SetOutcome, one: RetrievalSet, rankings: Mapping[str, Sequence[str]]) -> None:
    """Add what reranking is worth, by the queries that were answered both ways."""
    both = [query for query in one.queries if query.id in rankings]
    outcome.counts["not reranked in time"] = len(one.queries) - len(both)
    if not both:
        outcome.notes.append("no query was answered in time without reranking: no lift is known")
        return
    for name, plain in _figures(both, rankings).items():
        seed, ours = outcome.seed, outcome.by_row[name]
        outcome.add(name, NOT_RERANKED, mean_of(list(plain.values()), seed=seed))
        gains = [ours[query] - value for query, value in plain.items()]
        outcome.add(name, LIFT, mean_of(gains, seed=seed))


def compared_figures(outcome: SetOutcome) -> dict[str, tuple[Statistic, tuple[str, ...]]]:
    """Name what is compared with a stored run: means of rows, and percentiles of times."""
    means = {name: (_mean, (name,)) for name in outcome.by_row if name != TOOK}
    times = {
        f"{TOOK}, {name}": (_percentile(rank), (TOOK,))
        for name, rank in TOOK_AT.items()
        if TOOK in outcome.by_row
    }
    return {**means, **times}


def _mean(column: Floats) -> float:
    return float(column.mean())


def _percentile(rank: int) -> Statistic:
    return lambda column: float(np.percentile(column, rank))
