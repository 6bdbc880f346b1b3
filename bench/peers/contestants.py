"""What is measured, standing: the platform as it is started for a user, and the peers beside it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.chats.stub_server import STUB, stub_server
from bench.child import ROOT, Child, MeasurementFailed, running
from bench.facts import TENANT
from bench.measured_topics import own_topics
from bench.peers.askers import PRODUCT_BODY, PeerAddress, Told, WrongWork, ask, check, connected
from bench.peers.corpus import LONG, SHORT, asked_about
from bench.peers.peer_work import PeerPlaces
from bench.peers.quix_topics import GENERATING, TOPICS, group_of_step
from bench.peers.usage import Programs
from edge.client.local_keys import LocalKeys
from infra.local import health, ports
from infra.local.run_folder import read_state
from streams.settings import Settings

HAYSTACK, QUIX, PLAYHEAD = "Haystack", "Quix", "Playhead"
AT_ONCE = 128  # answers that the model says at once: it sleeps, and must not be what is waited for
PROMPT_TOKENS = 480  # of the passages: a long answer's passage has some 350
ROUTE = {
    "name": STUB,
    "model": STUB,
    "provider": STUB,
    "input_price": 0,
    "output_price": 0,
    "quality": 1,
    "trust": "phrase",
}
CONFIGURED = {
    "passage_tokens": PROMPT_TOKENS,
    "routes": {"hurried_ms": 300, "routes": [ROUTE], "contracts": {}},
}
"""What is chosen for the step generate: the stub is asked and trusted, and its prompts are long."""
ENVIRONMENT = {
    "PLAYHEAD_GENERATIONS": str(AT_ONCE),
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "OTEL_SDK_DISABLED": "true",
}
"""What the processes are started with."""
READY_S = 180.0
POLL_S = 0.2
WORDS_S = 1.0  # for a program to write why it answered as it did: it answers first
TRY_S = 30.0  # for two answers, while something may not be joined yet


@dataclass(frozen=True)
class Contestant:
    """One of those that are measured."""

    name: str
    address: PeerAddress
    own: tuple[str, ...]
    """Names of its programs, in `programs`: what it takes beside models and index."""
    programs: Programs
    """Its own, and those that all use."""
    children: tuple[Child, ...] = ()
    """Those that the bench started."""

    def check(self) -> None:
        """Raise MeasurementFailed, with its last words, where one of them has ended."""
        for child in self.children:
            child.check()


@contextmanager
def with_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Have processes that are started meanwhile inherit these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def served_model(run: Path) -> Iterator[tuple[str, str]]:
    """Serve the stub, and tell the workers of that run where; yields its address and name."""
    with stub_server(run) as address:
        provider = {"kind": "triton", "url": address, "running_max": AT_ONCE}
        (run / "providers.json").write_text(json.dumps({STUB: provider}), encoding="utf-8")
        yield address, STUB


def playhead(settings: Settings) -> Contestant:
    """Describe the running stack, with the stub as its model."""
    chosen = subprocess.run(  # noqa: S603 - our own command
        [
            str(Path(sys.executable).with_name("playhead")),
            *("config", "set", "generate", "-", "--run", str(settings.run)),
            *("--note", "bench: the stub answers"),
        ],
        input=json.dumps(CONFIGURED),
        text=True,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    if chosen.returncode:
        raise MeasurementFailed(f"the stub could not be configured: {chosen.stderr.strip()}")
    names = {"worker": "worker", "documents": "documents", "gateway": "gateway", "broker": "kafka"}
    template = template_pid(settings.run)
    key = LocalKeys(settings).key(TENANT)
    headers = {"Authorization": f"Bearer {key}"}
    return Contestant(
        PLAYHEAD,
        PeerAddress(settings.gateway, headers, PRODUCT_BODY),
        (*names, *template),
        Programs(
            {**component_pids(settings.run, names), **template, **shared(settings.run)},
            alone=frozenset(template),
        ),
    )


def component_pids(run: Path, names: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Find processes of a stack; `names` maps what they are called here to their components."""
    components: dict[str, Any] = read_state(run)["components"]  # type: ignore[assignment]
    return {name: (components[component]["pid"],) for name, component in names.items()}


