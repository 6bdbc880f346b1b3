"""A visitor: an answer is timed to its end, and a refusal says when to come back."""

import pytest

from bench.child import MeasurementFailed
from bench.flood.visitor import BROKEN, ComeBack
from tests.bench.flood.gateway import FakeGateway


async def test_the_first_text_comes_before_the_end():
    heard = await FakeGateway().visitor().ask("What?")
    assert 0 < heard.first_s <= heard.whole_s
    assert (heard.closing, heard.request) == ("completed", "r-1")


async def test_an_answer_without_text_has_no_first_one():
    heard = await FakeGateway(frames=("accepted", "error")).visitor().ask("What?")
    assert heard.first_s == 0 < heard.whole_s
    assert heard.closing == "error"


@pytest.mark.parametrize("frames", [(), ("accepted", "delta")])
async def test_a_stream_that_ends_before_its_answer_measures_nothing(frames):
    with pytest.raises(MeasurementFailed, match="ended before"):
        await FakeGateway(frames=frames).visitor().ask("What?")


@pytest.mark.parametrize("status", [429, 503])
async def test_what_is_refused_may_come_back(status):
    visitor = FakeGateway(refusals=[status, status]).visitor()
    with pytest.raises(ComeBack) as refused:
        await visitor.ask("What?")
    assert (refused.value.status, refused.value.wait_s) == (status, 0.0)
    with pytest.raises(ComeBack):
        await visitor.submit("uri", "text")
    assert await visitor.submit("uri", "text") == "uri"


async def test_a_connection_that_breaks_before_an_answer_is_tried_again():
    visitor = FakeGateway(broken=2).visitor()
    with pytest.raises(ComeBack) as broken:
        await visitor.ask("What?")
    assert broken.value.status == BROKEN
    with pytest.raises(ComeBack):
        await visitor.submit("uri", "text")
    assert await visitor.submit("uri", "text") == "uri"


async def test_what_is_read_is_read_in_the_end(monkeypatch):
    monkeypatch.setattr("bench.flood.visitor.AGAIN_S", 0.0)
    gateway = FakeGateway(broken=3)
    assert (await gateway.visitor().document("d"))["status"] == "indexed"
    assert gateway.broken == 0


async def test_what_is_wrong_is_no_figure():
    with pytest.raises(MeasurementFailed, match="answered 403"):
        await FakeGateway(refusals=[403]).visitor().ask("What?")
