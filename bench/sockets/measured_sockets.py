"""Holds so many sockets to the gateway, to a bare echo and to a bare relay; some of them stream.

The echo is what a socket costs. The relay has the log between, as the gateway has, and nothing
else: what the gateway takes above the relay is the gateway's, the rest the log's and the machine's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection

from bench.child import MeasurementFailed, running
from bench.gateway_starts import MODULE, await_ready
from bench.measured_topics import platform_topics
from bench.sockets.held_sockets import HeldSockets, TokenTalk, streamed
from bench.sockets.socket_figures import SocketFigures, figures_of
from bench.sockets.talks import Echoes, KeepsUp, LoggedTokens, asked
from edge.callers.api_keys import ApiKeys, keys_path
from infra.local import ports
from infra.local.process_trees import cpu_s_of, tree_of
from infra.local.run_folder import read_state
from streams.log.codec import Codec
from streams.log.writing import new_producer
from streams.running.open_files import allow_open_files
from streams.settings import Settings
from worker.wiring import known_schemas

BASELINE, RELAY, OURS = "bare echo", "bare relay", "gateway"
TENANTS = 8  # each with a key: one key may hold a thousand
FILES_BESIDE = 256  # open files that are no sockets of clients


BeginsTalk = Callable[[Sequence[ClientConnection]], Awaitable[TokenTalk]]
"""Has some sockets begin to stream."""


@dataclass(frozen=True)
class SocketsPlan:
    """How much is measured."""

    idle: tuple[int, ...] = (1_000, 2_500, 5_000)
    streaming: int = 100
    tokens: int = 50
    """Of each stream."""
    every_s: float = 0.2
    """Between two tokens of a stream."""
    idle_s: float = 20.0
    """In which CPU is counted while nothing is said: the server pings each socket once in it."""
    settle_s: float = 1.0
    """Before it is counted: what has just been opened or cut is over by then."""
    warm_up: int = 64
    """Sockets that were there before: what the first ones load is no socket's."""


class Weighed(Protocol):
    """A program whose CPU and memory are told."""

    def check(self) -> None:
        """Raise MeasurementFailed if it has ended."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used."""

    def held_mib(self) -> float:
        """Return its resident memory in MiB."""


@dataclass(frozen=True)
class Serving:
    """A program, and how it is spoken to."""

    name: str
    child: Weighed
    url: str
    keys: tuple[str, ...] = ()


def measure(
    settings: Settings, plan: SocketsPlan, say: Callable[[str], None]
) -> list[SocketFigures]:
    """Measure all sizes that the system allows files for; raises MeasurementFailed for none."""
    sizes = allowed(plan, allow_open_files(needed(plan, max(plan.idle))), say)
    with platform_topics(settings):
        codec = Codec(known_schemas(settings))
        tenants = [f"bench-{number}" for number in range(TENANTS)]
        keys = ApiKeys(keys_path(settings))
        secrets = tuple(keys.create(tenant)[1] for tenant in tenants)
        found = []
        for idle in sizes:
            with _echo() as serving:
                found.append(asyncio.run(measured(serving, plan, idle, echoes)))
            say(found[-1].line())
            for serve in (_relay(settings), _gateway(settings, secrets)):
                with serve as serving:
                    logged = _Logged(settings, codec, tenants)
                    begin = logged.begin if serving.keys else logged.relayed
                    broker = partial(_broker_cpu_s, settings)
                    found.append(asyncio.run(measured(serving, plan, idle, begin, broker)))
                say(found[-1].line())
    return found


def _broker_cpu_s(settings: Settings) -> float:
    """Return the CPU seconds that the stack's broker has used."""
    components: Any = read_state(settings.run)["components"]
    return cpu_s_of(tree_of(components["kafka"]["pid"]))


def needed(plan: SocketsPlan, idle: int) -> int:
    """Return how many files this process has open with so many idle sockets."""
    return idle + plan.streaming + plan.warm_up + FILES_BESIDE


def allowed(plan: SocketsPlan, files: int, say: Callable[[str], None]) -> list[int]:
    """Return the sizes for which so many open files suffice; tell of the others."""
    sizes = [idle for idle in plan.idle if needed(plan, idle) <= files]
    for idle in sorted(set(plan.idle) - set(sizes)):
        say(
            f"{idle:,} sockets are left out: the system allows {files:,} open files, raise"
            f" `ulimit -Hn` to {needed(plan, idle):,}"
        )
    if not sizes:
        raise MeasurementFailed(f"{files:,} open files are allowed, too few for any size")
    return sizes


@contextmanager
def _echo() -> Iterator[Serving]:
    port = ports.free_block()["gateway"]
    with running(f"{__package__}.echo_app", str(port)) as child:
        await_ready(child, f"{ports.HOST}:{port}")
        yield Serving(BASELINE, child, f"ws://{ports.HOST}:{port}/v1/chat")


