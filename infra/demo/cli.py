"""`playhead demo`: the whole system once, on the real components, ending with the proof."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from infra.demo import picture as picture_
from infra.demo.checks import Checks, line
from infra.demo.conversation import ask, judge, judge_log, load
from infra.demo.demo_receipt import give_receipt
from infra.demo.proof import look_for, verify_and_forge
from infra.demo.samples import HARBOUR, TENANTS, Tenant
from infra.demo.stack import DemoStack, client, create_key, demo_stack
from infra.local.cli import run_option
from replay.log import BrokerLog
from replay.one_request import events_of
from replay.terminal import timeline_table
from streams.log.chosen_model import in_force, route_name
from streams.operations.printing import console
from streams.operations.timeline import timeline
from streams.settings import Settings

SEED = 20_261_121  # which record of the exported copy is changed; --seed chooses another
SEED_MAX = 2**32 - 1
RUN = Path(".playhead")


def perform(settings: Settings, checks: Checks, seed: int) -> str:
    """Show all parts in order; return the key of the first tenant."""
    titles = iter(picture_.PARTS)
    keys = {tenant.name: create_key(settings, tenant.name) for tenant in TENANTS}
    checks.part(next(titles))
    for tenant in TENANTS:
        with client(settings.gateway, keys[tenant.name]) as http:
            load(http, tenant, checks)
    followed = ""
    tenant_of: dict[str, str] = {}
    for tenant in TENANTS:
        checks.part(next(titles))
        followed = converse(settings, keys[tenant.name], tenant, checks) or followed
        tenant_of.setdefault(followed, tenant.name)
    log = BrokerLog(settings)
    try:
        checks.part(next(titles))
        checks.console.print(timeline_table(timeline(events_of(log, followed))))
        checks.part(next(titles))
        asked = [value for t in TENANTS for q in t.questions for value in q.personal]
        held = [value for tenant in TENANTS for value in tenant.personal]
        look_for([*held, *asked], log, settings.run / "logs", checks)
    finally:
        log.close()
    checks.part(next(titles))
    verify_and_forge(settings, seed, checks)
    checks.part(next(titles))
    with client(settings.gateway, keys[tenant_of[followed]]) as http:
        give_receipt(settings, http, followed, checks)
    return keys[HARBOUR.name]


def converse(settings: Settings, key: str, tenant: Tenant, checks: Checks) -> str:
    """Hold a tenant's conversations; return the last request that leaned on the one before."""
    session = followed = ""
    with client(settings.gateway, key) as http:
        for question in tenant.questions:
            if question.fresh or not session:
                session = f"demo-{time.time_ns()}"
            answer = ask(http, session, question, checks)
            judge(question, answer, checks)
            if not answer.request or not (question.needs_rewrite or question.personal):
                continue
            log = BrokerLog(settings)
            try:
                judge_log(question, events_of(log, answer.request), checks)
            finally:
                log.close()
            if question.needs_rewrite:
                followed = answer.request
    return followed


def ending(stack: DemoStack, key: str, took_s: float) -> dict[str, Any]:
    """Say where the page is, the key in its fragment, which no browser sends, and how to stop."""
    run = stack.settings.run
    down = "make down" if run == RUN.resolve() else f"playhead down --run {shlex.quote(str(run))}"
    return {
        "running": stack.stays,
        "page": f"{stack.settings.gateway}/#key={key}" if stack.stays else None,
        "stop": down if stack.stays else None,
        "model": chat_model(stack.settings),
        "seconds": round(took_s, 1),
    }


def chat_model(settings: Settings) -> str:
    """Say which file was chosen for the chat model when the stack was started; empty for none."""
    started = Settings.load(environment={}, run=settings.run)
    if not started.chat_model:
        return ""
    trust = in_force(started)["generate"].values["routes"]["routes"][0]["trust"]
    return f"{started.chat_model} (route {route_name(started.chat_model)}, trust {trust})"


def show_ending(facts: dict[str, Any], checks: Checks) -> None:
    """Print the ending for people."""
    lines = [f"took       {facts['seconds']:.0f} s"]
    if facts["model"]:
        lines += [f"chat model {facts['model']}"]
    if facts["running"]:
        lines += [
            f"chat page  {facts['page']}",
            f"           it opens as {HARBOUR.name}; its key lives for a day",
            f"stop it    {facts['stop']}",
        ]
    else:
        lines += ["stopped    make up starts it again"]
    checks.console.print()
    for entry in lines:
        checks.console.print(entry, soft_wrap=True, markup=False, highlight=False)
    if not checks.failed:
        checks.console.print("\n[green]Everything held.[/green]")
        return
    checks.console.print(f"\n[red]{len(checks.failed)} checks did not hold:[/red]")
    for check in checks.failed:
        checks.console.print(f"  {line(check)}", highlight=False)


@click.command()
@run_option()
@click.option("--stop", is_flag=True, help="Stop the stack at the end, if the demo started it.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the main parts of what the terminal shows, as SVG.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    default=SEED,
    show_default=True,
    help="Chooses the record that is forged.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def demo(run: Path, *, stop: bool, picture: Path | None, seed: int, as_json: bool) -> None:
    """Load two sample tenants, talk with both, and verify the log.

    Starts what is not running and leaves it running: the last lines say where the chat page is and
    how to stop it. Exits 0 only if everything that it checks held. When interrupted, it stops
    what it started.

    \b
    Example:
      playhead demo
      playhead demo --stop --json
    """
    began = time.monotonic()
    checks = Checks(console(stderr=as_json), picture_.PICTURED if picture else ())
    with demo_stack(run, stop) as stack:
        key = perform(stack.settings, checks, seed)
        if picture is not None:
            picture_.save(checks.console, picture)
    facts = ending(stack, key, time.monotonic() - began)
    if as_json:
        made = [asdict(check) for check in checks.made]
        click.echo(json.dumps({"held": not checks.failed, **facts, "checks": made}, indent=2))
    else:
        show_ending(facts, checks)
    sys.exit(1 if checks.failed else 0)