def template_pid(run: Path) -> dict[str, tuple[int, ...]]:
    """Find the process of which worker and gateway are forks, where there is one."""
    pid = read_state(run).get("template")
    return {"template": (pid,)} if isinstance(pid, int) else {}


def shared(run: Path) -> dict[str, tuple[int, ...]]:
    """Find the index and the Triton with the embedder, which all use."""
    return component_pids(run, {"weaviate": "weaviate", "triton": "triton"})


@contextmanager
def last_words_of(*children: Child) -> Iterator[None]:
    """Have a measurement that fails meanwhile tell what these wrote last: a 500 says nothing."""
    try:
        yield
    except MeasurementFailed as error:
        time.sleep(WORDS_S)
        words = "; ".join(filter(None, (child.last_words() for child in children)))
        raise MeasurementFailed(f"{error}: {words or 'not a word from it'}") from error


@contextmanager
def haystack(settings: Settings, model: tuple[str, str]) -> Iterator[Contestant]:
    """Run the Haystack peer."""
    places = PeerPlaces.on(settings, model, free_port())
    with running("bench.peers.haystack_service", places.argument()) as child:
        address = PeerAddress(f"http://{ports.HOST}:{places.port}")
        await_ready(address, [child])
        programs = Programs({"service": (child.pid,), **shared(settings.run)})
        with last_words_of(child):
            yield Contestant(HAYSTACK, address, ("service",), programs, (child,))


@contextmanager
def quix(settings: Settings, model: tuple[str, str]) -> Iterator[Contestant]:
    """Run the Quix peer; the Haystack one has filled the collection that it searches."""
    places = PeerPlaces.on(settings, model, free_port())
    argument = places.argument()
    steps = "bench.peers.quix_steps"
    with ExitStack() as stack:
        for topic, partitions in TOPICS.items():
            stack.enter_context(own_topics(settings, (topic,), partitions, (group_of_step(topic),)))
        bridge = stack.enter_context(running("bench.peers.quix_bridge", argument))
        prepare = stack.enter_context(running(steps, argument, "prepare"))
        generate = [
            stack.enter_context(running(steps, argument, "generate")) for _ in range(GENERATING)
        ]
        address = PeerAddress(f"http://{ports.HOST}:{places.port}")
        children = (bridge, prepare, *generate)
        await_ready(address, children)
        programs = Programs(
            {
                "bridge": (bridge.pid,),
                "steps": tuple(child.pid for child in (prepare, *generate)),
                **component_pids(settings.run, {"broker": "kafka"}),
                **shared(settings.run),
            }
        )
        with last_words_of(*children):
            yield Contestant(QUIX, address, ("bridge", "steps", "broker"), programs, children)


def free_port() -> int:
    """Choose a port that is free."""
    return ports.free_block()["gateway"]


def await_ready(address: PeerAddress, children: Sequence[Child], ready_s: float = READY_S) -> None:
    """Wait until a peer takes requests; raises MeasurementFailed where one of it has ended."""
    until = time.monotonic() + ready_s
    host = address.url.removeprefix("http://")
    while not health.http_ok(host, "/healthz"):
        for child in children:
            child.check()
        if time.monotonic() > until:
            raise MeasurementFailed(f"{address.url} does not answer after {ready_s:g} s")
        time.sleep(POLL_S)


def await_work(
    standing: Contestant, ready_s: float = READY_S, pause_s: float = POLL_S, try_s: float = TRY_S
) -> None:
    """Ask until the right answers come: by then all is loaded, joined and configured.

    Raises the last error where they still don't after `ready_s`.
    """
    until = time.monotonic() + ready_s
    while True:
        standing.check()
        try:
            asyncio.run(_asked_rightly(standing.address, try_s))
        except (WrongWork, TimeoutError):
            if time.monotonic() > until:
                raise
            time.sleep(pause_s)
        else:
            return


async def _asked_rightly(at: PeerAddress, try_s: float) -> None:
    async with connected() as http, asyncio.timeout(try_s):
        for place in (asked_about(SHORT)[0], asked_about(LONG)[0]):
            check(place, await ask(http, at, place.question, Told()))
