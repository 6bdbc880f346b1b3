"""`make bench`: latencies and rates on stacks of its own, beside baselines of the same run."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import httpx
from confluent_kafka import KafkaException
from rich.console import Console

from agents.errors import Transient
from bench import gateway_starts, memory_shares, scale
from bench.answers.figures import show as show_answers
from bench.answers.measure import measure, work
from bench.chats import crowds as chats
from bench.child import MeasurementFailed
from bench.clients_of_errors import none_outlives_its_broker
from bench.flood import neighbours as flood
from bench.quality.rehearsal import measure_rehearsals, show_rehearsals
from bench.quality.worth import measure_quality, show_quality
from bench.replays.replay_part import measure_replay, show_replay
from bench.sockets import measured_sockets, socket_figures
from bench.transports import comparison
from bench.transports import contest as transports
from bench.transports.contenders import CONTENDERS
from infra.local.supervisor import Stack, Wish
from infra.stack_error import StackError
from streams.settings import Settings

LOG = frozenset({"kafka", "registry"})
QUESTIONS_MIN = 3  # the first warms up; quartiles want two
STARTS_REQUESTS = 100_000  # on the log of the part starts, and records of the part replay
TERMINATED = 143  # what a shell reports for a program that SIGTERM ended
FAILURES = (
    MeasurementFailed,
    StackError,
    Transient,
    KafkaException,
    TimeoutError,
    httpx.HTTPError,
)
"""How a part may fail: what is measured, or the stack under it, does not do its work."""
WIDTH = 160  # characters of a line that no terminal shows: all tables fit
COMPARED = ("quixstreams", "faststream")  # of the dependency group bench
PEERS = ("quixstreams", "haystack", "haystack_integrations")  # of the dependency group peers
NEEDED = {"transports": COMPARED, "peers": PEERS}
"""Part -> packages that nothing but it needs."""
ON_REQUEST = ("peers", "replay", "sockets", "memory", "conversations", "costs")
"""One takes half an hour and packages of its own, one ten million records, one 5,000 sockets; three
do once more what the parts answers, quality and peers do, the last without peers."""


def _say(line: str) -> None:
    click.echo(line, err=True)


@contextmanager
def _stack(wish: Wish) -> Iterator[Settings]:
    """Start a stack in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        run = Path(folder)
        with Stack(run, wish, say=_say), none_outlives_its_broker():
            yield Settings.load(environment={}, run=run)


Show = Callable[[Console], None]
PartResult = tuple[dict[str, Any], Show]
"""A part of the document, and what prints it for people."""
Measure = Callable[[int, int], PartResult]
"""Measures a part, with so many questions and rounds; raises one of FAILURES."""


def _answers(questions: int, _rounds: int) -> PartResult:
    with _stack(Wish(free_ports=True)) as settings:
        figures, steps = measure(settings, questions)
    document = {
        "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in figures],
        "steps": steps,
    }
    return document, lambda console: show_answers(figures, steps, console)


def _transports(_questions: int, rounds: int) -> PartResult:
    plan = transports.Plan(rounds=rounds)
    with _stack(Wish(names=LOG, free_ports=True)) as settings:
        turns = transports.contest(settings, CONTENDERS, plan, _say)
    rows = comparison.rows(CONTENDERS, turns, plan)
    document = {
        "transports": {
            "plan": asdict(plan),
            "rows": [row.as_json() for row in rows],
            "turns": [asdict(turn) for turn in turns],
        }
    }
    return document, lambda console: comparison.show(rows, plan, console)


def _chats(_questions: int, rounds: int) -> PartResult:
    with _stack(Wish(names=LOG, free_ports=True)) as settings:
        rows, about = chats.contest(settings, chats.Crowds(rounds), _say)
    document = {"chats": chats.as_json(rows, about)}
    return document, lambda console: chats.show(rows, about, console)


