"""Documents: read where they lie, handed in by each program's own way, searchable when it is said so."""

import gzip
import json

import pytest

from bench.child import MeasurementFailed
from bench.peers.askers import connected
from bench.peers.document_rates import (
    SETS,
    HaystackShelf,
    PlatformShelf,
    documents_of,
    fill,
    put_all,
)
from tests.bench.peers.peer_in_memory import peer


@pytest.fixture
def data(tmp_path):
    for file, *_ in SETS.values():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8") as lines:
            for number in range(10):
                lines.write(
                    json.dumps(
                        {"id": str(number), "text": f"text {number}" if number != 3 else " "}
                    )
                    + "\n"
                )
    return tmp_path


@pytest.mark.parametrize(
    ("name", "media_type"), [("squad", "text/plain"), ("awsdocs", "text/markdown")]
)
def test_documents_are_spread_over_their_set_and_none_is_empty(data, name, media_type):
    found = documents_of(name, data, 3)
    assert (found.media_type, found.texts) == (media_type, ("text 0", "text 4", "text 7"))


def test_a_small_set_gives_what_it_has(data):
    assert len(documents_of("squad", data).texts) == 9


def test_a_set_that_is_not_there_is_none(tmp_path):
    assert documents_of("squad", tmp_path) is None


async def put(kind, **faults):
    async with peer(None, **faults) as (at, asked), connected() as http:
        await put_all(
            kind(http, at), [(f"d/{n}", "text/plain", f"text {n}") for n in range(5)], at_once=2
        )
    return asked


async def test_haystack_is_told_uri_and_content():
    asked = await put(HaystackShelf)
    assert sorted(asked, key=lambda body: body["uri"]) == [
        {"uri": f"d/{n}", "content": f"text {n}"} for n in range(5)
    ]


@pytest.mark.parametrize("refusals", [(), (429, 503)])
async def test_the_platform_is_asked_until_each_is_searchable(refusals):
    asked = await put(PlatformShelf, refusals=refusals, states=["accepted", "ingested", "indexed"])
    assert len(asked) == 5 + len(refusals)
    assert asked[-1]["media_type"] == "text/plain"


async def test_a_document_that_failed_is_told_with_its_reason():
    with pytest.raises(MeasurementFailed, match="d/0 failed: torn"):
        await put(PlatformShelf, states=["failed"])


@pytest.mark.parametrize("kind", [HaystackShelf, PlatformShelf])
async def test_a_document_that_is_not_taken_is_told(kind):
    with pytest.raises(MeasurementFailed, match=r"400: .*no such thing"):
        await put(kind, status=400)


def test_the_rate_counts_all_documents():
    class Shelf:
        def __init__(self, *_):
            self.held = []

        async def put(self, *document):
            self.held.append(document)

    assert fill(Shelf, None, [("a", "b", "c")] * 7) > 7
