"""Forms with documents: several files a request, none of them on the log before all came."""

from __future__ import annotations

import asyncio
import json

import pytest

from agents.errors import Transient
from edge.protocols.http import form_documents
from edge.protocols.http.app import create_app
from edge.requests import limits
from schemas import DocumentSubmitted
from tests.edge.conftest import address_of
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import HttpClient, is_problem

TEXT = ("vat.txt", b"VAT is due.", "text/plain")
PAGE = ("handbook/index.html", b"<p>Notice: 3 months.</p>", "text/html; charset=latin-1")
B = "xx-boundary"


async def until(holds):
    while not holds():  # noqa: ASYNC110 - what changes is the gateway's
        await asyncio.sleep(0.01)


def described(**fields):
    return ("document", (None, json.dumps(fields), "application/json"))


def form(*parts):
    """Spell a form by hand: each part is its headers and its content."""
    body = b"".join(
        b"--%b\r\n%b\r\n\r\n%b\r\n" % (B.encode(), headers.encode(), content)
        for headers, content in parts
    )
    return body + f"--{B}--\r\n".encode()


def a_file(name="a.txt", content=b"x", more=""):
    return f'Content-Disposition: form-data; name="file"; filename="{name}"{more}', content


async def post(call, body, boundary=B, **headers):
    kind = f"multipart/form-data; boundary={boundary}"
    return await call(
        "POST", "/v1/documents", content=body, headers={"Content-Type": kind, **headers}
    )


async def test_each_file_of_a_form_is_a_document_sealed_under_its_own_key(call, gateway, log):
    response = await call("POST", "/v1/documents", files=[("file", TEXT), ("file", PAGE)])
    assert response.status_code == 202, response.text
    taken = response.json()["documents"]
    events = log.published(DocumentSubmitted)
    assert [one["name"] for one in taken] == ["vat.txt", "handbook/index.html"]
    assert [one["request_id"] for one in taken] == [event.meta.id for event in events]
    assert [one["document_id"] for one in taken] == [event.document for event in events]
    assert [event.uri for event in events] == ["upload/vat.txt", "upload/handbook/index.html"]
    assert [event.media_type for event in events] == ["text/plain", "text/html; charset=latin-1"]
    for event, sent in zip(events, (TEXT, PAGE), strict=True):
        assert event.content.key == f"document/{event.document}"
        assert gateway.keyring.unseal("acme", event.content) == sent[1]


async def test_a_description_is_of_the_file_behind_it_alone(call, gateway, log):
    more = {"uri": "https://acme.test/vat", "title": "VAT", "metadata": {"y": 1}, "groups": ["tax"]}
    parts = [described(**more), ("file", TEXT), ("file", PAGE)]
    assert (await call("POST", "/v1/documents", files=parts)).status_code == 202
    first, second = log.published(DocumentSubmitted)
    assert (first.uri, first.metadata, first.groups) == (more["uri"], {"y": "1"}, ("tax",))
    assert gateway.keyring.unseal("acme", first.title) == b"VAT"
    assert (second.uri, second.title, second.groups) == ("upload/handbook/index.html", None, ())


@pytest.mark.parametrize(
    ("name", "sent", "known"),
    [
        ("a.pdf", "application/octet-stream", "application/pdf"),
        ("a.MD", "", "text/markdown"),
        ("a.txt", "text/html", "text/html"),
    ],
)
async def test_a_type_that_a_client_does_not_know_follows_from_the_name(
    call, log, name, sent, known
):
    more = f"\r\nContent-Type: {sent}" if sent else ""
    assert (await post(call, form(a_file(name, more=more)))).status_code == 202
    [event] = log.published(DocumentSubmitted)
    assert event.media_type == known


