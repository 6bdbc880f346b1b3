"""`playhead replay run`: recorded questions asked again, live."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import closing
from functools import partial
from typing import Any

import click

from replay.log import Log
from replay.whatif.asked_report import AskedReport, show_run
from replay.whatif.asking_options import RecordedQuestions, asking_options, caps_of, questions_on
from replay.whatif.chain_walk import AsRecorded, ChainWalker
from replay.whatif.live_world import live_world
from replay.whatif.outside import ASKED, CallCaps, CapReached, Outside
from streams.operations.printing import console
from streams.settings import Settings


@click.command("run")
@asking_options
def run_command(**told: Any) -> None:
    """Ask recorded questions again, live, and say which step is the first that comes out otherwise.

    Models and the index are asked what they were asked then; whatever reads a conversation or a
    clock is answered as recorded, and nothing is written. Of each request the first step is told
    whose outcome differs, and the first effect of it that was answered otherwise, with the field
    and both values. Exits 0 if all came out as recorded, 1 if one did not, 2 for wrong usage and
    where nothing was selected, 3 if nothing differs and a request could not be run.

    \b
    Example:
      playhead replay run --tenant acme --sample 20
    """
    from replay.opening_logs import open_log

    settings = Settings.load(run=told["run"])
    with closing(open_log(told["archive"], settings)) as log:
        report = run_again(log, settings, told)
    if told["as_json"]:
        click.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
    else:
        show_run(report, console(markup=False, highlight=False))
    sys.exit(report.status)


def run_again(log: Log, settings: Settings, told: dict[str, Any]) -> AskedReport:
    """Run what was selected again; raises as `questions_on`."""
    caps = caps_of(told)
    questions = questions_on(log, settings, told)
    outside = Outside(questions.local, partial(live_world, settings), caps)
    return asyncio.run(run_questions(questions, outside, caps))


async def run_questions(
    questions: RecordedQuestions, outside: Outside, caps: CallCaps
) -> AskedReport:
    """Run questions again, one by one, until a cap is reached."""
    report, began = AskedReport(), time.perf_counter()
    walker = ChainWalker(
        questions.codec,
        questions.digest_key,
        outside,
        AsRecorded(questions.values),
        anew=ASKED,
        thorough=True,
    )
    try:
        for chain in questions.chains:
            report.add(await walker.walk(chain, to_first_difference=True))
    except CapReached as cap:
        report.stopped = str(cap)
        report.left = len(questions.chains) - report.requests
    finally:
        await outside.close()
    report.calls, report.cost_micros = caps.calls, caps.cost_micros
    report.seconds = time.perf_counter() - began
    return report
