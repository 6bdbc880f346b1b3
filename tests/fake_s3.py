"""FakeS3: buckets in memory behind HTTP, as much of S3 as listing, reading, writing, copying and deleting take.

It follows the reference of ListObjectsV2, ListObjectVersions, GetObject, HeadObject, PutObject, CopyObject and
DeleteObject: pages by continuation tokens, keys in order of their bytes and encoded where that is asked for, folders by
a delimiter, conditions on what is written, versions that a deletion leaves, errors as XML. botocore, the client of S3's
own makers, is what it is held to: it signs, parses and pages in tests/connectors/sources/test_bucket.py.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass
class FakeS3:
    """Buckets by name, of objects by key. A context manager; `url` is its endpoint."""

    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    page: int = 3
    etags: bool = True
    asked: list[str] = field(default_factory=list)
    """Paths and queries, in order."""
    signed: list[str] = field(default_factory=list)
    """What each request was signed with; empty where it was not."""
    before_page: Callable[[int], int | None] = lambda _number: None
    """Called before each page of a listing; returns a status to fail with."""
    before: Callable[[str, str], int | None] = lambda _method, _key: None
    """Called before an object is asked for or changed; returns a status to fail with."""
    after: Callable[[str, str], int | None] = lambda _method, _key: None
    """The same after it was written, so that the answer is lost and the object is there."""
    cut: Callable[[str], int | None] = lambda _key: None
    """Called before an object is sent; returns after how many bytes the connection breaks."""
    versions: dict[str, list[tuple[str, str, bytes]]] | None = None
    """Of buckets that keep what is overwritten or deleted: key, version and content. None keeps
    nothing."""

    def __enter__(self) -> Self:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a body would wait 40 ms behind its head

            def do_GET(self) -> None:
                fake.answer(self)

            def do_HEAD(self) -> None:
                fake.answer(self)

            def do_PUT(self) -> None:
                fake.put(self)

            def do_DELETE(self) -> None:
                fake.delete(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._pages = 0
        self._writing = threading.Lock()
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append(handler.path)
        self.signed.append(handler.headers.get("Authorization", ""))
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if bucket not in self.buckets:
            return self._error(handler, 404, "NoSuchBucket")
        if "list-type" in query:
            return self._list(handler, bucket, query)
        if "versions" in query:
            return self._list_versions(handler, bucket, query)
        key = unquote(key)
        if (status := self.before(handler.command, key)) is not None:
            return self._error(handler, status, code_of(status))
        return self._get(handler, self.buckets[bucket].get(key), key)

    def _list(self, handler: BaseHTTPRequestHandler, bucket: str, query: dict[str, str]) -> None:
        self._pages += 1
        if (status := self.before_page(self._pages)) is not None:
            return self._error(handler, status, code_of(status))
        objects, prefix = self.buckets[bucket], query.get("prefix", "")
        after = query.get("continuation-token", "")
        below = [key for key in sorted(objects) if key.startswith(prefix)]
        delimiter = query.get("delimiter", "")
        folded = dict.fromkeys(_folded(key, prefix, delimiter) for key in below)
        keys = [key for key in folded if key > after]
        shown, more = keys[: self.page], len(keys) > self.page
        spell = quote if query.get("encoding-type") == "url" else escape
        contents = "".join(
            f"<Contents><Key>{spell(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"{self._etag(objects[key], '<ETag>&quot;{}&quot;</ETag>')}<Size>{len(objects[key])}</Size></Contents>"
            for key in shown
            if key in objects
        ) + "".join(
            f"<CommonPrefixes><Prefix>{spell(key)}</Prefix></CommonPrefixes>"
            for key in shown
            if key not in objects
        )
        token = (
            f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        )
        kind = "<EncodingType>url</EncodingType>" if "encoding-type" in query else ""
        return self._send(
            handler,
            200,
            f"<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
            f"<Name>{bucket}</Name><KeyCount>{len(shown)}</KeyCount>{kind}"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>".encode(),
        )

    def _list_versions(
        self, handler: BaseHTTPRequestHandler, bucket: str, query: dict[str, str]
    ) -> None:
        kept = (self.versions or {}).get(bucket, [])
        told = "".join(
            f"<Version><Key>{escape(key)}</Key><VersionId>{version}</VersionId></Version>"
            for key, version, _ in kept
            if key.startswith(query.get("prefix", ""))
        )
        body = f"<ListVersionsResult><IsTruncated>false</IsTruncated>{told}</ListVersionsResult>"
        return self._send(handler, 200, body.encode())

    def put(self, handler: BaseHTTPRequestHandler) -> None:
        bucket, key, _ = self._named(handler)
        content = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        if bucket not in self.buckets:
            return self._error(handler, 404, "NoSuchBucket")
        if (status := self.before("PUT", key)) is not None:
            return self._error(handler, status, code_of(status))
        objects = self.buckets[bucket]
        with self._writing:
            if handler.headers.get("If-None-Match") == "*" and key in objects:
                return self._error(handler, 412, "PreconditionFailed")
            if (tag := handler.headers.get("If-Match")) is not None:
                if key not in objects:
                    return self._error(handler, 404, "NoSuchKey")
                if tag != self._etag(objects[key], '"{}"'):
                    return self._error(handler, 412, "PreconditionFailed")
            if (source := handler.headers.get("x-amz-copy-source")) is not None:
                from_bucket, _, from_key = unquote(source).lstrip("/").partition("/")
                if from_key not in self.buckets.get(from_bucket, {}):
                    return self._error(handler, 404, "NoSuchKey")
                content = self.buckets[from_bucket][from_key]
            self._keep_version(bucket, key)
            objects[key] = content
        if (status := self.after("PUT", key)) is not None:
            return self._error(handler, status, code_of(status))
        tag = self._etag(content, '"{}"')
        copied = f"<CopyObjectResult><ETag>{escape(tag)}</ETag></CopyObjectResult>".encode()
        return self._send(handler, 200, b"" if source is None else copied, {"ETag": tag})

    def delete(self, handler: BaseHTTPRequestHandler) -> None:
        bucket, key, query = self._named(handler)
        if bucket not in self.buckets:
            return self._error(handler, 404, "NoSuchBucket")
        if (status := self.before("DELETE", key)) is not None:
            return self._error(handler, status, code_of(status))
        if self.versions is None:
            self.buckets[bucket].pop(key, None)
            return self._send(handler, 204, b"")
        if (version := query.get("versionId")) is not None:
            kept = self.versions.get(bucket, [])
            self.versions[bucket] = [one for one in kept if one[:2] != (key, version)]
            return self._send(handler, 204, b"", {"x-amz-version-id": version})
        self._keep_version(bucket, key)
        self.buckets[bucket].pop(key, None)
        return self._send(handler, 204, b"", {"x-amz-delete-marker": "true"})

    def _keep_version(self, bucket: str, key: str) -> None:
        if self.versions is not None and key in self.buckets[bucket]:
            kept = self.versions.setdefault(bucket, [])
            kept.append((key, f"v{len(kept)}", self.buckets[bucket][key]))

    def _named(self, handler: BaseHTTPRequestHandler) -> tuple[str, str, dict[str, str]]:
        self.asked.append(f"{handler.command} {handler.path}")
        parts = urlsplit(handler.path)
        bucket, _, key = parts.path.lstrip("/").partition("/")
        return bucket, unquote(key), dict(parse_qsl(parts.query, keep_blank_values=True))

    def _get(self, handler: BaseHTTPRequestHandler, content: bytes | None, key: str) -> None:
        if content is None:
            return self._error(handler, 404, "NoSuchKey")
        headers = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if self.etags:
            headers["ETag"] = self._etag(content, '"{}"')
        return self._send(handler, 200, content, headers, self.cut(key))

    def _etag(self, content: bytes, form: str) -> str:
        return form.format(hashlib.md5(content).hexdigest()) if self.etags else ""

    def _error(self, handler: BaseHTTPRequestHandler, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code} of the fake</Message></Error>"
        self._send(handler, status, body.encode())

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
    ) -> None:
        handler.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        with suppress(OSError):  # who asked may be gone
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(body[:cut])
        if cut is not None:
            handler.close_connection = True


def code_of(status: int) -> str:
    """Return what S3 calls a status that a test asks for."""
    return {403: "AccessDenied", 404: "NoSuchKey", 503: "SlowDown"}.get(status, "InternalError")


def _folded(key: str, prefix: str, delimiter: str) -> str:
    """Return a key, or the folder that it is listed as."""
    rest = key.removeprefix(prefix)
    if not delimiter or delimiter not in rest:
        return key
    return prefix + rest.partition(delimiter)[0] + delimiter
