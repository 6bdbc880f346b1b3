"""What the opener relies on of a processor: the fake keeps it as the real one does."""

import pytest

from agents.errors import Permanent
from schemas import Ask, QuestionRedacted
from streams.log.codec import Undecodable
from tests.streams.delivery.fake_processor import FakeProcessor
from tests.streams.delivery.processor_bench import ProcessorBench, a_message, a_question


class Real:
    """The real one: an input was processed when its outcome is on the log."""

    def __init__(self):
        self._bench = ProcessorBench(self._step)
        self.processor = self._bench.processor

    async def _step(self, event, _fx):
        if event.meta.session == "fails":
            raise Permanent("of the step")
        yield QuestionRedacted(outcome="redacted", subject="u", text="t", ask=Ask(deadline=0))

    @property
    def done(self):
        return sorted(
            (outcome.meta.cause.offset, outcome.SCHEMA != "QuestionRedacted")
            for outcome in self._bench.outcomes
            if outcome.meta.last
        )


class Noted:
    """The fake: what it notes."""

    def __init__(self):
        self.processor = FakeProcessor()

    @property
    def done(self):
        ran = [(item.offset, event.meta.session == "fails") for event, item in self.processor.ran]
        return sorted([*ran, *((item.offset, True) for _, item in self.processor.refused)])


@pytest.fixture(params=[Noted, Real])
async def one(request):
    return request.param()


def an_item(offset):
    return ProcessorBench(None).item(a_message(), offset)


async def test_each_input_is_processed_once_and_nothing_is_raised_or_returned(one):
    for offset, session in enumerate(("s", "fails", "s")):
        event = a_question(request=f"r-{offset}", session=session)
        assert await one.processor.run(event, an_item(offset)) is None
    assert one.done == [(0, False), (1, True), (2, False)]


async def test_what_can_not_be_read_is_refused_without_a_word(one):
    assert await one.processor.refuse(Undecodable("no magic byte"), an_item(7)) is None
    assert one.done == [(7, True)]


async def test_what_is_passed_over_leaves_nothing(one):
    assert await one.processor.pass_over(a_question(), an_item(3)) is None
    assert one.done == []
