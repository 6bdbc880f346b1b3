"""What a visitor is answered: by the gateway in memory as by the real one."""

import asyncio

import pytest

from bench.child import MeasurementFailed
from bench.flood.visitor import Visitor
from bench.flood.whereabouts import parts_of
from tests.bench.flood.gateway import FakeGateway

GUIDE = "# Guide\n\nA ticket for the ferry costs nine euros.\n"


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.stack)])
async def visitors(request):
    """One with a key that the gateway takes, and one without."""
    if request.param == "fake":
        yield FakeGateway().visitor(), FakeGateway(refusals=[401]).visitor()
        return
    running = request.getfixturevalue("running")
    visitors = [
        Visitor(running.settings.gateway, key) for key in (running.key("visitor"), "no-such-key")
    ]
    yield visitors
    for visitor in visitors:
        await visitor.close()


async def test_a_document_is_taken_and_an_answer_comes_with_its_end(visitors):
    visitor, stranger = visitors
    document = await visitor.submit("guide", GUIDE)
    assert isinstance(document, str)
    while (await visitor.document(document))["status"] != "indexed":  # noqa: ASYNC110 - over HTTP
        await asyncio.sleep(0.1)
    heard = await visitor.ask("What does a ticket for the ferry cost?")
    assert heard.closing == "completed"
    assert 0 < heard.first_s <= heard.whole_s
    timeline = await visitor.timeline(heard.request)
    parts = parts_of(timeline, heard)
    assert {"redact, queued", "redact, Detect", "redact, itself", "the rest"} <= parts.keys()
    assert round(sum(parts.values())) == round(1_000 * heard.whole_s)
    with pytest.raises(MeasurementFailed, match="answered 401"):
        await stranger.ask("What does a ticket for the ferry cost?")
