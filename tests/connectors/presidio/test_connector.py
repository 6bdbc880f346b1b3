"""The connector: one thread beside the loop, loaded in the background and only once."""

import asyncio
import dataclasses
import threading

import pytest

from connectors.presidio import Presidio
from schemas import Detect
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=0)


@pytest.fixture
async def presidio():
    presidio = Presidio(Settings())
    yield presidio
    await presidio.close()


async def test_several_asked_at_once_are_answered_each_with_its_own(presidio):
    texts = [("Call John Smith.",), ("none", "Mail ada@example.org now"), (), ("",)]
    ask = presidio.handlers()[Detect]
    answers = await asyncio.gather(*(ask(Detect(texts=some), CALL) for some in texts))
    assert [len(answer.texts) for answer in answers] == [1, 2, 0, 1]
    kinds = [{span.kind for of in answer.texts for span in of.spans} for answer in answers]
    assert "PERSON" in kinds[0]
    assert "EMAIL_ADDRESS" in kinds[1]
    assert kinds[2] == kinds[3] == set()
    assert len({answer.model for answer in answers}) == 1


async def test_the_loop_goes_on_while_texts_are_searched(presidio):
    text = "Ada Lovelace met Charles Babbage in London. " * 400
    asking = asyncio.create_task(presidio.handlers()[Detect](Detect(texts=(text,)), CALL))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 1
    assert (await asking).texts[0].spans


async def test_who_is_in_a_hurry_passes_those_who_are_not(presidio):
    ask, ended = presidio.handlers()[Detect], []

    async def asking(name, deadline):
        call = dataclasses.replace(CALL, deadline=deadline)
        await ask(Detect(texts=("Ada Lovelace met Charles Babbage. " * 20,)), call)
        ended.append(name)

    documents = [asking(f"document {number}", 0) for number in range(3)]
    await asyncio.gather(*documents, asking("question", 2**62))
    assert ended == ["document 0", "question", "document 1", "document 2"]


async def test_threads_that_come_first_load_one_model():
    presidio = Presidio(Settings())
    models = set()

    def detect():
        models.add(presidio.detect(("x",)).model)
        models.add(id(presidio._detector))

    threads = [threading.Thread(target=detect) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len(models) == 2
    await presidio.close()


def test_it_answers_detect_and_streams_nothing():
    presidio = Presidio(Settings())
    assert set(presidio.handlers()) == {Detect}
    assert presidio.stream_handlers() == {}
    asyncio.run(presidio.close())
