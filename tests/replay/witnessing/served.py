"""Servers for tests: a witness of our own, and one that answers whatever a test says."""

import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from replay.witnessing.cosignature import Cosigner
from replay.witnessing.witness_policy import HttpWitness
from replay.witnessing.witness_server import server_of
from replay.witnessing.witness_state import WitnessState
from tests.replay.seal.sealed_log import SIGNER

NOW_S = 1_800_000_000


def a_state(folder, cosigner=None, logs=(SIGNER.verifier,), now_s=lambda: NOW_S):
    return WitnessState(folder, cosigner or Cosigner.new("witness.test/w"), logs, now_s)


@contextmanager
def served_witness(folder, cosigner=None, **how):
    """Serve a witness of our own; yields it as its clients name it."""
    cosigner = cosigner or Cosigner.new("witness.test/w")
    state = a_state(folder, cosigner, **how)
    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{at.getsockname()[1]}"
        server = server_of(state)
        thread = threading.Thread(target=server.run, args=([at],))
        thread.start()
        try:
            yield HttpWitness(cosigner.verifier, url)
        finally:
            server.should_exit = True
            thread.join()
            state.close()


class AnsweringServer:
    """Answers each request as `answers(handler, body)` does; a context manager."""

    def __init__(self, answers):
        self.asked = []
        """Paths and bodies."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body would wait 40 ms behind its head

            def do_POST(self):
                self.close_connection = True
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.asked.append((self.path, body))
                with suppress(OSError):  # who asked may be gone
                    answers(self, body)

            def do_GET(self):
                self.do_POST()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def say(handler, status, body=b"", **headers):
    """Send an answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)
