"""What runs in a template, run here."""

import gc
import socket
import threading

import pytest

from connectors.processes.exchange import ForkWanted, NotLoaded, frame, framed, packet
from connectors.processes.program import NotInstalled
from connectors.processes.template_process import keep_shared, loaded, refuse
from tests.connectors.processes.programs import halves, program, uninstalled

MISSING = NotLoaded("the thing is missing: install it")


def test_a_program_is_loaded_by_its_name(monkeypatch):
    monkeypatch.setattr("connectors.processes.template_process._threads", lambda: 1)
    assert list(loaded(program(halves).load)(bytearray(b"abcd"))) == [b"ab", b"cd"]


def test_a_program_that_lacks_something_is_not():
    with pytest.raises(NotInstalled, match="install it"):
        loaded(program(uninstalled).load)


def test_a_program_beside_which_another_thread_runs_is_none_for_a_template():
    over = threading.Event()
    beside = threading.Thread(target=over.wait)
    beside.start()
    try:
        with pytest.raises(NotInstalled, match=r"begins \d+ threads"):
            loaded(program(halves).load)
    finally:
        over.set()
        beside.join()


def test_the_collector_leaves_what_is_loaded_alone():
    gc.unfreeze()
    try:
        keep_shared()
        assert gc.get_freeze_count() > 1_000
    finally:
        gc.unfreeze()


def test_each_who_has_asked_is_told_what_is_missing():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    askers = []
    with ours, theirs:
        for number in range(2):
            asker, of_process = socket.socketpair()
            wanted = ForkWanted(number=number, cpu_ms=1, memory_bytes=1, niceness=0)
            socket.send_fds(ours, [packet(wanted)], [of_process.fileno()])
            of_process.close()
            askers.append(asker)
        refuse(theirs, MISSING)
        assert ours.recv(1_000) == packet(MISSING)
    for asker in askers:
        with asker:
            assert asker.recv(1_000) == framed(MISSING) != frame(b"")
            assert asker.recv(1) == b""


def test_who_asks_nothing_any_more_has_it_end():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.shutdown(socket.SHUT_WR)
        refuse(theirs, MISSING)
        ours.close()
