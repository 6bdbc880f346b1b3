"""`playhead load`: questions at a rate, or as a trace has them, and what that did."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from edge.cli.output import print_json
from edge.client.gateway_client import key_for
from edge.client.loading.load_arrivals import BadTrace, LoadArrival, at_rate, of_trace
from edge.client.loading.load_askers import ASKERS, LoadedQuestion
from edge.client.loading.load_page import TABLE, load_page
from edge.client.loading.load_report import LATE_MS, PERCENTILES, load_report
from edge.client.loading.open_loop import LoadPlan, OpenLoop
from edge.requests import limits
from streams.operations.options import NumberRange, run_option
from streams.settings import Settings

CpuUsed = Callable[[Path], Mapping[str, float]]
"""Run folder -> CPU seconds that each of the local stack's programs has used until now."""

QUESTIONS = (
    "How long is the notice period?",
    "What does it cost?",
    "Who do I ask for help?",
    "When is it open?",
)
"""LoadedQuestion where no file names others: documents of anybody may answer some of them."""
QUESTIONS_BYTES_MAX = 16 * 2**20
OPTIONS = (
    click.option("--tenant", required=True, help="Tenant whose documents answer."),
    click.option(
        "--rate",
        type=NumberRange(0.001, 10_000),
        help="Questions a second; default: 1, where there is no trace.",
    ),
    click.option(
        "--trace",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help='Lines such as {"t": 0.25, "response_tokens": 48} say when questions come.',
    ),
    click.option(
        "--speed",
        type=NumberRange(0.001, 1_000),
        default=1.0,
        show_default=True,
        help="How many times as fast as it was recorded a trace is played.",
    ),
    click.option(
        "--seconds",
        type=NumberRange(0.1, 86_400),
        default=30.0,
        show_default=True,
        help="No question comes after so long.",
    ),
    click.option(
        "--requests", type=click.IntRange(1, 10_000_000), help="Nor after so many questions."
    ),
    click.option(
        "--even", is_flag=True, help="Evenly spaced, not as chance has it (Poisson), at a rate."
    ),
    click.option(
        "--via",
        type=click.Choice(list(ASKERS)),
        default="websocket",
        show_default=True,
        help="How to ask.",
    ),
    click.option(
        "--questions",
        "questions_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="LoadedQuestion in turn: one a line.",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(1, limits.ANSWER_TOKENS_MAX),
        default=48,
        show_default=True,
        help="Length of an answer at most, where the trace does not say.",
    ),
    click.option(
        "--in-flight",
        type=click.IntRange(1, 20_000),
        default=1_000,
        show_default=True,
        help="Questions at one time; further ones are counted as not sent.",
    ),
    click.option(
        "--patience",
        type=NumberRange(1, 3_600),
        default=120.0,
        show_default=True,
        help="Seconds for an answer to end.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=1,
        show_default=True,
        help="Chooses the times of a rate.",
    ),
    click.option(
        "--html",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write one page with plots.",
    ),
    run_option,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
)


def load_command(cpu_used: CpuUsed) -> click.Command:
    """Make the verb; `cpu_used` looks at the local stack, of which the edge knows nothing."""

    def load(**chosen: Any) -> None:
        """Ask questions whether or not earlier ones were answered, and tell what that did.

        Times count from when a question was due. Each answer costs what any answer costs: with a
        provider's model, money. Exits 1 where no answer completed.

        \b
        Example:
          playhead load --tenant acme --rate 4 --seconds 60 --html load.html
          playhead load --tenant acme --trace trace.jsonl.gz --speed 2 --via sse
        """
        _load(cpu_used, **chosen)

    command: Any = load
    for option in reversed(OPTIONS):
        command = option(command)
    made: click.Command = click.command("load")(command)
    return made


