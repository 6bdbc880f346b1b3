"""The echo under several servers: those that are there, each with all that it started."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from bench.child import MeasurementFailed, running
from bench.sockets import servers as compared
from bench.sockets.held_sockets import TokenArrivals
from bench.sockets.measured_sockets import Serving
from bench.sockets.servers import SERVERS, Tree, servers
from bench.sockets.socket_figures import figures_of

OURS = next(iter(SERVERS))
HOLDS = "x = bytearray(64 << 20); import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


def test_a_program_is_weighed_with_all_that_it_started():
    with running("timeit", "-n", "1", PARENT) as child:
        tree = Tree(child)
        deadline = time.monotonic() + 60
        while tree.held_mib() < child.held_mib() + 64:
            tree.check()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert tree.cpu_s() > child.cpu_s()
        below = compared.tree_of(child.pid)[1:]
        for one in below:  # the program ends with it, not the other way round
            one.kill()


def test_a_program_that_ended_is_told():
    with running("timeit", "-n", "1", "-r", "1", "pass") as child:
        child._process.wait(60)
        with pytest.raises(MeasurementFailed, match="ended with 0"):
            Tree(child).check()


@pytest.fixture
def served(monkeypatch):
    """Serve nothing, and measure figures of nobody."""
    began = []

    @contextmanager
    def nobody(name):
        began.append(name)
        yield Serving(name, None, "ws://nowhere/")

    async def nothing(serving, plan, idle, begin):
        return figures_of(
            serving.name,
            idle,
            held_kib=float(len(began)),
            connect_ms=1.0,
            idle_ms=1.0,
            token_us=100.0,
            broker_us=0.0,
            arrivals=TokenArrivals(2, latencies_s=[0.01, 0.02]),
        )

    monkeypatch.setattr(compared, "_served", nobody)
    monkeypatch.setattr(compared, "measured", nothing)
    monkeypatch.setattr(compared, "allow_open_files", lambda wanted: wanted)
    return began


def test_those_that_are_installed_are_compared_and_the_others_named(served, monkeypatch):
    there = {"uvicorn"}
    monkeypatch.setattr(compared, "find_spec", lambda name: name in there or None)
    done = CliRunner().invoke(servers, [])
    assert done.exit_code == 0
    assert served == [name for name, (package, _) in SERVERS.items() if package in there]
    assert "granian: granian is not installed" in done.stderr
    assert "hypercorn: hypercorn is not installed" in done.stderr
    assert OURS in done.stdout


def test_one_may_be_measured_alone(served, monkeypatch):
    monkeypatch.setattr(compared, "find_spec", lambda _: True)
    assert CliRunner().invoke(servers, ["--only", "hypercorn"]).exit_code == 0
    assert served == ["hypercorn"]
