"""Who listens where."""

import os
import socket

import pytest

from infra.local import ports
from infra.stack_error import StackError


@pytest.fixture
def listener():
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_block_gives_each_name_a_port_of_its_own():
    block = ports.block(7700)
    assert list(block) == list(ports.NAMES)
    assert sorted(block.values()) == list(range(7700, 7700 + len(ports.NAMES)))


def test_weaviate_finds_itself_at_its_gossip_port_plus_one():
    block = ports.block(ports.FIRST)
    assert block["weaviate_data"] == block["weaviate_gossip"] + 1
    assert ports.chosen({}, {"weaviate_gossip": 9000})["weaviate_data"] == 9001


def test_every_worker_has_a_port_of_its_own_for_metrics():
    block = ports.block(7700)
    numbers = [
        ports.number_of(block, name)
        for name in (
            "worker_metrics",
            "worker_metrics-2",
            f"worker_metrics-{2 * ports.WORKERS_MAX}",
        )
    ]
    assert numbers == [block["worker_metrics"] + further for further in (0, 1, 63)]
    assert max(numbers) == 7700 + ports.SPAN - 1
    assert not set(numbers) & {port for name, port in block.items() if name != "worker_metrics"}


def test_a_busy_port_of_a_further_worker_is_named(listener):
    block = ports.free_block() | {"worker_metrics": listener - 2}
    with pytest.raises(StackError, match=f"port {listener} for worker_metrics-3 is in use"):
        ports.refuse_busy(block, frozenset({"kafka", "worker_metrics-3"}))


def test_who_finds_a_port_busy_is_told_what_works_with_every_verb(listener):
    with pytest.raises(StackError) as busy:
        ports.refuse_busy(ports.free_block() | {"gateway": listener}, frozenset({"gateway"}))
    assert "PLAYHEAD_FREE_PORTS=1 or PLAYHEAD_PORT_GATEWAY=PORT" in str(busy.value)
    assert "`playhead up` also has --free-ports" in str(busy.value)


def test_a_flag_wins_over_the_environment():
    environment = {"PLAYHEAD_PORT_KAFKA": "9092", "PLAYHEAD_PORT_REGISTRY": "8081"}
    assert ports.chosen(environment, {"kafka": 9093}) == {"kafka": 9093, "registry": 8081}


@pytest.mark.parametrize(
    ("environment", "flags", "said"),
    [
        ({"PLAYHEAD_PORT_KAFKA": "many"}, {}, "PLAYHEAD_PORT_KAFKA is 'many'"),
        ({"PLAYHEAD_PORT_KAFKA": "70000"}, {}, "port 70000 for kafka is out of range"),
        ({}, {"kafkaa": 1}, "no port is called 'kafkaa'"),
    ],
)
def test_a_port_that_cannot_be_is_refused_by_name(environment, flags, said):
    with pytest.raises(StackError, match=said):
        ports.chosen(environment, flags)


def test_a_busy_port_is_named_with_its_holder(listener):
    block = ports.free_block() | {"registry": listener}
    ports.refuse_busy(block, frozenset({"kafka", "triton"}))
    with pytest.raises(StackError) as refused:
        ports.refuse_busy(block, frozenset({"kafka", "registry"}))
    [line, advice] = str(refused.value).splitlines()
    assert line.startswith(f"port {listener} for registry is in use by ")
    assert f"(process {os.getpid()})" in line
    assert "--free-ports" in advice


def test_a_port_that_is_taken_on_one_address_is_not_free(listener):
    assert not ports.is_free(listener)


def test_a_free_block_is_free():
    assert all(ports.is_free(port) for port in ports.free_block().values())
