"""`playhead eval`: how good answers are, on public evaluation sets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from edge.cli.output import print_json, progress_bar
from evals.data_sets import HALVES, Choice, files_in
from evals.outcome import OURS, SetOutcome, document, show_sets
from streams.operations.options import Group, run_option
from streams.operations.printing import console
from streams.settings import Settings

Command = TypeVar("Command", bound=Callable[..., None])
Evaluate = Callable[[Path, Choice, Callable[[int], Callable[[], None]]], SetOutcome]
ROWS_MAX = 10_000_000


@click.group("eval", cls=Group)
def eval_() -> None:
    """Measure quality on evaluation sets, with intervals and baselines.

    Sets are files of rows that you have; docs/evaluation.md says what a row holds.

    \b
    Example:
      playhead eval rewriting --data sets/cast2020.jsonl
      playhead eval answers --data sets/squad2_dev --given-passages 3 --limit 500
    """


def set_options(command: Command) -> Command:
    """Give a command what says which rows are evaluated."""
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
        command = option(command)
    return command


def report(
    kind: str, sets: Sequence[SetOutcome], about: Mapping[str, Any], *, as_json: bool
) -> None:
    """Print what was found."""
    if as_json:
        print_json(document(kind, sets, about))
    else:
        show_sets(sets, console())


@contextlib.contextmanager
def counting(label: str) -> Iterator[Callable[[int], Callable[[], None]]]:
    """Show progress for a piece of work whose length is told later."""
    with contextlib.ExitStack() as stack:
        yield lambda total: stack.enter_context(progress_bar(total, label))


def evaluated(places: Sequence[Path], choice: Choice, evaluate: Evaluate) -> list[SetOutcome]:
    """Evaluate each file that was named, or that lies in a folder that was."""
    sets = []
    for path in [file for place in places for file in files_in(place)]:
        with counting(path.name) as advance:
            sets.append(evaluate(path, choice, advance))
    return sets


@eval_.command()
@set_options
@run_option
def rewriting(
    places: tuple[Path, ...],
    limit: int | None,
    seed: int,
    half: str | None,
    run: Path | None,  # noqa: ARG001 - every verb takes one; this one needs no stack
    *,
    as_json: bool,
) -> None:
    """Compare rewritten questions with people's own rewrites; needs no stack.

    \b
    Example:
      playhead eval rewriting --data sets/cast2019.jsonl --data sets/cast2020.jsonl
    """
    from evals.rewriting import evaluate_rewriting

    choice = Choice(limit, seed, half)
    sets = evaluated(places, choice, evaluate_rewriting)
    report("rewriting", sets, {"seed": seed, "half": half}, as_json=as_json)


@eval_.command()
@set_options
@run_option
def groundedness(
    places: tuple[Path, ...],
    limit: int | None,
    seed: int,
    half: str | None,
    run: Path | None,  # noqa: ARG001 - every verb takes one; this one needs no stack
    *,
    as_json: bool,
) -> None:
    """Tell statements that a text holds from those that it does not; needs no stack.

    \b
    Example:
      playhead eval groundedness --data sets/scifact_train.jsonl.gz --half second
    """
    from evals.groundedness import evaluate_groundedness

    choice = Choice(limit, seed, half)
    sets = evaluated(places, choice, evaluate_groundedness)
    report("groundedness", sets, {"seed": seed, "half": half}, as_json=as_json)


@eval_.command()
@set_options
@click.option(
    "--given-passages",
    "others",
    type=click.IntRange(0, 50),
    help="Skip the index: each question gets its own passage and so many others, nearest first.",
)
@click.option(
    "--answers",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the answers in files here.",
)
@run_option
def answers(
    places: tuple[Path, ...],
    limit: int | None,
    seed: int,
    half: str | None,
    others: int | None,
    folder: Path | None,
    run: Path | None,
    *,
    as_json: bool,
) -> None:
    """Compare answers to questions on passages with right answers, and see when none is given.

    With --given-passages no index is asked, and models only with --run.

    \b
    Example:
      playhead eval answers --data sets/squad2_dev --given-passages 3 --limit 500
    """
    from evals.question_set import question_sets

    if others is None:
        raise click.UsageError("name --given-passages: a stack is not asked yet")
    choice = Choice(limit, seed, half)
    sets = [one for place in places for one in question_sets(place, choice)]
    outcomes = []
    for asked in sets:
        with counting(asked.name) as advance:
            by_system = asyncio.run(_from_given(asked, others, run, advance))
        if folder is not None:
            keep_answers(folder, asked.name, by_system[OURS])
        from evals.answer_figures import answer_outcome

        outcomes.append(answer_outcome(asked, by_system, seed))
    about = {"seed": seed, "half": half, "given_passages": others}
    report("answers", outcomes, about, as_json=as_json)


async def _from_given(
    asked: Any, others: int, run: Path | None, advance: Callable[[int], Callable[[], None]]
) -> dict[str, Any]:
    from connectors.triton import Triton
    from evals.given_passages import BASELINES, PassageSource, answers_of_step, baseline_answers

    source = PassageSource(asked, others)
    done = advance(len(asked.questions) * (1 + len(BASELINES)))
    connectors = () if run is None else (Triton(Settings.load(run=run)),)
    try:
        by_system = {OURS: await answers_of_step(asked, source, connectors, {}, done)}
    finally:
        for connector in connectors:
            await connector.close()
    for name, count in BASELINES.items():
        by_system[name] = baseline_answers(asked, source, count, done)
    return by_system


def keep_answers(folder: Path, name: str, given: Mapping[str, Any]) -> Path:
    """Write the answers to a set into a folder, a row each."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('/', '-')}.answers.jsonl"
    rows = (
        json.dumps(one.as_json(question), ensure_ascii=False) for question, one in given.items()
    )
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path
