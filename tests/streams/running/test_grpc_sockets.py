"""How gRPC's clients read their sockets, as gRPC itself takes it in a process of its own."""

import os
import subprocess
import sys

import pytest

from streams.running import grpc_sockets
from streams.running.grpc_sockets import VARIABLE, read_as_before

CALLS_NOBODY = """
from streams.running.grpc_sockets import read_as_before
read_as_before()
import grpc
try:
    grpc.insecure_channel("127.0.0.1:9").unary_unary("/none/such")(b"", timeout=60)
except grpc.RpcError as error:
    print(error.code().name)
"""


@pytest.fixture
def experiments(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    return lambda: os.environ.get(VARIABLE)


def test_the_former_way_is_chosen_where_nothing_is_said_of_it(experiments, monkeypatch):
    monkeypatch.setenv(VARIABLE, "x")  # so that what is set here is taken back
    monkeypatch.delenv(VARIABLE)
    assert read_as_before()
    assert experiments() == grpc_sockets.FORMER_SOCKETS


def test_what_an_operator_says_stays(experiments, monkeypatch):
    monkeypatch.setenv(VARIABLE, "tcp_frame_size_tuning")
    assert not read_as_before()
    assert experiments() == "tcp_frame_size_tuning"


def test_grpc_knows_what_it_is_told_and_a_call_to_nobody_fails_at_once():
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", CALLS_NOBODY],
        env=environment,
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == "UNAVAILABLE\n"
    assert "experiment" not in done.stderr