@contextmanager
def _relay(settings: Settings) -> Iterator[Serving]:
    port = ports.free_block()["gateway"]
    with running(f"{__package__}.relay_app", str(port), str(settings.run)) as child:
        await_ready(child, f"{ports.HOST}:{port}")
        yield Serving(RELAY, child, f"ws://{ports.HOST}:{port}/v1/chat")


@contextmanager
def _gateway(settings: Settings, keys: tuple[str, ...]) -> Iterator[Serving]:
    port = str(ports.free_block()["gateway"])
    arguments = "--no-inbox", "--port", port, "--run", str(settings.run)
    with running(MODULE, "gateway", *arguments) as child:
        await_ready(child, f"{ports.HOST}:{port}")
        yield Serving(OURS, child, f"ws://{ports.HOST}:{port}/v1/chat", keys)


async def echoes(sockets: Sequence[ClientConnection]) -> TokenTalk:
    """Have a bare echo stream: nothing has to begin."""
    return Echoes(sockets)


class _Logged:
    """Begins what the log tells on some sockets."""

    def __init__(self, settings: Settings, codec: Codec, tenants: Sequence[str]) -> None:
        self._settings = settings
        self._codec = codec
        self._tenants = tenants

    async def begin(self, sockets: Sequence[ClientConnection]) -> TokenTalk:
        """Ask a question on each socket."""
        with closing(KeepsUp.on(self._settings.kafka, self._settings.partitions)) as keep_up:
            return await self._asked(sockets, keep_up)

    async def relayed(self, sockets: Sequence[ClientConnection]) -> TokenTalk:
        """Do the same where no question comes to the log, so that nobody has to work on it."""
        return await self._asked(sockets, lambda: None)

    async def _asked(
        self, sockets: Sequence[ClientConnection], keep_up: Callable[[], None]
    ) -> TokenTalk:
        of_each = [self._tenants[number % TENANTS] for number in range(len(sockets))]
        # as the steps write: with any number of requests on their way, a broker that is busy would
        # get each token by itself, and fall behind. Made before it is needed, as theirs: the first
        # record of a new one may wait half a second for it to be known to the broker
        producer = new_producer(self._settings, "bench")
        metas = await asked(sockets, of_each, self._settings.partitions, keep_up)
        return LoggedTokens(producer, self._codec, metas)


async def measured(
    serving: Serving,
    plan: SocketsPlan,
    idle: int,
    begin: BeginsTalk,
    broker_cpu_s: Callable[[], float] = lambda: 0.0,
) -> SocketFigures:
    """Measure one program with so many idle sockets; raises MeasurementFailed.

    `broker_cpu_s` tells what a broker between has used.
    """
    child = serving.child
    warm = HeldSockets(serving.url, serving.keys)
    await warm.open(plan.warm_up)
    warm.cut()
    alone_s = await _idle_cpu_s(child, plan.settle_s, plan.idle_s / 2)
    held = HeldSockets(serving.url, serving.keys)
    try:
        streaming = await held.open(plan.streaming)
        before_mib, before_s = child.held_mib(), child.cpu_s()
        await held.open(idle)
        connecting_s = child.cpu_s() - before_s
        idle_s = await _idle_cpu_s(child, plan.settle_s, plan.idle_s)
        after_mib = child.held_mib()
        talk = await begin(streaming)
        broker_s = broker_cpu_s()
        cpu_s, began = child.cpu_s(), asyncio.get_running_loop().time()
        with closing(talk):
            arrivals = await streamed(streaming, talk, plan.tokens, plan.every_s)
        seconds = asyncio.get_running_loop().time() - began
        spent_s = child.cpu_s() - cpu_s - idle_s * seconds
        broker_s = broker_cpu_s() - broker_s
        if held.lost:
            arrivals.errors.append(f"{held.lost} sockets were closed")
    finally:
        held.cut()
        await asyncio.sleep(0)  # which lets the loop close them: else the program would wait to end
    return figures_of(
        serving.name,
        idle,
        held_kib=(after_mib - before_mib) * 1024 / idle,
        connect_ms=connecting_s * 1000 / idle,
        idle_ms=(idle_s - alone_s) * 1000,
        token_us=spent_s * 1e6 / arrivals.tokens,
        broker_us=broker_s * 1e6 / arrivals.tokens,
        arrivals=arrivals,
    )


async def _idle_cpu_s(child: Weighed, settle_s: float, seconds: float) -> float:
    """Return the CPU seconds that a program uses a second while nobody says anything."""
    await asyncio.sleep(settle_s)
    before = child.cpu_s()
    await asyncio.sleep(seconds)
    child.check()
    return (child.cpu_s() - before) / seconds
