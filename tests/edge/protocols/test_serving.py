"""Serving, over a log in memory."""

from __future__ import annotations

import signal
import socket
import threading

import httpx
import pytest
from structlog.testing import capture_logs

from edge.protocols import serving
from edge.protocols.serving import FILES_BESIDE, CantServe, Server, open_to
from streams.watching.loop_watch import LOOK_S
from tests.edge.fake_log import FakeLog, a_gateway
from tests.edge.protocols.told_server import be_told, serve_until_told


@pytest.fixture
def gateway(tmp_path):
    return a_gateway(tmp_path, FakeLog())


def looks_each_s():
    """Tell how often the loop is looked at; 0 for never."""
    return round(signal.getitimer(signal.ITIMER_PROF)[1], 3)


def test_a_port_that_is_busy_is_one_clear_line(gateway):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(CantServe, match=f"127.0.0.1:{port}.*--port"):
            Server(gateway, "127.0.0.1", port).run_until_told()


def test_it_serves_until_a_signal_and_tells_streams_to_end(gateway):
    answers, stopping, threads, looks = [], [], {}, []

    def ask_and_stop(address):
        answers.append(httpx.get(f"http://{address}/healthz", trust_env=False))
        stopping.append(gateway.stopping)
        looks.append(looks_each_s())
        threads.update({thread.name: thread for thread in threading.enumerate()})
        be_told()

    serve_until_told(gateway, ask_and_stop)
    assert answers[0].status_code == 200
    assert "server" not in answers[0].headers
    assert stopping == [False]
    assert gateway.stopping
    assert {"standstill", "blocking_0"} <= threads.keys()
    assert (looks, looks_each_s()) == ([LOOK_S], 0.0)  # who keeps the loop is told
    threads["standstill"].join(10)
    assert not threads["standstill"].is_alive()


@pytest.mark.parametrize("missing", [0, 1])
def test_files_for_all_clients_are_asked_for_and_it_is_told_where_they_are_not_had(
    monkeypatch, missing
):
    asked = []

    def allow(wanted):
        asked.append(wanted)
        return wanted - missing

    monkeypatch.setattr(serving, "allow_open_files", allow)
    with capture_logs() as logged:
        open_to(5_000)
    assert asked == [5_000 + FILES_BESIDE]
    assert [line["open_files"] for line in logged] == [5_000 + FILES_BESIDE - 1] * missing