@pytest.mark.parametrize(
    "name",
    [
        "../a.txt",
        "a/../../b.txt",
        "/etc/passwd.txt",
        "a\x00.txt",
        "a\x07.txt",
        "C:/a.txt",
        "",
        "a//b.txt",
        "txt.\u202etfos",
        "a" * 513,
        "./a.txt",
        "a/ ../b.txt",
    ],
)
async def test_a_name_that_leads_out_of_its_folder_or_holds_controls_is_refused(call, log, name):
    is_problem(await post(call, form(a_file("good.txt"), a_file(name))), 422)
    assert not log.published(DocumentSubmitted)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nope", 400),
        (form(a_file())[:-8], 400),
        (form(a_file())[:-30], 400),
        (form(), 422),
        (form(('Content-Disposition: form-data; name="other"', b"x")), 422),
        (form(('Content-Disposition: attachment; filename="a.txt"', b"x")), 400),
        (form(("X-Nothing: x", b"x")), 400),
        (form(("X-Many: x\r\n" * 20 + "X-Last: x", b"x")), 400),
        (form((f"X-Long: {'x' * 5_000}", b"x")), 400),
        (form(a_file(more="\r\nContent-Transfer-Encoding: base64")), 400),
        (form(a_file(more='\r\nContent-Disposition: form-data; name="b"')), 400),
        (form(('Content-Disposition: form-data; name="document"', b"{}")), 400),
        (form(*[('Content-Disposition: form-data; name="document"', b"{}")] * 2, a_file()), 400),
        (form(('Content-Disposition: form-data; name="document"', b"{"), a_file()), 400),
        (form(('Content-Disposition: form-data; name="document"', b'{"title": 1}'), a_file()), 422),
        (form(a_file("a.txt"), a_file("a.txt")), 422),
        (form(a_file("a.unknown")), 422),
        (form(a_file("a.txt", more="\r\nContent-Type: application/zip")), 422),
    ],
)
async def test_a_form_that_is_not_right_is_refused_whole(call, log, body, status):
    is_problem(await post(call, body), status)
    assert not log.published(DocumentSubmitted)


async def test_a_form_names_its_boundary(call):
    kind = {"Content-Type": "multipart/form-data"}
    is_problem(await call("POST", "/v1/documents", content=form(a_file()), headers=kind), 400)
    is_problem(await post(call, form(a_file()), boundary="x" * 71), 400)


async def test_a_tenant_in_a_description_is_the_keys(call, log):
    part = ('Content-Disposition: form-data; name="document"', b'{"tenant": "globex"}')
    is_problem(await post(call, form(part, a_file())), 403)
    assert not log.published(DocumentSubmitted)


@pytest.mark.parametrize(
    "parts",
    [
        [a_file(f"{n}.txt") for n in range(limits.FORM_FILES_MAX + 1)],
        [a_file(f"{n}.txt") for n in range(10_000)],
        [('Content-Disposition: form-data; name="document"', b" " * (limits.DESCRIPTION_MAX + 1))],
    ],
)
async def test_too_much_of_anything_is_413(call, log, parts):
    is_problem(await post(call, form(*parts)), 413)
    assert not log.published(DocumentSubmitted)


async def test_a_form_and_each_of_its_files_have_the_limits_of_bodies(tmp_path, log):
    gateway = a_gateway(tmp_path / "small", log, document_bytes_max=1_000)
    gateway.start()
    call = HttpClient(create_app(gateway), a_key(gateway))
    problem = is_problem(
        await post(call, form(a_file("a.txt"), a_file("b.txt", b"x" * 1_001))), 413
    )
    assert "file 2" in problem["detail"]
    is_problem(await post(call, form(a_file("a.txt", b"x" * 1_100_000))), 413)
    assert not log.published(DocumentSubmitted)
    assert (await post(call, form(a_file("a.txt", b"x" * 1_000)))).status_code == 202
    await gateway.stop()


async def test_a_key_makes_a_repeat_the_same_documents_whatever_its_boundary(call, log):
    key = {"Idempotency-Key": "k-1"}
    first = await call("POST", "/v1/documents", files=[("file", TEXT), ("file", PAGE)], headers=key)
    again = await call("POST", "/v1/documents", files=[("file", TEXT), ("file", PAGE)], headers=key)
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert again.json() == first.json()
    assert len(log.published(DocumentSubmitted)) == 2
    for other in (
        [("file", TEXT)],
        [("file", PAGE), ("file", TEXT)],
        [described(title="t"), ("file", TEXT), ("file", PAGE)],
    ):
        is_problem(await call("POST", "/v1/documents", files=other, headers=key), 422)


