"""A site on this machine: pages that a test names, served over HTTP as they are told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class SitePage:
    """An answer; `body` may write for as long as it likes."""

    body: bytes | Callable[[BaseHTTPRequestHandler], None] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def html(*links: str, text: str = "text", head: str = "", **headers: str) -> SitePage:
    """Return a page of HTML that links to others."""
    anchors = "".join(f'<a href="{link}">there</a>' for link in links)
    body = f"<html><head><title>t</title>{head}</head><body><p>{text}</p>{anchors}</body></html>"
    return SitePage(body.encode(), headers={"Content-Type": "text/html; charset=utf-8", **headers})


@dataclass
class LocalSite:
    """Serves `pages` by path and query, or what `page_of` gives. A context manager."""

    pages: dict[str, SitePage] = field(default_factory=dict)
    page_of: Callable[[str], SitePage | None] = lambda _path: None
    asked: Counter[str] = field(default_factory=Counter)
    conditional: Counter[str] = field(default_factory=Counter)
    """Paths that were asked for with a condition."""
    agents: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body would wait 40 ms behind its head

            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        self.asked[path] += 1
        self.agents.add(handler.headers.get("User-Agent", ""))
        etag = handler.headers.get("If-None-Match")
        since = handler.headers.get("If-Modified-Since")
        self.conditional[path] += bool(etag or since)
        page = self.pages.get(path) or self.page_of(path) or SitePage(status=404)
        same = (etag and etag == page.headers.get("ETag")) or (
            since and since == page.headers.get("Last-Modified")
        )
        body = b"" if same or callable(page.body) else page.body
        handler.send_response(304 if same else page.status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        if not callable(page.body) and "Content-Length" not in page.headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if callable(page.body) and not same:
            page.body(handler)
            handler.close_connection = True
        else:
            handler.wfile.write(body)