def _costs(_questions: int, _rounds: int) -> PartResult:
    # it asks the same model about the same places as the peers are asked
    from bench.chats import whole_chats
    from bench.peers.contestants import ENVIRONMENT, served_model, with_environment

    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        run = Path(folder)
        with (
            with_environment(ENVIRONMENT),
            served_model(run),
            Stack(run, Wish(free_ports=True), say=_say),
            none_outlives_its_broker(),
        ):
            settings = Settings.load(environment={}, run=run)
            figures = whole_chats.measure_whole(settings, whole_chats.WholeChats(), _say)
    document = {"costs": whole_chats.costs_as_json(figures)}
    return document, lambda console: whole_chats.show_costs(figures, console)


def _scale(_questions: int, rounds: int) -> PartResult:
    with _stack(Wish(names=LOG, free_ports=True)) as settings:
        rows = scale.contest(settings, scale.Scaling(rounds), _say)
    return {"scale": scale.as_json(rows)}, lambda console: scale.show(rows, console)


def _starts(_questions: int, _rounds: int, *, requests: int = STARTS_REQUESTS) -> PartResult:
    with _stack(Wish(names=LOG, free_ports=True)) as settings:
        starts = gateway_starts.measure(settings, requests, _say)
    document = {"starts": gateway_starts.as_json(starts)}
    return document, lambda console: gateway_starts.show(starts, console)


def _memory(questions: int, _rounds: int) -> PartResult:
    with _stack(Wish(free_ports=True)) as settings:
        work(settings, questions)
        found = memory_shares.shares(settings.run)
    return {"memory": memory_shares.as_json(found)}, partial(memory_shares.show, found)


def _sockets(_questions: int, _rounds: int) -> PartResult:
    with _stack(Wish(names=LOG, free_ports=True)) as settings:
        found = measured_sockets.measure(settings, measured_sockets.SocketsPlan(), _say)
    document = {"sockets": socket_figures.as_json(found)}
    return document, lambda console: socket_figures.show(found, console)


def _flood(_questions: int, _rounds: int) -> PartResult:
    with _stack(Wish(free_ports=True)) as settings:
        figures = asyncio.run(flood.measure(settings, flood.FloodPlan(), _say))
    return {"flood": figures.as_json()}, lambda console: flood.show(figures, console)


def _peers(_questions: int, _rounds: int, *, quick: bool = False) -> PartResult:
    # what they are built on is installed for this part alone
    from bench.peers import beside
    from bench.peers.contestants import ENVIRONMENT, served_model, with_environment
    from bench.peers.visits import QUICK, PeersPlan

    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        run = Path(folder)
        with (
            with_environment(ENVIRONMENT),
            served_model(run) as model,
            Stack(run, Wish(free_ports=True), say=_say),
            none_outlives_its_broker(),
        ):
            settings = Settings.load(environment={}, run=run)
            figures = beside.measure(settings, model, QUICK if quick else PeersPlan(), _say)
    return {"peers": figures.as_json()}, lambda console: beside.show(figures, console)


def _quality(_questions: int, _rounds: int) -> PartResult:
    with _stack(Wish(free_ports=True)) as settings:
        figures = measure_quality(settings, _say)
    return {"quality": figures.as_json()}, lambda console: show_quality(figures, console)


def _conversations(_questions: int, _rounds: int, *, wrong: bool = False) -> PartResult:
    made = measure_rehearsals(_say)
    document = {"conversations": [one.as_json() for one in made]}
    return document, lambda console: show_rehearsals(made, console, wrong=wrong)


def _replay(_questions: int, _rounds: int, *, records: int = STARTS_REQUESTS) -> PartResult:
    figures = measure_replay(records, _say)
    document = {"replay": [{**asdict(figure), "ratio": figure.ratio} for figure in figures]}
    return document, lambda console: show_replay(figures, console)


PARTS: dict[str, Measure] = {
    "answers": _answers,
    "transports": _transports,
    "chats": _chats,
    "costs": _costs,
    "scale": _scale,
    "starts": _starts,
    "memory": _memory,
    "sockets": _sockets,
    "flood": _flood,
    "quality": _quality,
    "conversations": _conversations,
    "peers": _peers,
    "replay": _replay,
}
"""What the command measures, unless its context holds other parts."""


