"""Workers, gateway, broker and registry under a seeded load and seeded faults, then a judgement of the log.

    python -m tests.chaos.harness --seed 7 --requests 5000 --minutes 3 --kills 30
    python -m tests.chaos.harness --faults network --seed 7
    python -m tests.chaos.harness --outage broker --away-s 60 --requests 3000

The steps do little and the connectors are fakes that answer at once (`tests.chaos.steps`, `tests.chaos.worker`); broker,
registry, runner and worker are the real ones. The seed decides the load, the faults and their times
(`tests.chaos.plan`). What the scheduler of the machine does with them it can't decide, so a seed that failed may have
to be run more than once.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from tests.chaos.course import Course
from tests.chaos.ground import Ground
from tests.chaos.plan import OUTAGES, Plan
from tests.chaos.profiles import PROFILES
from tests.chaos.result import Result

OUTAGE_REQUESTS = 6_000
WITH_KILLS = ("kills", "all")
PROFILE_REQUESTS, PROFILE_S = 9_000, 180.0  # of the other profiles


def run(
    plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None, jobs: int = 2
) -> Result:
    """Start brokers and a registry in a folder, run the plan, and stop everything again."""
    with Ground(plan, folder) as ground:
        return Course(plan, ground, say, jobs).run()


def planned(given: Mapping[str, Any]) -> Plan:
    """Return the plan of the command's options; a seed is drawn where none is given."""
    seed = random.randrange(10**6) if given["seed"] is None else given["seed"]
    same = {"seed": seed, "workers": given["workers"]}
    if outage := given["outage"]:
        requests = given["requests"] or OUTAGE_REQUESTS
        return Plan.of_outage(outage, given["away_s"], requests=requests, **same)
    profile = given["faults"]
    usual = Plan(seed) if profile in WITH_KILLS else Plan(seed, PROFILE_REQUESTS, PROFILE_S, 0)
    seconds = usual.seconds if given["minutes"] is None else round(given["minutes"] * 60, 2)
    kills = usual.kills if given["kills"] is None else given["kills"]
    requests = given["requests"] or usual.requests
    return Plan(requests=requests, seconds=seconds, kills=kills, profile=profile, **same)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.command()
@click.option("--seed", type=int, help="Decides load and faults; drawn where it is not given.")
@click.option(
    "--requests", type=int, help="Questions and documents.  [default: 100000; 9000 without kills]"
)
@click.option("--minutes", type=float, help="How long they come.  [default: 21; 3 without kills]")
@click.option(
    "--kills", type=int, help="Kills of workers at least.  [default: 300, with kills or all]"
)
@click.option("--faults", type=click.Choice(PROFILES), default=Plan.profile, show_default=True)
@click.option("--workers", type=int, default=Plan.workers, show_default=True)
@click.option(
    "--outage", type=click.Choice(OUTAGES), help="One component away, instead of all faults."
)
@click.option("--away-s", type=float, default=Plan.outage_s, show_default=True)
@click.option("--jobs", type=int, default=os.cpu_count() or 1, help="Processes of the judgement.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result there."
)
def main(jobs, json_file, **given):
    """Run the faults and print what the log shows; the exit code is 1 where it shows a failure."""
    plan = planned(given)
    folder = Path(tempfile.mkdtemp(prefix="playhead-chaos-"))
    signal.signal(signal.SIGTERM, _interrupt)
    click.echo(f"{plan.command()}   ({folder})", err=True)
    try:
        result = run(plan, folder, lambda line: click.echo(line, err=True), jobs)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        click.echo("interrupted; everything was stopped", err=True)
        sys.exit(130)
    except BaseException:
        click.echo(f"reproduce       {plan.command()}\nlogs            {folder}")
        raise
    text = json.dumps(result.as_json(), indent=1)
    if json_file:
        json_file.write_text(f"{text}\n", encoding="utf-8")
    click.echo(str(result))
    if result.failures:
        (folder / "result.json").write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"logs            {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
