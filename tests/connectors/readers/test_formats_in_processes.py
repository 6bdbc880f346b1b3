"""Formats in the process that reads them: what is too much ends it, and leaves nothing behind."""

import io
from pathlib import Path

import pypdf
import pytest

from agents.errors import BeyondMeans
from connectors.documents import Documents
from schemas import Parse
from streams.settings import Settings
from tests.connectors.documents.test_connector import CALL
from tests.connectors.readers.written import ODS, PDF, WRITTEN, pdf_of


@pytest.fixture
async def documents():
    one = Documents(Settings(document_cpu_s=8, document_memory_mb=700))
    yield one
    await one.close()


async def read(documents, kind, content):
    return await documents.parse(Parse(media_type=kind, content=content, formats=1), CALL)


@pytest.mark.parametrize("kind", WRITTEN)
async def test_each_format_is_read_within_the_limits(documents, kind):
    parsed = await read(documents, kind, WRITTEN[kind])
    assert not parsed.error
    assert "Some text." in " ".join(one.text for one in parsed.blocks)


@pytest.mark.slow  # it works for as long as it may
async def test_a_document_of_too_much_work_ends_its_process_alone():
    documents = Documents(Settings(document_cpu_s=1, document_memory_mb=700))
    page = pypdf.PdfReader(io.BytesIO(pdf_of(["The pump moves water. " * 60] * 8))).pages[0]
    writer = pypdf.PdfWriter()
    for _ in range(3_000):
        writer.add_page(page)
    file = io.BytesIO()
    writer.write(file)
    with pytest.raises(BeyondMeans, match="CPU time"):
        await read(documents, PDF, file.getvalue())
    assert not (await read(documents, PDF, WRITTEN[PDF])).error
    await documents.close()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="no /proc here")
async def test_few_files_may_be_open_and_none_is_written(documents):
    for kind in (PDF, ODS):
        await read(documents, kind, WRITTEN[kind])
    [process] = documents._readers._idle
    here = Path(f"/proc/{process._fork.pid.result(60)}")
    limits = {line[:26].strip(): line[26:].split()[0] for line in (here / "limits").open()}
    assert (limits["Max file size"], limits["Max open files"]) == ("0", "64")
    assert len(list((here / "fd").iterdir())) < 12
