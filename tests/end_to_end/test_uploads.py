"""Documents in parts on the real stack: a gateway is killed in the middle, and another goes on."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid

import httpx
import pytest

from edge.uploading.upload_store import PART_BYTES
from tests.end_to_end.gateways_beside import at, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

TUS = {"Tus-Resumable": "1.0.0"}
FACT = "The astrolabe is wound on the second Thursday."


@pytest.fixture
def tenant():
    return f"t{uuid.uuid4().hex[:10]}"


def page(fact, size):
    """A page of so many bytes of which one sentence is to be found."""
    begun, ended = f"<html><body><p>{fact}</p><!--".encode(), b"--></body></html>"
    return begun + b"x " * ((size - len(begun) - len(ended)) // 2) + ended


def created(client, content, **headers):
    name = base64.b64encode(f"{uuid.uuid4()}.html".encode()).decode()
    told = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}"}
    response = client.post("/v1/uploads", headers={**TUS, **told, **headers})
    assert response.status_code == 201, response.text
    return response.headers["location"]


def patched(client, place, offset, content, **headers):
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return client.patch(place, content=content, headers={**TUS, **kind, **headers})


def offset_at(client, place):
    response = client.head(place, headers=TUS)
    assert response.status_code == 200, response.headers
    return int(response.headers["upload-offset"])


def put_on_log(running, client, tenant, place):
    """Tell what an upload became, once it can be found; it is one request of one document."""
    told = client.get(place).json()
    assert told["status"] == "submitted"
    state = running.await_document(tenant, told["document_id"])
    assert (state["status"], state["version"]) == ("indexed", 1), state
    versions = client.get(f"/v1/documents/{told['document_id']}/versions").json()["versions"]
    assert [one["request_id"] for one in versions] == [told["request_id"]]
    # a machine that is busy beside may have a search refused, or come late
    found = until(lambda: client.post("/v1/search", json={"text": FACT}).json().get("passages"))
    assert FACT in found[0]["text"]
    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    assert verified.returncode == 0, verified.stdout
    return told


def test_a_gateway_is_killed_in_the_middle_of_a_part_and_another_goes_on(running, tenant, beside):
    content = page(FACT, 3 * PART_BYTES)
    killed = threading.Event()

    def cut():
        yield content[: PART_BYTES + 70_000]
        killed.wait(60)
        yield content[PART_BYTES + 70_000 :]

    with (
        at(beside.url, running, tenant) as one,
        at(running.settings.gateway, running, tenant) as other,
    ):
        place = created(one, content)

        def kill():
            until(lambda: offset_at(other, place) == PART_BYTES)
            beside.stop()
            killed.set()

        killing = threading.Thread(target=kill)
        killing.start()
        with pytest.raises(httpx.TransportError):
            patched(one, place, 0, cut())
        killing.join(60)
        assert killed.is_set()
        # what was whole is there; what had come of the next part was nobody's yet
        assert offset_at(other, place) == PART_BYTES
        assert patched(other, place, PART_BYTES + 1, b"x").status_code == 409
        rest = content[PART_BYTES:]
        digest = base64.b64encode(hashlib.sha256(rest).digest()).decode()
        done = patched(other, place, PART_BYTES, rest, **{"Upload-Checksum": f"sha256 {digest}"})
        assert (done.status_code, offset_at(other, place)) == (204, len(content))
        put_on_log(running, other, tenant, place)


def test_a_gateway_is_killed_and_begins_again_with_what_had_arrived(running, tenant, beside):
    content = page(FACT, PART_BYTES // 4)
    with at(beside.url, running, tenant) as client:
        place = created(client, content)
        assert patched(client, place, 0, content[:1_000]).status_code == 204
    beside.stop()
    beside.start()
    with at(beside.url, running, tenant) as client:
        assert offset_at(client, place) == 1_000
        assert patched(client, place, 1_000, content[1_000:]).status_code == 204
        put_on_log(running, client, tenant, place)


def test_of_two_gateways_that_go_on_at_once_one_is_told_to_ask_again(running, tenant, beside):
    content = page(FACT, PART_BYTES // 4)
    urls = running.settings.gateway, beside.url
    with at(urls[0], running, tenant) as one, at(urls[1], running, tenant) as other:
        place = created(one, content)
        came, statuses = threading.Barrier(2), {}

        def slowly(part):
            yield part[:1]
            came.wait(60)
            yield part[1:]

        def go_on(client):
            statuses[client] = patched(client, place, 0, slowly(content[:1_000])).status_code

        both = [threading.Thread(target=go_on, args=(client,)) for client in (one, other)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join(60)
        assert sorted(statuses.values()) == [204, 409]
        assert offset_at(one, place) == offset_at(other, place) == 1_000
        for client in (one, other):
            last = patched(client, place, 1_000, content[1_000:])
            assert last.status_code == (204 if client is one else 409)
        assert offset_at(other, place) == len(content)
        put_on_log(running, other, tenant, place)


def test_nobody_elses_key_finds_an_upload(running, tenant):
    url = running.settings.gateway
    with at(url, running, tenant) as mine, at(url, running, "watcher") as another:
        place = created(mine, b"abc")
        assert another.head(place, headers=TUS).status_code == 404
        assert patched(another, place, 0, b"abc").status_code == 404
        assert another.delete(place, headers=TUS).status_code == 404
        assert mine.delete(place, headers=TUS).status_code == 204
        assert mine.head(place, headers=TUS).status_code == 404
