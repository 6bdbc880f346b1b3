"""Retrieval: does a search over the running system find what judges held for right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.client.gateway_client import connect
from evals.answering_sets import RUN, Counting
from evals.bootstrap import mean_of
from evals.outcome import OURS, SetOutcome
from evals.over_gateway import SetOverGateway, tenant_of
from evals.rankings import RECALLS, ndcg, recall, reciprocal_rank
from evals.retrieval_set import RetrievalSet, SetQuery
from infra.demo.stack import demo_stack
from streams.settings import Settings

BM25 = "BM25"


@dataclass(frozen=True)
class RetrievalWish:
    """What is to be searched, and how."""

    sets: Sequence[RetrievalSet]
    seed: int
    depth: int
    at_once: int
    run: Path | None


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
    outcome = ranking_outcome(one, {OURS: found, BM25: one.by_keywords()}, wish.seed)
    outcome.counts["documents failed"] = failed
    outcome.notes.append(f"tenant {tenant}")
    return outcome


def ranking_outcome(
    one: RetrievalSet, by_system: Mapping[str, Mapping[str, Sequence[str]]], seed: int
) -> SetOutcome:
    """Say what the rankings of each system are worth."""
    outcome = SetOutcome(one.name, len(one.queries))
    outcome.counts["documents"] = len(one.documents)
    for system, rankings in by_system.items():
        pairs = [(query, rankings.get(query.id, ())) for query in one.queries]
        _add_rankings(outcome, system, pairs, seed)
    return outcome


def _add_rankings(
    outcome: SetOutcome, system: str, pairs: Sequence[tuple[SetQuery, Sequence[str]]], seed: int
) -> None:
    values = {
        "nDCG@10": [ndcg(ranking, query.grades) for query, ranking in pairs],
        "MRR@10": [reciprocal_rank(ranking, query.grades) for query, ranking in pairs],
        **{
            f"recall@{depth}": [recall(ranking, query.grades, depth) for query, ranking in pairs]
            for depth in RECALLS
        },
    }
    for name, column in values.items():
        outcome.add(name, system, mean_of(column, seed=seed))