def _load(
    cpu_used: CpuUsed,
    *,
    tenant: str,
    run: Path | None,
    via: str,
    questions_file: Path | None,
    max_tokens: int,
    in_flight: int,
    patience: float,
    html: Path | None,
    as_json: bool,
    **when: Any,
) -> None:
    settings = Settings.load(run=run)
    arrivals = _arrivals(**when)
    plan = LoadPlan(_questions(questions_file), max_tokens, in_flight, patience)
    asker = ASKERS[via](settings.gateway, key_for(settings, tenant, reads=True), in_flight)
    if html is not None:
        _write(html, "")  # before a load that may take hours, not after it
    before, began_s = cpu_used(settings.run), time.monotonic()
    try:
        asked = _driven(asker, plan, arrivals)
    except BadTrace as error:
        raise click.ClickException(str(error)) from None
    seconds = time.monotonic() - began_s
    after = cpu_used(settings.run)
    cpu_s = {name: used - before[name] for name, used in after.items() if name in before}
    about = {"tenant": tenant, "via": via, **_told(when), "max_tokens": max_tokens}
    report = load_report(asked, seconds, cpu_s, about)
    if html is not None:
        _write(html, load_page(report, asked))
    if as_json:
        print_json(report)
    else:
        _show(report)
    if not report["completed"]:
        raise click.ClickException("no answer completed: see what became of the questions")


def _arrivals(
    *,
    rate: float | None,
    trace: Path | None,
    speed: float,
    seconds: float,
    requests: int | None,
    even: bool,
    seed: int,
) -> Iterator[LoadArrival]:
    if rate is not None and trace is not None:
        raise click.UsageError("--rate and --trace: name one of them")
    if trace is None and speed != 1.0:
        raise click.UsageError("--speed is of a trace (--trace); at a rate, name another --rate")
    found: Iterator[LoadArrival]
    if trace is not None:
        found = (
            LoadArrival(
                one.at_s, one.answer_tokens and min(one.answer_tokens, limits.ANSWER_TOKENS_MAX)
            )
            for one in of_trace(trace, speed=speed)
        )
    else:
        found = at_rate(rate or 1.0, seed=seed, even=even)
    return itertools.islice(itertools.takewhile(lambda one: one.at_s < seconds, found), requests)


def _told(when: Mapping[str, Any]) -> dict[str, Any]:
    """Say by which of the choices the questions came."""
    if when["trace"] is not None:
        return {"trace": when["trace"].name, "speed": when["speed"]}
    return {"rate": when["rate"] or 1.0, "even": when["even"], "seed": when["seed"]}


def _questions(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return QUESTIONS
    with file.open("rb") as opened:
        content = opened.read(QUESTIONS_BYTES_MAX + 1)
    if len(content) > QUESTIONS_BYTES_MAX:
        raise click.ClickException(f"{file} has more than {QUESTIONS_BYTES_MAX} bytes")
    lines = content.decode("utf-8", "replace").splitlines()
    questions = tuple(line.strip()[: limits.QUESTION_MAX] for line in lines if line.strip())
    if not questions:
        raise click.ClickException(f"{file} has no questions: it holds one a line")
    return questions


def _driven(asker: Any, plan: LoadPlan, arrivals: Iterator[LoadArrival]) -> list[LoadedQuestion]:
    """Ask; what was asked before Ctrl-C is told, too."""
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("asking", total=None)
        loop = OpenLoop(
            asker,
            plan,
            lambda asked, flying: progress.update(
                bar, description=f"{asked} asked, {flying} in flight"
            ),
        )
        try:
            asyncio.run(loop.run(arrivals))
        except KeyboardInterrupt:
            click.echo("stopped; what was asked until then:", err=True)
    return loop.asked


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8", errors="replace")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}; name another file: --html") from None


def _show(report: Mapping[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{report['completed']} of {report['asked']} answered over {report['via']} in "
        f"{report['seconds']:.1f} s: {report['completed_per_s']:.2f} answers and "
        f"{report['tokens_per_s']:.0f} tokens a second, {report['offered_per_s']:.2f} offered"
    )
    columns = (*(f"p{share}" for share in PERCENTILES), "max")
    table = Table("ms", *columns, box=None)
    for key, name in TABLE.items():
        table.add_row(name, *(str(report[key].get(one, "")) for one in columns))
    console.print(table)
    for outcome, count in report["outcomes"].items():
        console.print(f"  {count} {outcome}", markup=False)
    used = ", ".join(f"{name} {ms:g}" for name, ms in report["cpu_ms_per_answer"].items())
    if used:
        console.print(f"CPU ms an answer: {used}", markup=False)
    if report["driver_is_late"]:
        console.print(
            f"this driver sent its questions late (over {LATE_MS:g} ms at the 99th percentile): "
            "the machine that it runs on has no room for it, and times are in part its own"
        )
