"""What a stack needs and does not start itself."""

import socket

import pytest

from infra.local import components
from infra.local.leaning import answers, refuse_absent
from infra.stack_error import StackError
from streams.settings import Settings

SETTINGS = Settings(
    kafka="one:9092,two:9092",
    registry="https://user@registry/apis",
    weaviate_http="http://weaviate:8080",
    triton_grpc="triton:8001",
)


def refused(names, there=()):
    """Choose components while something answers at some addresses; return the error."""
    chosen = components.select(frozenset(names))
    with pytest.raises(StackError) as error:
        refuse_absent(chosen, SETTINGS, {*there}.__contains__)
    return str(error.value)


def test_a_worker_alone_is_told_all_that_it_lacks_and_how_to_give_it():
    said = refused(["worker"])
    assert said.startswith("worker can't do without kafka (one:9092, two:9092), registry (registry")
    assert "weaviate (weaviate:8080), triton (triton:8001): nothing answers there" in said
    assert "without --only" in said
    assert "PLAYHEAD_KAFKA, PLAYHEAD_REGISTRY, PLAYHEAD_WEAVIATE_HTTP, PLAYHEAD_TRITON_GRPC" in said


def test_only_what_is_neither_started_nor_reached_is_named():
    there = {"two:9092", "registry:443"}
    assert "without triton (triton:8001):" in refused(["gateway", "weaviate"], there)


@pytest.mark.parametrize("names", [["kafka"], ["kafka", "registry"], components.NAMES])
def test_what_needs_nothing_else_is_not_asked_about(names):
    refuse_absent(components.select(frozenset(names)), SETTINGS, lambda _: False)


def test_what_runs_elsewhere_is_enough():
    refuse_absent(components.select(frozenset({"worker"})), SETTINGS, lambda _: True)


def test_an_address_answers_while_somebody_listens_there():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert answers(address)
    assert not answers(address)
    assert not answers("127.0.0.1:no-number")
