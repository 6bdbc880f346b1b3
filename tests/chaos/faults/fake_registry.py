"""A registry that lies or lags: it stands before the real one, and passes on what it does not lie about."""

import json
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from infra.local.ports import HOST

TIMEOUT_S = 30.0
NOBODY = f"http://{HOST}:9/"  # the discard port: nobody answers there
JSON_TYPE = "application/vnd.schemaregistry.v1+json"
NOT_FOUND = {"error_code": 40403, "message": "Schema not found"}
BROKEN = {"error_code": 50001, "message": "Error in the backend datastore"}
FOREIGN = {"type": "record", "name": "Foreign", "namespace": "other", "fields": []}

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def _json(status: int, content: object) -> Answer:
    return status, {"Content-Type": JSON_TYPE}, json.dumps(content).encode()


LIES: dict[str, Answer] = {
    "404": _json(404, NOT_FOUND),
    "{}": _json(200, {}),
    "redirect": (302, {"Location": NOBODY}, b""),
    "500": _json(500, BROKEN),
}
"""What is answered to whatever is asked; besides these there are `other type` and `hangs`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed while it was connected."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakeRegistryProxy:
    """Stands before a registry, in threads of its own; `being` makes it lie for a while."""

    def __init__(self, port: int, registry: str) -> None:
        self._real = urlsplit(registry)
        self._lie = ""
        self._over = threading.Event()
        self._told: dict[str, bytes] = {}
        """Definition behind each path that was asked for in truth."""
        self.counts: Counter[str] = Counter()
        """Lies told, by kind."""
        proxy = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body would wait 40 ms behind its head

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else None
                status, headers, content = proxy._answer(self.command, self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Server((HOST, port), _Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.server_port}{self._real.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def being(self, lie: str) -> Iterator[bool]:
        """Lie for a while; yields whether that could be: it tells one lie at a time."""
        if self._lie:
            yield False
            return
        self._over.clear()
        self._lie = lie
        try:
            yield True
        finally:
            self._lie = ""
            self._over.set()

    def _answer(self, method: str, path: str, body: bytes | None) -> Answer:
        if lie := self._lie:
            self.counts[lie] += 1
        if lie in LIES:
            return LIES[lie]
        if lie == "hangs":
            self._over.wait()
        if lie == "other type" and "/schemas/ids/" in path:
            others = (content for known, content in self._told.items() if known != path)
            return 200, {"Content-Type": JSON_TYPE}, next(others, _json(200, FOREIGN)[2])
        return self._forward(method, path, body)

    def _forward(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Content-Type": JSON_TYPE} if body is not None else {}
        address = f"http://{self._real.netloc}{path}"
        request = urllib.request.Request(address, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                content = answer.read()
                if "/schemas/ids/" in path:
                    self._told[path] = content
                return answer.status, {"Content-Type": JSON_TYPE}, content
        except urllib.error.HTTPError as error:
            return error.code, {"Content-Type": JSON_TYPE}, error.read()
        except OSError as error:
            return _json(502, {"error_code": 502, "message": type(error).__name__})
