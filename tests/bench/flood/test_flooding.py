"""The flood: everything is poured out, however often it is told to come back."""

import json

from bench.flood.flooding import Flood
from tests.bench.flood.gateway import FakeGateway


async def test_all_is_taken_in_the_end():
    gateway = FakeGateway(refusals=[429, 503, 429, 503, 503])
    flood = Flood(documents=9, questions=7, sections=2)
    await flood.pour(gateway.visitor())
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
    await Flood(documents=5, questions=0, sections=3).pour(gateway.visitor())
    sections = [
        section for text in gateway.documents.values() for section in text.split("\n## ")[1:]
    ]
    assert len(set(sections)) == len(sections) == 15


async def test_a_document_is_large():
    gateway = FakeGateway()
    await Flood(documents=1, questions=0).pour(gateway.visitor())
    assert 150_000 < len(gateway.documents["flood/0"]) < 250_000
