"""Neighbours chat in a process of their own, and tell of each answer."""

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.chaos.poisons.neighbours import P95_CHATS_MIN, Chat, Neighbours, middle_s, p95_s

PATIENCE_S = 60.0


@pytest.fixture
def gateway():
    """A server that answers whatever it is asked, and notes who asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_asks_with_its_own_key_and_is_heard_of_while_they_go_on(gateway):
    with Neighbours(f"http://127.0.0.1:{gateway.server_port}", ["one", "two"]) as neighbours:
        assert neighbours.wait_for(4, 0.0, PATIENCE_S)
        assert neighbours._process.pid != os.getpid()
        later_s = neighbours.chats[-1].ended_s
        assert neighbours.wait_for(2, later_s, PATIENCE_S)
    assert not neighbours._process.is_alive()
    assert {*gateway.asked} == {"Bearer one", "Bearer two"}
    assert {chat.status for chat in neighbours.chats} == {200}
    assert len(neighbours.chats) == len(gateway.asked)


def test_what_never_comes_is_not_waited_for_for_ever():
    assert not Neighbours("http://127.0.0.1:9", []).wait_for(1, 0.0, 0.0)


@pytest.mark.parametrize(("count", "is_told"), [(P95_CHATS_MIN - 1, False), (P95_CHATS_MIN, True)])
def test_the_95th_of_100_is_told_of_enough_alone(count, is_told):
    assert (p95_s([Chat(0.0, 1.0, 200)] * count) is not None) == is_told


@pytest.mark.parametrize(("seconds", "middle"), [([], None), ([2.0], 2.0), ([1.0, 9.0, 2.0], 2.0)])
def test_of_one_answer_that_is_the_middle(seconds, middle):
    assert middle_s([Chat(0.0, one, 200) for one in seconds]) == middle
