"""`playhead eval`: how good answers are, on public evaluation sets."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

from edge.cli.output import print_json
from evals.compared_cli import redaction, retrieval
from evals.data_sets import Choice
from evals.verb_options import (
    any_run_option,
    at_once_option,
    counting,
    evaluated,
    files_at,
    report,
    set_options,
)
from replay.archive_places import ArchivePlace, archive_option
from streams.operations.options import Group, run_option
from streams.operations.printing import console


@click.group("eval", cls=Group)
def eval_() -> None:
    """Measure quality on evaluation sets, with intervals and baselines.

    Sets are files of rows that you have; docs/evaluation.md says what a row holds.

    \b
    Example:
      playhead eval rewriting --data sets/cast2020.jsonl
      playhead eval answers --data sets/squad2_dev --given-passages 3 --limit 500
    """


eval_.add_command(redaction)
eval_.add_command(retrieval)


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
@any_run_option
def documents(places: tuple[Path, ...], choice: Choice, run: Path | None, as_json: bool) -> None:
    """See how much text is read of files, by kind; needs no stack.

    \b
    Example:
      playhead eval documents --data sets/documents
    """
    from evals.text_recall import evaluate_documents

    del run  # as for rewriting
    sets = []
    for place in places:
        with counting("files") as advance:
            sets += evaluate_documents(place, choice, advance)
    report("documents", sets, choice, {}, as_json)


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


@eval_.command("export-judgements")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write into.",
)
@archive_option
@click.option("--tenant", help="Only this tenant's.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def export_judgements(
    out: Path, archive: ArchivePlace | None, tenant: str | None, run: Path | None, as_json: bool
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
    from replay.opening_logs import open_log
    from streams.settings import Settings

    with contextlib.closing(open_log(archive, Settings.load(run=run))) as log:
        counts = write_judged(out, judged_rows(log, tenant))
    if as_json:
        print_json({"folder": str(out), **counts})
    else:
        said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        console().print(f"{out}: {said}", highlight=False, markup=False)
