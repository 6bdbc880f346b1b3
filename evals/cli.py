"""`playhead eval`: how good answers are, on public evaluation sets."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from edge.cli.output import print_json, progress_bar
from evals.data_sets import HALVES, Choice, files_in
from evals.outcome import SetOutcome, document, show_sets
from streams.operations.options import Group, run_option
from streams.operations.printing import console

Advancing = Callable[[int], Callable[[], None]]
Evaluate = Callable[[Path, Choice, Advancing], SetOutcome]
ROWS_MAX = 10_000_000
AT_ONCE_MAX = 64


@click.group("eval", cls=Group)
def eval_() -> None:
    """Measure quality on evaluation sets, with intervals and baselines.

    Sets are files of rows that you have; docs/evaluation.md says what a row holds.

    \b
    Example:
      playhead eval rewriting --data sets/cast2020.jsonl
      playhead eval answers --data sets/squad2_dev --given-passages 3 --limit 500
    """


def set_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what says which rows are evaluated, and hand it a Choice."""

    @functools.wraps(command)
    def chosen(*, limit: int | None, seed: int, half: str | None, **rest: Any) -> None:
        command(choice=Choice(limit, seed, half), **rest)

    with_options: Callable[..., None] = chosen
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        click.option(
            "--half",
            type=click.Choice(HALVES),
            help="Only this half of the rows, by a hash of what they belong to.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="Draws the sample and the intervals.",
        ),
        click.option("--limit", type=click.IntRange(1, ROWS_MAX), help="A sample of so many rows."),
        click.option(
            "--data",
            "places",
            multiple=True,
            required=True,
            type=click.Path(path_type=Path),
            help="File or folder of a set; may be given several times.",
        ),
    ):
        with_options = option(with_options)
    return with_options


any_run_option = functools.partial(run_option, needs_stack=False)
"""--run, where no stack need have been started there."""
at_once_option = click.option(
    "--at-once",
    type=click.IntRange(1, AT_ONCE_MAX),
    default=4,
    show_default=True,
    help="Requests on their way to the gateway at a time.",
)


def report(
    kind: str, sets: Sequence[SetOutcome], choice: Choice, about: Mapping[str, Any], as_json: bool
) -> None:
    """Print what was found."""
    if as_json:
        print_json(document(kind, sets, {"seed": choice.seed, "half": choice.half, **about}))
    else:
        show_sets(sets, console())


@contextlib.contextmanager
def counting(label: str) -> Iterator[Advancing]:
    """Show progress for a piece of work whose length is told later."""
    with contextlib.ExitStack() as stack:
        yield lambda total: stack.enter_context(progress_bar(total, label))


def files_at(places: Sequence[Path]) -> list[Path]:
    """List each file that was named, or that lies in a folder that was."""
    return [file for place in places for file in files_in(place)]


def evaluated(places: Sequence[Path], choice: Choice, evaluate: Evaluate) -> list[SetOutcome]:
    """Evaluate each file by itself."""
    sets = []
    for path in files_at(places):
        with counting(path.name) as advance:
            sets.append(evaluate(path, choice, advance))
    return sets


@eval_.command()
@set_options
@any_run_option
def rewriting(places: tuple[Path, ...], choice: Choice, run: Path | None, as_json: bool) -> None:
    """Compare rewritten questions with people's own rewrites; needs no stack.

    \b
    Example:
      playhead eval rewriting --data sets/cast2019.jsonl --data sets/cast2020.jsonl
    """
    from evals.rewriting import evaluate_rewriting

    del run  # every verb takes one; this one needs no stack
    report("rewriting", evaluated(places, choice, evaluate_rewriting), choice, {}, as_json)


@eval_.command()
@set_options
@any_run_option
def groundedness(places: tuple[Path, ...], choice: Choice, run: Path | None, as_json: bool) -> None:
    """Tell statements that a text holds from those that it does not; needs no stack.

    \b
    Example:
      playhead eval groundedness --data sets/scifact_train.jsonl.gz --half second
    """
    from evals.groundedness import evaluate_groundedness

    del run  # as for rewriting
    report("groundedness", evaluated(places, choice, evaluate_groundedness), choice, {}, as_json)


