"""How soon a gateway serves on a log of many requests, and what it holds: with an index, without.

The first start on a log reads all history, as every start did before there was an index; a second
one reads on from where the first had come. What an empty log takes stands beside them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from confluent_kafka import Producer
from msgspec import structs
from rich.console import Console

from bench.child import Child, MeasurementFailed, running
from bench.facts import TENANT
from bench.figure_tables import figure_table
from bench.measured_topics import platform_topics
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from infra.local import health, ports
from schemas import Event
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.settings import Settings
from worker.wiring import known_schemas

EMPTY, FIRST, AGAIN = "an empty log", "without an index", "with one"
MODULE = "infra.cli"
READY_S = 3_600.0  # for a gateway to have read all of a long log, on a loaded machine
LOOK_S = 0.05
AGE_MS = 3_600_000
INDEXED_S = 5.0  # for what was read last to be written


@dataclass(frozen=True)
class Start:
    """One start of a gateway."""

    log: str
    requests: int
    seconds: float
    """From the start of the process until it serves."""
    whole_s: float
    """The same until it knows all that is on the log."""
    cpu_s: float
    """CPU time of the process until then."""
    held_mib: float
    """Resident memory then."""


def measure(settings: Settings, requests: int, say: Callable[[str], None]) -> list[Start]:
    """Start a gateway on an empty log, and twice on one with so many requests."""
    starts = []
    with platform_topics(settings):
        codec = Codec(known_schemas(settings))
        starts.append(_start(settings, EMPTY, 0, say))
        producer = Producer({"bootstrap.servers": settings.kafka, "linger.ms": 20, "log_level": 2})
        try:
            put(producer, codec, questions(settings, requests))
        finally:
            producer.purge()
            producer.close()
        say(f"{requests:,} requests are on the log")
        for index in settings.run.glob("log-index-*"):
            index.unlink()
        starts.extend(_start(settings, log, requests, say) for log in (FIRST, AGAIN))
    return starts


def questions(settings: Settings, count: int) -> Iterator[Event]:
    """Make questions, each in a session of its own; all say the same."""
    builder = RequestBuilder(settings, Keyring(settings), edge="gateway")
    pattern = builder.question(TENANT, user="bench", text="What does a yearly ticket cost?")
    for _ in range(count):
        request = request_id(TENANT, str(uuid.uuid4()))
        session = f"s-{request}"
        lane = lane_of(TENANT, session, settings.partitions)
        named = {"id": request, "request": request, "session": session, "lane": lane}
        yield structs.replace(pattern, meta=structs.replace(pattern.meta, **named))


def put(
    producer: Producer, codec: Codec, events: Iterator[Event], patience_s: float = READY_S
) -> None:
    """Write events to a log, as of an hour ago: a gateway reads the last minutes by themselves.

    Raises MeasurementFailed where the broker does not take them.
    """
    time_ms = int(time.time() * 1_000) - AGE_MS
    for event in events:
        topic, lane, key, headers = address_of(event)
        value = codec.encode(event)
        while True:
            try:
                producer.produce(topic, value, key, lane, headers=list(headers), timestamp=time_ms)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if left := producer.flush(patience_s):
        raise MeasurementFailed(f"the broker did not take {left} records")


def _start(settings: Settings, log: str, requests: int, say: Callable[[str], None]) -> Start:
    port = str(ports.free_block()["gateway"])
    began = time.perf_counter()
    with running(
        MODULE, "gateway", "--no-inbox", "--port", port, "--run", str(settings.run)
    ) as child:
        await_ready(child, f"{ports.HOST}:{port}")
        seconds = time.perf_counter() - began
        await_ready(child, f"{ports.HOST}:{port}", whole=True)
        whole_s = time.perf_counter() - began
        start = Start(log, requests, seconds, whole_s, child.cpu_s(), child.held_mib())
        time.sleep(INDEXED_S)
    say(f"{log}: serves after {seconds:.1f} s, knows all after {whole_s:.1f} s")
    return start


def await_ready(
    child: Child, address: str, patience_s: float = READY_S, *, whole: bool = False
) -> None:
    """Wait until a gateway serves, or knows all that is on the log.

    Raises MeasurementFailed where it ends, or takes too long.
    """
    deadline = time.monotonic() + patience_s
    path = "/readyz?whole=true" if whole else "/readyz"
    while not health.http_ok(address, path):
        child.check()
        if time.monotonic() > deadline:
            raise MeasurementFailed(f"the gateway is not ready within {patience_s:g} s")
        time.sleep(LOOK_S)


def as_json(starts: Sequence[Start]) -> dict[str, Any]:
    """Return one JSON object."""
    return {"starts": [asdict(start) for start in starts]}


def show(starts: Sequence[Start], console: Console) -> None:
    """Print the table."""
    console.print("a gateway starts on a log of requests; x = ratio to a start without an index")
    [before] = [start for start in starts if start.log == FIRST]
    columns = ("serves after s", "x", "knows all after s", "x", "CPU s", "x", "MiB", "x")
    table = figure_table("start", "requests", *columns)
    for start in starts:
        table.add_row(
            start.log,
            f"{start.requests:,}",
            f"{start.seconds:.1f}",
            f"{start.seconds / before.seconds:.2f}x",
            f"{start.whole_s:.1f}",
            f"{start.whole_s / before.whole_s:.2f}x",
            f"{start.cpu_s:.1f}",
            f"{start.cpu_s / before.cpu_s:.2f}x",
            f"{start.held_mib:.0f}",
            f"{start.held_mib / before.held_mib:.2f}x",
        )
    console.print(table)
