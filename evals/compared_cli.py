"""`playhead eval retrieval` and `redaction`: verbs whose runs are compared with stored ones."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from evals.data_sets import Choice
from evals.verb_options import (
    any_run_option,
    at_once_option,
    counting,
    evaluated,
    html_option,
    report,
    set_options,
    stored_option,
)


@click.command()
@set_options
@stored_option
@html_option
@click.option(
    "--harmless",
    type=click.Path(exists=True, path_type=Path),
    help="Texts without personal data: what is replaced there is a false alarm.",
)
@any_run_option
def redaction(
    places: tuple[Path, ...],
    choice: Choice,
    harmless: Path | None,
    against: Path | None,
    html: Path | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """See which personal data of texts would stay readable; needs no stack.

    \b
    Example:
      playhead eval redaction --data sets/pii.jsonl --harmless sets/manuals.jsonl --limit 200
      playhead eval redaction --data sets/wikigold.jsonl --against before.json --html now.html
    """
    from evals.redaction import evaluate_redaction
    from evals.stored_runs import stored_run

    del run  # as for rewriting
    stored = None if against is None else stored_run(against, "redaction")
    evaluate = functools.partial(evaluate_redaction, harmless=harmless, against=stored)
    report("redaction", evaluated(places, choice, evaluate), choice, {}, as_json, html)


@click.command()
@set_options
@click.option(
    "--pool",
    type=click.IntRange(1, 10_000),
    help="Index only judged documents and so many that keywords rank first for each query.",
)
@click.option(
    "--depth",
    type=click.IntRange(1, 100),
    default=100,
    show_default=True,
    help="Passages asked for each query.",
)
@click.option(
    "--lift",
    is_flag=True,
    help="Search again with too little time to rerank, and say what reranking is worth.",
)
@stored_option
@html_option
@at_once_option
@any_run_option
def retrieval(
    places: tuple[Path, ...],
    choice: Choice,
    pool: int | None,
    depth: int,
    lift: bool,
    against: Path | None,
    html: Path | None,
    at_once: int,
    run: Path | None,
    as_json: bool,
) -> None:
    """Compare what a search finds with what judges held for right.

    Documents are handed in to a tenant of their own, and queries searched over the gateway; a stack
    that is not running is started, and stopped at the end.

    \b
    Example:
      playhead eval retrieval --data sets/scifact_dev --pool 20
      playhead eval retrieval --data sets/scifact_dev --json > before.json
      playhead eval retrieval --data sets/scifact_dev --against before.json --html now.html
    """
    from evals.retrieval import RetrievalWish, evaluate_retrieval
    from evals.retrieval_set import retrieval_set
    from evals.stored_runs import stored_run

    about = {"pool": pool, "depth": depth}
    stored = None if against is None else stored_run(against, "retrieval", about)
    sets = [retrieval_set(place, choice) for place in places]
    if pool is not None:
        sets = [one.pooled(pool) for one in sets]
    wish = RetrievalWish(sets, choice.seed, depth, at_once, run, lift, stored)
    report("retrieval", evaluate_retrieval(wish, counting), choice, about, as_json, html)
