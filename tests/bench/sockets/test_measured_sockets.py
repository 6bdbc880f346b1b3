"""Many sockets are measured: which sizes, and that the echo under the real server takes part."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext

import pytest

from bench.child import MeasurementFailed
from bench.sockets import measured_sockets as many
from bench.sockets.held_sockets import TokenArrivals
from bench.sockets.measured_sockets import (
    BASELINE,
    OURS,
    RELAY,
    Serving,
    SocketsPlan,
    allowed,
    needed,
)
from bench.sockets.servers import SERVERS
from bench.sockets.socket_figures import as_json, figures_of, show
from edge.answering.bounds import CONNECTIONS
from edge.callers.api_keys import ApiKeys, keys_path
from streams.settings import Settings
from tests.bench.shown import shown

PLAN = SocketsPlan()
SMALL = SocketsPlan(
    idle=(12,), streaming=3, tokens=4, every_s=0.01, idle_s=0.1, settle_s=0.0, warm_up=2
)


def test_sizes_for_which_files_are_missing_are_left_out_and_told():
    said = []
    assert allowed(PLAN, needed(PLAN, 5_000), said.append) == [1_000, 2_500, 5_000]
    assert said == []
    assert allowed(PLAN, needed(PLAN, 5_000) - 1, said.append) == [1_000, 2_500]
    assert said[0].startswith("5,000 sockets are left out: the system allows 5,419 open files")
    assert f"ulimit -Hn` to {needed(PLAN, 5_000):,}" in said[0]
    with pytest.raises(MeasurementFailed, match="200 open files"):
        allowed(PLAN, 200, said.append)


async def test_the_echo_is_measured_under_the_gateways_server():
    with many._echo() as serving:
        found = await many.measured(serving, SMALL, 12, many.echoes)
    assert (found.program, found.idle, found.tokens, found.errors) == (BASELINE, 12, 12, ())
    assert found.p99_ms >= found.p50_ms > 0


async def test_the_same_sockets_stream_that_were_opened_to():
    begun = []

    async def begin(sockets):
        begun.append(len(sockets))
        return await many.echoes(sockets)

    with many._echo() as serving:
        await many.measured(serving, SMALL, 5, begin)
    assert begun == [3]


async def test_what_a_broker_between_uses_is_told_by_the_token():
    used = iter((1.0, 1.6))
    with many._echo() as serving:
        found = await many.measured(serving, SMALL, 4, many.echoes, lambda: next(used))
    assert found.broker_us == pytest.approx(0.6 * 1e6 / 12)


def figures(program, idle, kib, us, latencies=(0.01, 0.02), errors=()):
    arrivals = TokenArrivals(2, latencies_s=list(latencies), errors=list(errors))
    return figures_of(
        program,
        idle,
        held_kib=kib,
        connect_ms=0.5,
        idle_ms=12.0,
        token_us=us,
        broker_us=9.0,
        arrivals=arrivals,
    )


FOUND = [
    figures(BASELINE, 1_000, 11.0, 100.0),
    figures(OURS, 1_000, 22.0, 250.0, (0.02, 0.04)),
    figures(BASELINE, 5_000, 10.0, 100.0),
    figures(OURS, 5_000, 25.0, 150.0, errors=["3 sockets were closed"] * 5),
]


def test_each_size_stands_beside_its_own_baseline():
    lines = shown(show, FOUND).splitlines()
    ours = [line.split()[1:] for line in lines if line.startswith(OURS) and ":" not in line]
    assert ours[0] == [
        "1,000",
        "22.0",
        "2.00x",
        "0.50",
        "12.0",
        "2",
        "250",
        "2.50x",
        "9.00",
        "30.0",
        "2.00x",
        "39.8",
        "2.00x",
        "0",
    ]
    assert ours[1][1:3] == ["25.0", "2.50x"]
    assert ours[1][-1] == "5"
    assert sum("3 sockets were closed" in line for line in lines) == 3
    told = json.loads(json.dumps(as_json(FOUND)))
    assert [one["idle"] for one in told] == [1_000, 1_000, 5_000, 5_000]


def test_a_program_that_streams_nothing_ends_the_part():
    with pytest.raises(MeasurementFailed, match="gateway: no tokens came: 503"):
        figures(OURS, 9, 1.0, 1.0, latencies=(), errors=["503"])


def test_every_server_serves_the_same_application():
    arguments = [" ".join(argv("80")) for _, argv in SERVERS.values()]
    assert all("bench.sockets.echo_app" in one for one in arguments)
    assert len(set(arguments)) == len(SERVERS)


# ---------------------------------------------------------------------- the whole part


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """All but the programs: what is measured of whom, with which keys."""
    seen = []

    @contextmanager
    def echo():
        yield Serving(BASELINE, None, "ws://echo/")

    @contextmanager
    def gateway(settings, keys):
        yield Serving(OURS, None, "ws://gateway/", keys)

    @contextmanager
    def relay(settings):
        yield Serving(RELAY, None, "ws://relay/")

    async def measured(serving, plan, idle, begin, broker_cpu_s=None):
        seen.append((serving.name, idle, serving.keys, begin))
        return figures(serving.name, idle, 1.0, 1.0)

    monkeypatch.setattr(many, "_echo", echo)
    monkeypatch.setattr(many, "_relay", relay)
    monkeypatch.setattr(many, "_gateway", gateway)
    monkeypatch.setattr(many, "measured", measured)
    monkeypatch.setattr(many, "platform_topics", lambda _: nullcontext())
    monkeypatch.setattr(many, "known_schemas", lambda _: {})
    monkeypatch.setattr(many, "allow_open_files", lambda wanted: wanted)
    return Settings(run=tmp_path), seen


def test_echo_relay_and_gateway_take_turns_over_all_sizes(parts):
    settings, seen = parts
    said = []
    found = many.measure(settings, SocketsPlan(idle=(10, 20)), said.append)
    assert [(name, idle) for name, idle, *_ in seen] == [
        *((name, 10) for name in (BASELINE, RELAY, OURS)),
        *((name, 20) for name in (BASELINE, RELAY, OURS)),
    ]
    assert [one.line() for one in found] == said
    assert seen[0][3] is many.echoes


def test_the_sockets_are_of_several_tenants_whose_keys_hold_together(parts):
    settings, seen = parts
    many.measure(settings, SocketsPlan(idle=(10,)), lambda _: None)
    keys = ApiKeys(keys_path(settings))
    tenants = [keys.find(secret).tenant for secret in seen[2][2]]
    keys.close()
    assert len(set(tenants)) == many.TENANTS
    most = max(PLAN.idle) + PLAN.streaming + PLAN.warm_up
    assert most / many.TENANTS < CONNECTIONS.of_key
    assert most < CONNECTIONS.of_all
