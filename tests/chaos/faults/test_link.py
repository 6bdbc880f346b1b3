"""A link passes bytes on as a plain connection does, and each of its states is felt by who uses it."""

import contextlib
import socket
import socketserver
import threading

import pytest

from infra.local.ports import HOST
from tests.chaos.faults.link import FakeLink
from tests.chaos.faults.network import STATES, network_faults
from tests.chaos.plan import Fault

SHORT_S = 0.3  # for what must not arrive
LONG_S = 30.0  # for what must


class _Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65_536):
            self.request.sendall(data)


@pytest.fixture
def echo():
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer((HOST, 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture
def link(echo):
    with FakeLink(free_port(), echo) as link:
        yield link


@pytest.fixture(params=["plain", "link"])
def port(request, echo, link):
    return echo if request.param == "plain" else link.port


def connected(port):
    return socket.create_connection((HOST, port), LONG_S)


def said(connection, data, limit_s=LONG_S):
    """Send, and return what comes back; nothing where the connection ends."""
    connection.settimeout(limit_s)
    answer = b""
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)
        while len(answer) < len(data) and (part := connection.recv(65_536)):
            answer += part
    return answer


@pytest.mark.parametrize("size", [1, 100_000, 3_000_000])
def test_bytes_come_back_as_over_a_plain_connection(port, size):
    data = bytes(range(256)) * (size // 256 + 1)
    with connected(port) as connection:
        sending = threading.Thread(target=connection.sendall, args=(data,))
        sending.start()
        answer = b""
        while len(answer) < len(data):
            part = connection.recv(65_536)
            assert part, "it has ended"
            answer += part
        sending.join()
    assert answer == data


def test_an_end_is_passed_on(port):
    with connected(port) as connection:
        assert said(connection, b"hello") == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(10) == b""


def faulty(link, kind, patience_s=0.0):
    """Return the context of a fault of the network, and where it says what it did."""
    effects = {}
    return network_faults([link], effects, patience_s)[kind](Fault(0.0, kind)), effects


def test_a_cut_ends_connections_and_refuses_new_ones(link):
    happening, effects = faulty(link, "cut")
    with connected(link.port) as connection:
        assert said(connection, b"before") == b"before"
        with happening as done:
            assert done
            assert said(connection, b"within") == b""
            with contextlib.suppress(ConnectionError), connected(link.port) as another:
                assert said(another, b"within") == b""
    with connected(link.port) as connection:
        assert said(connection, b"after") == b"after"
    assert effects == {"cut": {"connections ended": 1, "connections refused": 1}}


def test_half_open_nothing_comes_back_and_nobody_is_told_until_it_is_over(link):
    happening, effects = faulty(link, "half-open")
    with connected(link.port) as connection:
        with happening, pytest.raises(TimeoutError):
            said(connection, b"within", SHORT_S)
        assert said(connection, b"after") == b""
    assert effects == {"half-open": {"chunks held": 1}}


def test_over_a_slow_link_all_comes_late(link):
    happening, effects = faulty(link, "slow link")
    with connected(link.port) as connection, happening:
        assert said(connection, b"within") == b"within"
    assert effects == {"slow link": {"chunks delayed": 2}}


def test_a_link_has_one_fault_at_a_time(link):
    with link.being("cut"), link.being("slow") as done:
        assert not done


def test_a_fault_of_which_nobody_feels_anything_leaves_no_trace(link):
    for kind in STATES:
        happening, effects = faulty(link, kind)
        with happening:
            pass
        assert not any(effects[kind].values())


@pytest.mark.parametrize("kind", STATES)
def test_a_fault_goes_on_until_somebody_feels_it(link, kind):
    def connect():
        with contextlib.suppress(OSError), connected(link.port) as connection:
            said(connection, b"late", SHORT_S)

    happening, effects = faulty(link, kind, patience_s=LONG_S)
    connecting = threading.Timer(0.2, connect)
    with happening:
        connecting.start()
    connecting.join()
    assert any(effects[kind].values())
