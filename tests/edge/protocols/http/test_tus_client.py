"""A client by another hand uploads: tuspy, the Python client of tus's own makers."""

from __future__ import annotations

import io
import os

import pytest
import requests
from tusclient import client as tus
from tusclient.exceptions import TusCommunicationError

from schemas import DocumentSubmitted

CONTENT = b"VAT is due after 3 months. " * 30_000


class Broken(io.BytesIO):
    """A file of which nothing can be read beyond a place, until it is mended."""

    breaks_at = 300_000

    def read(self, size=-1, /):
        if self.breaks_at is not None and self.tell() >= self.breaks_at:
            raise OSError("the disk is gone")
        return super().read(size)


@pytest.fixture
def client(stack):
    key = os.environ["PLAYHEAD_KEY"]
    url = os.environ["PLAYHEAD_GATEWAY"]
    return tus.TusClient(f"{url}/v1/uploads", headers={"Authorization": f"Bearer {key}"})


def test_a_client_uploads_in_parts_with_checksums_and_goes_on_after_a_break(stack, log, client):
    file = Broken(CONTENT)
    given = {"file_stream": file, "metadata": {"filename": "vat.txt"}, "chunk_size": 100_000}
    uploader = client.uploader(**given, upload_checksum=True)
    with pytest.raises(OSError, match="the disk is gone"):
        uploader.upload()
    assert not log.published(DocumentSubmitted)
    file.breaks_at = None
    again = client.uploader(url=uploader.url, **given)
    assert again.offset == 300_000
    again.upload()
    [event] = log.published(DocumentSubmitted)
    assert stack.keyring.unseal("acme", event.content) == CONTENT
    assert event.uri == "upload/vat.txt"
    assert client.uploader(url=uploader.url, **given).offset == len(CONTENT)


def test_a_client_is_told_why_and_can_end_an_upload(stack, log, client):
    with pytest.raises(TusCommunicationError) as refused:
        client.uploader(file_stream=io.BytesIO(b"x"), metadata={"filename": "../x.txt"}).upload()
    assert refused.value.status_code == 422
    assert b"leads out of its folder" in refused.value.response_content
    uploader = client.uploader(
        file_stream=io.BytesIO(b"xy"), metadata={"filename": "x.txt"}, chunk_size=1
    )
    uploader.upload_chunk()
    ended = requests.delete(
        uploader.url, headers={**client.headers, "Tus-Resumable": "1.0.0"}, timeout=10
    )
    assert ended.status_code == 204
    assert not log.published(DocumentSubmitted)