def _chosen(context: click.Context, _option: click.Parameter, given: str | None) -> list[str]:
    parts = context.obj or PARTS
    usual = [name for name in parts if name not in ON_REQUEST]
    names = [name.strip() for name in given.split(",")] if given else usual
    if unknown := [name for name in names if name not in parts]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(parts)}")
    return names


@click.command()
@click.option(
    "--only",
    metavar="A,B",
    callback=_chosen,
    help=f"Only these parts: {', '.join(PARTS)}.",
)
@click.option(
    "--questions",
    type=click.IntRange(QUESTIONS_MIN),
    default=20,
    show_default=True,
    help="Questions on each side.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 50),
    default=3,
    show_default=True,
    help="Turns of each program, but for the part answers.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, 10_000_000),
    default=STARTS_REQUESTS,
    show_default=True,
    help="Requests on the log of the part starts; records of the longest log of the part replay.",
)
@click.option("--quick", is_flag=True, help="The part peers with few chats: to see that it works.")
@click.option("--show", is_flag=True, help="Of the part conversations, each wrong turn.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.pass_context
def bench(
    context: click.Context,
    only: list[str],
    questions: int,
    rounds: int,
    requests: int,
    *,
    quick: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Measure latencies and rates on stacks of its own, beside baselines of the same run.

    \b
    answers     the whole platform: ingest, answers, verify
    transports  eight no-op hops, by our runner and by five others
    chats       many chats at once over a stub model
    costs       CPU of a chat by program, and what its first text waits for; only where it is named
    starts      a gateway on a log of --requests requests, without an index and with one
    memory      each process of a stack that has worked; only where it is named
    sockets     thousands of idle WebSockets and some that stream; only where it is named
    scale       the question's chain of no-op steps in 1, 2 and 4 workers
    flood       chats of 20 tenants, before and beside the flood of another one
    quality     ninety conversations, and the goals of quality on evaluation sets
    conversations  the same ones and single questions in memory, without a stack; only
                where it is named
    peers       chats and documents beside Haystack and Quix Streams; only where it is named
    replay      verifying and sealing a log, of --requests records at most, without a stack; only
                where it is named
    """
    # a stop from outside ends what was started, as Ctrl-C does
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    # clients of ours warn of each other, and one asks for that anew; figures are asked for here
    warnings.showwarning = lambda *_, **__: None
    if missing := lacking(only, lambda name: find_spec(name) is not None):
        raise click.ClickException(
            f"{' and '.join(missing)} not installed: run `make bench ONLY={','.join(only)}`, or"
            " uv sync --group bench --group peers"
        )
    asked = {
        "peers": partial(_peers, quick=quick),
        "replay": partial(_replay, records=requests),
        "starts": partial(_starts, requests=requests),
        "conversations": partial(_conversations, wrong=show),
    }
    parts = context.obj or {**PARTS, **asked}
    document, shows = measured(only, parts, questions, rounds)
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        console = Console()
        if not console.is_terminal:
            console.width = WIDTH
        for show_part in shows:
            show_part(console)
            console.print()
    if document["failures"]:
        raise click.ClickException("\n".join(document["failures"]))


def lacking(names: Sequence[str], installed: Callable[[str], bool]) -> list[str]:
    """Return the packages that the named parts need and that are not installed."""
    needed = dict.fromkeys(package for name in names for package in NEEDED.get(name, ()))
    return [package for package in needed if not installed(package)]


def measured(
    names: Sequence[str], parts: Mapping[str, Measure], questions: int, rounds: int
) -> tuple[dict[str, Any], list[Show]]:
    """Measure the named parts; one that fails is told among the failures, and the others go on."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    document: dict[str, Any] = {}
    shows: list[Show] = []
    failures: list[str] = []
    load = [os.getloadavg()]
    for name in names:
        _say(f"== {name}")
        try:
            part, show = parts[name](questions, rounds)
        except FAILURES as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
            continue
        document.update(part)
        shows.append(show)
    load.append(os.getloadavg())
    return {"machine": {**machine, "load": load}, **document, "failures": failures}, shows
