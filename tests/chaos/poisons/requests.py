"""Poison that a caller of the gateway sends: hostile questions, searches, bodies and documents."""

import base64
import json
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import websockets
from websockets.sync.client import connect

from tests.agents.hostile import filled
from tests.chaos.poisons.fate import Fate, Poison

PATIENCE_S = 90.0
DOCUMENT_PATIENCE_S = 900.0
"""A document gives way to whatever else the machine does."""
QUESTION_CHARS = 8_000
DOCUMENT_BYTES = 16 * 2**20 - 4_096
FRAGMENTS = 100_000
ENDS = ("indexed", "failed")


def request_poisons(client: httpx.Client, gateway: str, key: str) -> Sequence[Poison]:
    """Return what one caller may send at most moments."""
    levels = b'{"properties": {"a": ' * 490 + b"{}" + b"}}" * 490

    def posted(name: str, path: str, **body: Any) -> Poison:
        return Poison(name, lambda: _answered(client.post(path, json=body)))

    def sent(name: str, content: bytes) -> Poison:
        return Poison(name, lambda: _answered(client.post("/v1/messages", content=content)))

    return (
        *(
            posted(f"a question of {unit!r}", "/v1/messages", text=filled(unit, QUESTION_CHARS))
            for unit in ("$_", "x ", "<A_", "\u0301\u0323", "it ")
        ),
        posted("a question of 200,000 characters", "/v1/messages", text="a" * 200_000),
        sent("a schema of 980 levels", b'{"text": "Why?", "response_schema": ' + levels + b"}"),
        posted(
            "300 filters", "/v1/search", text="What?", filters={str(n): "x" for n in range(300)}
        ),
        posted("a position of 2^63", "/v1/search", text="What?", as_of=2**63),
        sent("100,000 levels of JSON", b"[" * 100_000),
        sent("a JSON number of 900,000 digits", b'{"text": ' + b"9" * 900_000 + b"}"),
        sent("bytes that are no UTF-8", b'{"text": "\xff\xfe"}'),
        Poison("9 bodies that never end", lambda: _never_ending(gateway, key)),
        Poison(f"{FRAGMENTS:,} empty fragments", lambda: _fragments(gateway, key)),
    )


def document_poisons(client: httpx.Client) -> Sequence[Poison]:
    """Return documents of 16 MiB, and smaller ones that ask for much."""

    def document(name: str, media_type: str, content: Callable[[], str | bytes]) -> Poison:
        return Poison(name, lambda: _indexed(client, name, media_type, content()))

    size = DOCUMENT_BYTES
    staff = "".join(
        f"Name: Anna{n} Miller{n}, mail a{n}@example.com, phone +49 30 {100_000 + n}\n\n"
        for n in range(3_500)
    )
    return (
        document("one word of 16 MiB", "text/plain", lambda: "x" * size),
        document("16 MiB of short lines", "text/plain", lambda: filled("a\n", size)),
        document(
            "16 MiB of underlined lines", "text/plain", lambda: filled("abc\nabd\n===\n", size)
        ),
        document("16 MiB of marks", "text/plain", lambda: filled("\u0301\u0323", size // 2)),
        document("16 MiB of open elements", "text/html", lambda: filled("<div>", size)),
        document("one tag of 16 MiB", "text/html", lambda: f"<p {filled('a=1 ', size - 9)}>x"),
        document(
            "an odd charset",
            "text/html",
            lambda: b"<meta charset=punycode>" + b"a" * 700_000 + b"\xff",
        ),
        document(
            "a table of 16 MiB",
            "text/html",
            lambda: "<table>" + filled("<tr><td>a<td>b", size - 9),
        ),
        document("16 MiB of quotes", "text/markdown", lambda: filled(">", size)),
        document("16 MiB of elements", "text/markdown", lambda: filled("<div>\n\n", size)),
        document("16 MiB of brackets", "text/markdown", lambda: filled("[", size)),
        document("a staff list of 300 kB", "text/plain", lambda: staff),
    )


def _answered(response: httpx.Response) -> Fate:
    try:
        body = response.json()
    except json.JSONDecodeError:
        return Fate(f"{response.status_code}, no JSON", told=False)
    if response.is_success:
        return Fate(f"answered: {body.get('finish_reason', 'passages')}", told=True)
    what = str(body.get("type", "")).rpartition("/")[2].rpartition(":")[2]
    told = 400 <= response.status_code < 500 and bool(body.get("detail"))
    return Fate(f"{response.status_code} {what}", told=told)


def _indexed(client: httpx.Client, name: str, media_type: str, content: str | bytes) -> Fate:
    """Hand a document in, and wait until it is indexed or failed with a reason."""
    content = content if isinstance(content, bytes) else content.encode()
    body = {
        "uri": f"poison/{name}",
        "media_type": media_type,
        "content_base64": base64.b64encode(content).decode(),
    }
    taken = client.post("/v1/documents", json=body)
    if taken.status_code != 202:
        return _answered(taken)
    document, deadline = taken.json()["document_id"], time.monotonic() + DOCUMENT_PATIENCE_S
    while time.monotonic() < deadline:
        state = client.get(f"/v1/documents/{document}").json()
        if state.get("status") in ENDS:
            reason = state.get("reason") or ""
            told = state["status"] == "indexed" or bool(reason)
            return Fate(f"{state['status']} {reason[:60]}".strip(), told)
        time.sleep(0.2)
    return Fate(f"no end in {DOCUMENT_PATIENCE_S:g} s", told=False)


def _never_ending(gateway: str, key: str) -> Fate:
    """Begin nine documents that never end; the gateway says so, or closes the connections."""
    address = urlsplit(gateway)
    head = (
        f"POST /v1/documents HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {DOCUMENT_BYTES}\r\n\r\n" + '{"uri":"'
    ).encode()
    connections = []
    try:
        for _ in range(9):
            connection = socket.create_connection((address.hostname, address.port), PATIENCE_S)
            connection.settimeout(PATIENCE_S)
            connection.sendall(head)
            connections.append(connection)
        answers = {
            connection.recv(4_096).partition(b"\r\n")[0].decode() for connection in connections
        }
    except TimeoutError:
        return Fate(f"still read after {PATIENCE_S:g} s", told=False)
    finally:
        for connection in connections:
            connection.close()
    said = sorted(answer.removeprefix("HTTP/1.1 ") for answer in answers)
    return Fate(", ".join(said), told=all(answer.startswith("4") for answer in said))


def _fragments(gateway: str, key: str) -> Fate:
    """Send a message of a great many empty fragments, and look how the connection ends."""
    url = f"{gateway.replace('http', 'ws', 1)}/v1/chat"
    headers = {"Authorization": f"Bearer {key}"}
    try:
        with connect(url, additional_headers=headers, open_timeout=PATIENCE_S) as connection:
            connection.send(["{", *[""] * FRAGMENTS, "}"])
            answer = json.loads(connection.recv(PATIENCE_S))
    except websockets.ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else None
        return Fate(f"closed with {code}", told=code is not None)
    except OSError as error:
        return Fate(f"the connection broke: {type(error).__name__}", told=False)
    return Fate(f"{answer.get('type')} frame", told=answer.get("type") == "error")
