"""Arrivals: every token once and in order, whoever is faster, and failures after what came."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from agents.errors import Permanent, Transient
from connectors.arrivals import Arrival, Arrivals
from connectors.triton.stream_answers import pieces
from schemas import Usage
from tests.connectors.triton.server import generated


def ended(text="", reason="stop"):
    """The last answer of Triton, with all outputs."""
    return answer(generated(text, final=True, finish_reason=reason, usage=(5, 2)))


def token(text):
    """An answer of Triton with some of the outputs."""
    return answer(generated(text))


def answer(response):
    return service_pb2.ModelStreamInferResponse(infer_response=response)


def failed(words):
    return service_pb2.ModelStreamInferResponse(error_message=words)


def broken(name):
    """A response of which one tensor came in part."""
    response = generated("a")
    place = [output.name for output in response.outputs].index(name)
    response.raw_output_contents[place] = response.raw_output_contents[place][:-1]
    return response


async def answering(answers):
    for one in answers:
        await asyncio.sleep(0)
        yield one


async def taken(answers, pauses=()):
    """Pump and take until the last part; `pauses` are turns of the loop before each taking."""
    arrivals = Arrivals()
    pump = asyncio.create_task(arrivals.pump(pieces(answering(answers))))
    parts, pauses = [], iter(pauses)
    while not (parts and parts[-1].last):
        for _ in range(next(pauses, 0)):
            await asyncio.sleep(0)
        parts.append(await arrivals.take())
    await pump
    return parts


@given(
    st.lists(st.text("ab", min_size=1, max_size=2), max_size=12),
    st.lists(st.integers(0, 6), max_size=12),
)
def test_every_token_comes_once_and_in_order_however_slow_the_reader(texts, pauses):
    parts = asyncio.run(taken([*map(token, texts), ended()], pauses))
    assert [one.text for part in parts for one in part.tokens] == texts
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(part.tokens for part in parts[:-1])  # nobody is woken for nothing
    assert {part.model for part in parts} == {"tiny-chat@1"}


async def test_the_last_part_says_how_it_ended_and_what_it_cost():
    [part] = await taken([token("a"), ended(reason="length")], [9])
    assert (part.finish_reason, part.usage) == (
        "length",
        Usage(prompt_tokens=5, completion_tokens=2),
    )
    assert [one.text for one in part.tokens] == ["a"]


async def test_times_of_arrival_never_go_back():
    parts = await taken([*map(token, "abcdef"), ended()])
    times = [one.at_us for part in parts for one in part.tokens]
    assert times == sorted(times)
    assert all(0 <= at < 60_000_000 for at in times)  # microseconds since it began


async def test_an_answer_without_text_is_no_token():
    parts = await taken([token(""), token("a"), token(""), ended()])
    assert [one.text for part in parts for one in part.tokens] == ["a"]


@pytest.mark.parametrize(
    ("answers", "kind", "why"),
    [
        ([], Transient, "before its last token"),
        ([token("a")], Transient, "before its last token"),
        ([failed("stub died")], InferenceServerException, "stub died"),
        ([token("a"), failed("odd")], InferenceServerException, "odd"),
        ([token("a"), answer(broken("text"))], Transient, "chat answered a text that is not whole"),
        ([ended("max_tokens must be at least 1", "refused")], Permanent, "max_tokens must be"),
    ],
)
async def test_a_failure_is_raised_to_whoever_takes_after_what_came(answers, kind, why):
    arrivals = Arrivals()
    await arrivals.pump(pieces(answering(answers)))
    if answers[:1] == [token("a")]:
        assert [one.text for one in (await arrivals.take()).tokens] == ["a"]
    with pytest.raises(kind, match=why):
        await arrivals.take()
    with pytest.raises(kind, match=why):  # and again, should somebody ask
        await arrivals.take()


async def test_whoever_waits_is_woken_by_a_failure():
    arrivals = Arrivals()
    taking = asyncio.create_task(arrivals.take())
    await asyncio.sleep(0)
    await arrivals.pump(pieces(answering([failed("gone")])))
    with pytest.raises(InferenceServerException, match="gone"):
        await taking


class Spoken:
    """A model that says a token when it is told to, and what came of it so far."""

    def __init__(self, patience_s):
        self.arrivals, self.said = Arrivals(patience_s), asyncio.Queue()
        self.pump = asyncio.create_task(self.arrivals.pump(self._pieces()))
        self.taking = None

    async def _pieces(self):
        while (text := await self.said.get()) is not None:
            yield Arrival(text)
        yield Arrival(finish_reason="stop", last=True)

    async def say(self, *texts):
        for text in texts:
            self.said.put_nowait(text)
        for _ in range(20):
            await asyncio.sleep(0)

    async def part(self):
        """Texts of the next part, if one is due."""
        self.taking = self.taking or asyncio.create_task(self.arrivals.take())
        for _ in range(20):
            await asyncio.sleep(0)
        if not self.taking.done():
            return None
        taken, self.taking = self.taking.result(), None
        return [one.text for one in taken.tokens]


ENDLESS_S = 3_600.0


async def test_the_first_token_leaves_at_once_and_what_follows_is_gathered():
    spoken = Spoken(ENDLESS_S)
    await spoken.say("A")
    assert await spoken.part() == ["A"]
    await spoken.say(" lane", " is", " a")
    assert await spoken.part() is None
    spoken.arrivals.release()
    assert await spoken.part() == [" lane", " is", " a"]
    await spoken.say(" part")
    assert await spoken.part() is None  # gathered anew
    await spoken.say(None)
    assert await spoken.part() == [" part"]
    await spoken.pump


@pytest.mark.parametrize("end", [". ", "! ", '?" ', "…\n", "。"])
async def test_the_end_of_the_first_sentence_does_not_wait_and_later_ones_do(end):
    spoken = Spoken(ENDLESS_S)
    await spoken.say("A")
    assert await spoken.part() == ["A"]
    await spoken.say(" lane", end[0])
    assert (await spoken.part() is None) == (end != "。")
    await spoken.say(end[1:] + "It")  # what shows that it did end
    assert (await spoken.part())[-1] == end[1:] + "It"
    await spoken.say(" is long")
    spoken.arrivals.release()
    assert await spoken.part() == [" is long"]
    await spoken.say("er. ", "It", " ends")
    assert await spoken.part() is None
    spoken.arrivals.release()
    assert await spoken.part() == ["er. ", "It", " ends"]
    spoken.pump.cancel()


async def test_the_end_of_the_first_sentence_is_not_forgotten_for_what_follows_it():
    spoken = Spoken(ENDLESS_S)
    await spoken.say("A")
    assert await spoken.part() == ["A"]
    await spoken.say(" lane", ". ", "It", " is", " long")
    assert await spoken.part() == [" lane", ". ", "It", " is", " long"]
    spoken.pump.cancel()


async def test_a_mark_within_a_number_is_no_end():
    spoken = Spoken(ENDLESS_S)
    await spoken.say("A")
    assert await spoken.part() == ["A"]
    await spoken.say(" lane", " of", " 3.", "5", " metres")
    assert await spoken.part() is None
    await spoken.say(".", " It")
    assert await spoken.part() == [" lane", " of", " 3.", "5", " metres", ".", " It"]
    spoken.pump.cancel()


async def test_gathering_ends_by_itself_and_a_failure_does_not_wait_for_it():
    spoken = Spoken(0.01)
    await spoken.say("A")
    assert await spoken.part() == ["A"]
    await spoken.say(" lane", " is")
    assert [one.text for one in (await spoken.arrivals.take()).tokens] == [" lane", " is"]
    spoken.pump.cancel()
    arrivals = Arrivals(ENDLESS_S)
    await arrivals.pump(pieces(answering([token("a"), failed("gone")])))
    assert [one.text for one in (await arrivals.take()).tokens] == ["a"]
    with pytest.raises(InferenceServerException, match="gone"):
        await arrivals.take()
    arrivals.release()


async def test_a_reader_who_has_more_to_read_has_more_patience(monkeypatch):
    loop, waits = asyncio.get_running_loop(), []

    def call_later(delay_s, call):
        waits.append(delay_s)
        return asyncio.TimerHandle(loop.time(), call, (), loop)

    monkeypatch.setattr(loop, "call_later", call_later)
    spoken = Spoken(40.0)
    for _ in range(6):
        await spoken.say("word")
        spoken.arrivals.release()
        assert await spoken.part() == ["word"]
    spoken.pump.cancel()
    assert waits == [40.0, 60.0, 90.0, 100.0, 100.0, 100.0]


async def test_without_patience_each_token_is_a_part_of_its_own():
    spoken = Spoken(0.0)
    for text in ("A", " lane", " is"):
        await spoken.say(text)
        assert await spoken.part() == [text]
    spoken.pump.cancel()
