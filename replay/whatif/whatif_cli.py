"""`playhead replay what-if`: recorded questions asked again, with something changed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from replay.archive_places import absolute
from replay.log import Log
from replay.report import DIFFERS, EQUAL, NOT_VERIFIED
from replay.whatif.asking_again import AskingAgain, WhatIfEstimate, WhatIfRun, question_of
from replay.whatif.asking_options import (
    RecordedQuestions,
    asking_options,
    caps_of,
    questions_on,
)
from replay.whatif.chain_walk import ChainWalker
from replay.whatif.finished_work import FinishedWork, OtherWork, work_id, write_private
from replay.whatif.live_world import live_world
from replay.whatif.outside import Outside
from replay.whatif.redacted_documents import redacted_anew
from replay.whatif.settings_changed import BadWish, ChangedSettings, SettingWishes, wishes_of
from replay.whatif.whatif_gate import BadGate, BoundHeld, GateBound, held_against, read_gate
from replay.whatif.whatif_page import page_of
from replay.whatif.whatif_report import report_of
from replay.whatif.whatif_terminal import show_what_if, told_estimate
from streams.operations.printing import console
from streams.settings import Settings


@click.command("what-if")
@click.option(
    "--set",
    "said",
    multiple=True,
    metavar="NAME=VALUE",
    help="What is changed: prompt=FILE, model=NAME, policy=FILE, index=present, code=present, or a "
    "field of a step, such as retrieve.final.dense=.7. Several may be given.",
)
@click.option("--estimate", is_flag=True, help="Say what it would take, and ask nobody.")
@click.option(
    "--gate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of bounds (TOML): exit 1 where one breaks.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page to this file."
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of what is finished.  [default: one of its own in the run folder]",
)
@asking_options
def what_if(said: tuple[str, ...], **told: Any) -> None:
    """Ask recorded questions again with something changed, and tell what comes out otherwise.

    What a step asks is answered from the record as long as it asks the same, and live from the
    first request that is another one. Nothing is written: no record, no index, no table, no key.
    An estimate is told before anybody is asked. What is finished stays in a work folder, and the
    same command goes on there. Exits 0 when all was asked, 1 where a bound of --gate breaks, 2 for
    wrong usage and where nothing was selected, 3 where a cap or a service that is away ended it, or
    nothing could be run.

    \b
    Example:
      playhead replay what-if --set prompt=answer-3.txt --tenant acme --sample 200 --max-cost 2
      playhead replay what-if --set redact.kinds=PERSON,EMAIL_ADDRESS --html report.html
    """
    from replay.opening_logs import open_log

    settings = Settings.load(run=told["run"])
    if told["html"] is not None and not told["html"].absolute().parent.is_dir():
        raise click.UsageError(f"--html {told['html']}: there is no such folder: make it first")
    with _wrong_usage():
        bounds = read_gate(told["gate"]) if told["gate"] else ()
        wished = wishes_of(said)
        with closing(open_log(told["archive"], settings)) as log:
            report, held, status = asked_again(log, settings, wished, bounds, told)
    if report is None:
        return
    if told["html"] is not None:
        write_private(told["html"], page_of(report, held))
    if told["as_json"]:
        document = {**report, "gate": [one.as_json() for one in held]}
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        show_what_if(report, held, console(highlight=False))
    sys.exit(status)


@contextmanager
def _wrong_usage() -> Iterator[None]:
    try:
        yield
    except (BadWish, BadGate, OtherWork) as error:
        raise click.UsageError(str(error)) from None


def asked_again(
    log: Log,
    settings: Settings,
    wished: SettingWishes,
    bounds: tuple[GateBound, ...],
    told: dict[str, Any],
) -> tuple[dict[str, Any] | None, list[BoundHeld], int]:
    """Ask again what was selected; return report, how the gate fared, and the exit status.

    No report where only the estimate was asked for. Raises BadWish, OtherWork, UsageError.
    """
    questions = questions_on(log, settings, told)
    changed = ChangedSettings(wished, questions.values)
    selected = {name: told[name] for name in ("tenant", "request", "since", "until")}
    about = {"set": list(wished.said), "sample": told["sample"], "seed": told["seed"], **selected}
    asked = question_of(changed, questions.chains, about)
    folder = told["work"] or settings.run / "what-if" / work_id({**asked, "log": str(_of(told))})
    caps = caps_of(told)
    with closing(FinishedWork(folder, asked)) as work, _bar(len(questions.chains)) as progress:
        again = AskingAgain(questions, changed, work, wished.anew, progress)
        outside = Outside(questions.local, partial(live_world, settings, wished.generation), caps)
        estimate, run = asyncio.run(_asked(again, outside, told))
    if run is None:
        _tell_estimate(estimate, told)
        return None, [], EQUAL
    documents = _documents(log, questions, changed, wished, told)
    report = report_of(run.findings, {**about, "work": str(folder)}, run.stopped, documents)
    held = held_against(bounds, report)
    if any(not one.kept for one in held):
        return report, held, DIFFERS
    of = report["all"]
    nothing = of["not_run"] and not (of["same"] or of["changed"] or of["leaked"])
    return report, held, NOT_VERIFIED if run.stopped or nothing else EQUAL


def _documents(
    log: Log,
    questions: RecordedQuestions,
    changed: ChangedSettings,
    wished: SettingWishes,
    told: dict[str, Any],
) -> dict[str, Any] | None:
    """Redact the documents again, where another redaction is asked for; nobody is asked."""
    if not wished.of("redact") or told["request"]:
        return None
    outside = Outside(questions.local, None)
    walker = ChainWalker(questions.codec, questions.digest_key, outside, changed)
    found = asyncio.run(redacted_anew(log, questions.codec, walker, told["tenant"]))
    return found.as_json(questions.chains)


def _of(told: dict[str, Any]) -> str:
    return absolute(told["archive"]) if told["archive"] else "broker"


async def _asked(
    again: AskingAgain, outside: Outside, told: dict[str, Any]
) -> tuple[WhatIfEstimate, WhatIfRun | None]:
    estimate = await again.estimate()
    if told["estimate"]:
        return estimate, None
    click.echo(told_estimate(estimate), err=True)
    return estimate, await again.ask(outside)


def _tell_estimate(estimate: WhatIfEstimate, told: dict[str, Any]) -> None:
    if told["as_json"]:
        click.echo(json.dumps({"estimate": estimate.as_json()}, indent=1))
    else:
        click.echo(told_estimate(estimate))


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show how many requests were looked at, on a terminal."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("asking again"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} requests"),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("what-if", total=total)
    with bar:
        yield lambda number: bar.update(task, completed=number)