@eval_.command()
@set_options
@click.option(
    "--harmless",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of texts without personal data: how much of them would be replaced.",
)
@any_run_option
def redaction(
    places: tuple[Path, ...],
    choice: Choice,
    harmless: Path | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """See which personal data of texts would stay readable; needs no stack.

    \b
    Example:
      playhead eval redaction --data sets/pii.jsonl --harmless sets/manuals.jsonl --limit 200
    """
    from evals.redaction import evaluate_redaction

    del run  # as for rewriting
    evaluate = functools.partial(evaluate_redaction, harmless=harmless)
    report("redaction", evaluated(places, choice, evaluate), choice, {}, as_json)


@eval_.command()
@set_options
@click.option(
    "--harmless",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of texts that count beside each set: what is found there is a false alarm.",
)
@run_option
def moderation(
    places: tuple[Path, ...],
    choice: Choice,
    harmless: Path | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """See what is refused as a question and withdrawn as an answer.

    Rules alone judge, unless --run names a running stack whose model is asked too. Several files
    are evaluated together as well.

    \b
    Example:
      playhead eval moderation --data sets/surge.jsonl --harmless sets/benign.jsonl
    """
    from connectors.triton import Triton
    from evals.moderation import evaluate_moderation
    from streams.settings import Settings

    connectors = () if run is None else (Triton(Settings.load(run=run)),)
    with counting("texts") as advance:
        sets = evaluate_moderation(files_at(places), choice, connectors, advance, harmless)
    report("moderation", sets, choice, {"model": run is not None}, as_json)


@eval_.command()
@set_options
@click.option(
    "--given-passages",
    "others",
    type=click.IntRange(0, 50),
    help="Skip the index: each question gets its own passage and so many others, nearest first.",
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another configuration of the step generate, to compare with: a JSON file of the values "
    "that differ. Needs --given-passages.",
)
@click.option(
    "--judge",
    metavar="MODEL",
    help="Let this model of the running stack say which answer is better, instead of rules.",
)
@click.option(
    "--answers",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the answers in files here.  [default: evals in the run folder, with a stack]",
)
@at_once_option
@any_run_option
def answers(
    places: tuple[Path, ...],
    choice: Choice,
    others: int | None,
    against: Path | None,
    judge: str | None,
    folder: Path | None,
    at_once: int,
    run: Path | None,
    as_json: bool,
) -> None:
    """Compare answers with right ones, and see when none is given.

    The passages of a set are handed in as documents of a tenant of their own, and the questions
    asked over the gateway; a stack that is not running is started, and stopped at the end. What was
    answered is kept, so that a run that was stopped goes on. With --given-passages no index is
    asked, and models only with --run.

    \b
    Example:
      playhead eval answers --data sets/squad2_dev --limit 100
      playhead eval answers --data sets/squad2_dev --given-passages 3 --against other.json
    """
    from evals.answering_sets import AnswersAsked, asked_of_stack, from_given_passages
    from evals.question_set import question_sets

    if others is None and (against or judge):
        raise click.UsageError("--against and --judge go with --given-passages")
    if judge and not (against and run):
        raise click.UsageError("--judge goes with --against and the --run of a running stack")
    sets = [one for place in places for one in question_sets(place, choice)]
    wish = AnswersAsked(sets, choice.seed, folder, run, at_once)
    if others is None:
        outcomes = asked_of_stack(wish, counting)
    else:
        outcomes = asyncio.run(from_given_passages(wish, others, against, judge, counting))
    report("answers", outcomes, choice, {"given_passages": others}, as_json)


@eval_.command()
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
@at_once_option
@any_run_option
def retrieval(
    places: tuple[Path, ...],
    choice: Choice,
    pool: int | None,
    depth: int,
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
    """
    from evals.retrieval import RetrievalWish, evaluate_retrieval
    from evals.retrieval_set import retrieval_set

    sets = [retrieval_set(place, choice) for place in places]
    if pool is not None:
        sets = [one.pooled(pool) for one in sets]
    wish = RetrievalWish(sets, choice.seed, depth, at_once, run)
    about = {"pool": pool, "depth": depth}
    report("retrieval", evaluate_retrieval(wish, counting), choice, about, as_json)


@eval_.command("export-judgements")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write into.",
)
@click.option("--archive", type=click.Path(path_type=Path, exists=True), help="Read this archive.")
@click.option("--tenant", help="Only this tenant's.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def export_judgements(
    out: Path, archive: Path | None, tenant: str | None, run: Path | None, as_json: bool
) -> None:
    """Write answers that two reviewers judged as a set for `playhead eval answers`.

    Texts are redacted, as on the log. Where the two differ, the row says so.

    \b
    Example:
      playhead eval export-judgements --out judged
      playhead eval answers --data judged --given-passages 3
    """
    from evals.judged_answers import judged_rows
    from evals.judged_rows import write_judged
    from replay.cli import open_log
    from streams.settings import Settings

    with contextlib.closing(open_log(archive, Settings.load(run=run))) as log:
        counts = write_judged(out, judged_rows(log, tenant))
    if as_json:
        print_json({"folder": str(out), **counts})
    else:
        said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        console().print(f"{out}: {said}", highlight=False, markup=False)
