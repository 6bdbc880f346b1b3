"""An error that leaves a stack takes no client of its broker with it."""

from __future__ import annotations

import weakref

import pytest

from bench.clients_of_errors import none_outlives_its_broker


class Client:
    """Something that should be gone before its broker."""


def fail(clients):
    client = Client()
    clients.append(weakref.ref(client))
    raise ValueError("measured wrongly")


def fail_while_failing(clients):
    try:
        fail(clients)
    finally:
        fail(clients)


def fail_because(clients):
    try:
        fail(clients)
    except ValueError as error:
        raise RuntimeError("because of it") from error


def fail_together(clients):
    errors = []
    for _ in range(2):
        try:
            fail(clients)
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup("several", errors)


@pytest.mark.parametrize("way", [fail, fail_while_failing, fail_because, fail_together])
def test_what_the_frames_of_an_error_hold_is_gone_when_it_is_told(way):
    clients = []
    errors = (ValueError, RuntimeError, ExceptionGroup)
    with pytest.raises(errors) as told, none_outlives_its_broker():
        way(clients)
    assert told.value is not None
    assert [client() for client in clients] == [None] * len(clients)
    assert clients


def test_what_is_still_running_keeps_what_it_holds():
    mine = Client()
    with pytest.raises(ValueError, match="measured wrongly"), none_outlives_its_broker():
        fail([])
    assert mine is not None


def test_a_measurement_that_ends_well_is_left_alone():
    with none_outlives_its_broker():
        pass
