"""Whether a component is there, by servers that are there in other ways."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.local import health


@pytest.fixture
def server():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.removeprefix("/")))
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "there"), [(200, True), (204, False), (404, False), (503, False)]
)
def test_only_200_is_there(server, status, there):
    assert health.http_ok(server, f"/{status}") is there


def test_a_proxy_is_not_asked(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert health.http_ok(server, "/200")


def test_nobody_and_somebody_who_speaks_otherwise_are_not_there():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        speaking = threading.Thread(target=lambda: other.accept()[0].sendall(b"SSH-2.0\r\n\r\n"))
        speaking.start()
        assert not health.http_ok(address, "/")
        speaking.join()
    assert not health.http_ok(address, "/")
    assert not health.kafka_ok(address)


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        (json.dumps({"pid": 7}), True),
        (json.dumps({"pid": 7, "state": "ready"}), True),
        (json.dumps({"pid": 7, "state": "stuck"}), False),
        (json.dumps({"pid": 8}), False),
        ("", False),
        ("[7]", False),
    ],
)
def test_a_ready_file_speaks_for_the_process_that_wrote_it(tmp_path, text, ready):
    path = tmp_path / "ready"
    assert not health.says_ready(path, 7)
    path.write_text(text)
    assert health.says_ready(path, 7) is ready
