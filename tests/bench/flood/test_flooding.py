"""The flood: everything is poured out, however often it is told to come back."""

import asyncio
import json

from bench.flood import visitor
from bench.flood.flooding import Flood
from tests.bench.flood.gateway import FakeGateway


async def test_all_is_taken_in_the_end():
    gateway = FakeGateway(refusals=[429, 503, 429, 503, 503])
    flood = Flood(documents=9, questions=7, sections=2)
    await flood.pour(gateway.visitor(), gateway.visitor())
    assert (flood.submitted, flood.answered, flood.indexed) == (9, 7, 0)
    assert sum(flood.refused.values()) == 5
    assert len(set(gateway.asked)) == 7
    await flood.count_indexed(gateway.visitor())
    assert flood.indexed == 9
    assert json.loads(json.dumps(flood.as_json())) == {
        "documents": 9,
        "questions": 7,
        "sections": 2,
        "submitted": 9,
        "indexed": 9,
        "answered": 7,
        "refused": {"429": 2, "503": 3},
    }


async def test_no_two_documents_have_a_section_in_common():
    gateway = FakeGateway()
    await Flood(documents=5, questions=0, sections=3).pour(gateway.visitor(), gateway.visitor())
    sections = [
        section for text in gateway.documents.values() for section in text.split("\n## ")[1:]
    ]
    assert len(set(sections)) == len(sections) == 15


async def test_a_document_is_large():
    gateway = FakeGateway()
    await Flood(documents=1, questions=0).pour(gateway.visitor(), gateway.visitor())
    assert 150_000 < len(gateway.documents["flood/0"]) < 250_000


async def test_questions_that_wait_for_answers_keep_no_document_back(monkeypatch):
    monkeypatch.setattr(visitor, "CONNECTIONS_MAX", 2)
    answer = b'HTTP/1.1 202 \r\nContent-Length: 19\r\n\r\n{"document_id":"d"}'
    left, all_came = iter(range(8, -1, -1)), asyncio.Event()

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            if b"/v1/documents" in head:  # a question gets no answer
                writer.write(answer)
                if not next(left):
                    all_came.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        posting, asking = (visitor.Visitor(f"http://127.0.0.1:{port}", "key") for _ in range(2))
        pouring = asyncio.create_task(Flood(9, 9, sections=2).pour(posting, asking))
        await all_came.wait()
        pouring.cancel()
        await asyncio.wait([pouring])
        await posting.close()
        await asking.close()