async def test_a_form_is_never_whole_in_memory_and_its_files_lie_sealed(
    call, gateway, log, monkeypatch
):
    """What is counted as held, and what the file without a name holds, while a large form comes."""
    held, spools = [], []
    secret = b"Jane Doe owes VAT. " * 200_000

    class Spool(form_documents.SpooledFiles):
        def __init__(self, folder):
            super().__init__(folder)
            spools.append(self)

        def flush(self, **more):
            held.append(self.waiting)
            super().flush(**more)

        def read(self, file):
            self._out.seek(0)
            assert b"Jane" not in self._out.read()
            return super().read(file)

    monkeypatch.setattr(form_documents, "SpooledFiles", Spool)

    async def body():
        whole = form(a_file("a.txt", secret), a_file("b.txt", b"b"))
        for start in range(0, len(whole), 65_536):
            yield whole[start : start + 65_536]
            assert gateway.admission.bodies_bytes <= form_documents.HELD_BYTES

    assert (await post(call, body())).status_code == 202
    assert max(held) <= form_documents.FRAME_BYTES + 65_536
    assert gateway.admission.bodies_bytes == 0
    large, small = log.published(DocumentSubmitted)
    assert gateway.keyring.unseal("acme", large.content) == secret
    assert gateway.keyring.unseal("acme", small.content) == b"b"
    assert all(spool._out.closed for spool in spools)


async def test_a_form_that_is_cut_leaves_nothing_behind(served, gateway, log):
    before = sorted(gateway.settings.run.rglob("*"))
    whole = form(a_file("a.txt", b"x" * 3_000_000), a_file("b.txt"))
    host, port = address_of(served).split(":")
    head = (
        f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a_key(gateway)}\r\n"
        f"Content-Type: multipart/form-data; boundary={B}\r\nContent-Length: {len(whole)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + whole[:-20])
    await writer.drain()
    await until(lambda: gateway.uploading)
    writer.close()
    await until(lambda: not gateway.uploading)
    assert not log.published(DocumentSubmitted)
    assert gateway.admission.bodies_bytes == 0
    assert sorted(gateway.settings.run.rglob("*")) == before


async def test_a_broker_that_is_away_leaves_a_form_to_be_sent_again_with_its_key(
    call, log, monkeypatch
):
    """The file that is on the log already is the same request then."""
    send, key = log.send, {"Idempotency-Key": "k-2"}
    refused = iter([False, True, False])

    def fails(event):
        if next(refused):
            raise Transient("no broker")
        return send(event)

    monkeypatch.setattr(log, "send", fails)
    files = [("file", TEXT), ("file", PAGE)]
    problem = is_problem(await call("POST", "/v1/documents", files=files, headers=key), 503)
    [before] = log.published(DocumentSubmitted)
    accepted, failed = problem["documents"]
    assert (accepted["status"], accepted["request_id"]) == (202, before.meta.request)
    assert failed == {"name": PAGE[0], "status": 503}
    taken = (await call("POST", "/v1/documents", files=files, headers=key)).json()["documents"]
    assert taken[0]["request_id"] == before.meta.request
    assert [one.meta.id for one in log.published(DocumentSubmitted)] == [
        one["request_id"] for one in taken
    ]


async def test_who_may_not_hand_in_sends_no_form(app, gateway):
    reader = HttpClient(app, a_key(gateway, scopes=("ask",)))
    is_problem(await post(reader, form(a_file())), 403)


async def test_a_full_disk_is_told_and_nothing_is_taken_in(call, log, monkeypatch):
    def full(_self, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(form_documents.SpooledFiles, "flush", full)
    is_problem(await post(call, form(a_file())), 503)
    assert not log.published(DocumentSubmitted)


async def test_a_disk_that_fails_in_the_middle_is_told_with_what_is_on_the_log(
    call, log, monkeypatch
):
    read, reads = form_documents.SpooledFiles.read, iter([True, False])

    def fails(spool, file):
        if not next(reads):
            raise OSError(5, "Input/output error")
        return read(spool, file)

    monkeypatch.setattr(form_documents.SpooledFiles, "read", fails)
    problem = is_problem(await post(call, form(a_file("a.txt"), a_file("b.txt"))), 503)
    [on_log] = log.published(DocumentSubmitted)
    assert [one["status"] for one in problem["documents"]] == [202, 503]
    assert problem["documents"][0]["document_id"] == on_log.document
