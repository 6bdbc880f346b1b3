"""The connector: processes beside the loop, one of which is ready for questions at any time."""

import asyncio
import dataclasses
import subprocess
import sys

import pytest

from agents.errors import BeyondMeans
from connectors.presidio.connector import Presidio
from connectors.presidio.detection_task import DETECTION, DOCUMENT_TASK_CHARS
from connectors.presidio.detector import Detector
from connectors.tagger.tagger_detector import TaggerDetector
from schemas import Detect
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.processes.processes import templates, until
from tests.connectors.processes.programs import gated, program

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=0)
QUESTION = dataclasses.replace(CALL, deadline=2**62)

pytestmark = pytest.mark.slow  # processes, each of which loads the model


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


@pytest.fixture
def templates_before():
    """Those that stand when a test begins: one of a test before may still be ending."""
    return templates(DETECTION.load)


async def test_short_and_long_texts_and_documents_have_a_process_each_of_one_template(
    templates_before, presidio
):
    await presidio.loaded()
    [template] = [one for one in templates(DETECTION.load) if one not in templates_before]
    assert not template.children()  # none before somebody asks
    for call, text in ((QUESTION, "short"), (QUESTION, "long " * 1_000), (CALL, "a document")):
        await presidio.detect(Detect(texts=(text,)), call)
    forks = template.children()
    assert len(forks) == 3
    assert len({one.nice() for one in forks}) == 3


async def test_the_loop_goes_on_while_texts_are_searched(presidio):
    text = "Ada Lovelace met Charles Babbage in London. " * 400
    asking = asyncio.create_task(presidio.handlers()[Detect](Detect(texts=(text,)), CALL))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 1
    assert (await asking).texts[0].spans


async def test_tenants_take_turns_between_the_parts_of_a_batch(presidio):
    ask, ended = presidio.handlers()[Detect], []

    async def asking(tenant, texts):
        await ask(Detect(texts=texts), dataclasses.replace(CALL, tenant=tenant))
        ended.append(tenant)

    long = ("nothing here. " * (DOCUMENT_TASK_CHARS // 14 + 1),) * 4
    await asyncio.gather(asking("large", long), asking("small", ("Ada Lovelace",)))
    assert ended == ["small", "large"]


@pytest.fixture
async def held(monkeypatch, tmp_path):
    """Return a connector whose texts are held by the file that each begins with, and the file."""
    monkeypatch.setattr("connectors.presidio.connector.DETECTION", program(gated))
    held = Presidio(Settings())
    yield held, tmp_path / "open"
    await held.close()


async def under_way(processes):
    """Wait until a process does a task."""
    return await until(lambda: processes._queue._running and any(map(busy, processes._processes)))


def busy(process):
    return process._busy and process._loading.done()


async def test_a_question_does_not_wait_for_the_documents_before_it(held):
    presidio, gate = held
    documents = [
        asyncio.create_task(presidio.detect(Detect(texts=(f"{gate} {'x ' * length}",)), CALL))
        for length in (10, 4_000)
    ]
    await under_way(presidio._documents)
    for text in ("short", "long " * 1_000):
        await presidio.detect(Detect(texts=(text,)), QUESTION)
    assert not any(task.done() for task in documents)
    gate.touch()
    await asyncio.gather(*documents)


async def test_a_short_question_waits_for_no_long_one_and_for_none_of_its_long_texts(held):
    presidio, gate = held
    long = [
        asyncio.create_task(presidio.detect(Detect(texts=(f"{gate} {'x ' * 4_000}",)), one))
        for one in (dataclasses.replace(QUESTION, tenant=f"long-{n}") for n in range(3))
    ]
    await under_way(presidio._long)
    answer = await presidio.detect(Detect(texts=("short", "also short")), QUESTION)
    assert [text.spans for text in answer.texts] == [(), ()]
    assert not any(task.done() for task in long)
    gate.touch()
    await asyncio.gather(*long)


async def test_a_short_question_waits_for_one_short_text_of_another_tenants_many(held):
    presidio, gate = held
    await presidio.loaded()
    ended = []

    async def asking(tenant, number, text):
        call = dataclasses.replace(QUESTION, tenant=tenant, request=f"{tenant}-{number}")
        await presidio.detect(Detect(texts=(text,)), call)
        ended.append(tenant)

    some = ("first", *[f"{gate} {'x ' * 400}"] * 20)
    many = [asyncio.create_task(asking("many", *numbered)) for numbered in enumerate(some)]
    await until(lambda: ended)  # so the first of the others is held by now
    one = asyncio.create_task(asking("one", 0, "short"))
    await asyncio.sleep(0)
    gate.touch()
    await one
    assert ended == ["many", "many", "one"]
    await asyncio.gather(*many)


async def test_tenants_take_turns_between_the_pieces_of_a_question(presidio):
    ask, ended = presidio.handlers()[Detect], []

    async def asking(tenant, text):
        await ask(Detect(texts=(text,)), dataclasses.replace(QUESTION, tenant=tenant))
        ended.append(tenant)

    some = "nothing here. "  # the smaller one is still one that short ones do not wait for
    await asyncio.gather(asking("large", some * 3_000), asking("small", some * 100))
    assert ended == ["small", "large"]


@pytest.mark.parametrize(
    ("named", "detector"), [("tagger", TaggerDetector), ("presidio", Detector)]
)
async def test_the_answer_is_that_of_the_detector_that_the_settings_name(named, detector):
    presidio = Presidio(Settings(detector=named))
    texts = (
        *(f"Ada Lovelace paid ${n}, ada{n}@example.org. " * (n % 25) for n in range(50)),
        *("Ada Lovelace paid 5$. " * n for n in (50, 75, 99)),
        *("Ada Lovelace met Charles Babbage in London, 10.0.0.1. " * 800, "$_" * 12_345, "", "x"),
    )
    alone = detector()
    found = alone.find(texts)
    for call in (CALL, QUESTION):
        answer = await presidio.detect(Detect(texts=texts), call)
        assert [one.spans for one in answer.texts] == found
        assert answer.model == alone.name
    await presidio.close()


async def test_this_process_never_loads_the_model():
    code = (
        "import sys; from connectors.who_answers import CONNECTORS; "
        "import worker.wiring; from connectors.presidio.connector import Presidio; "
        "print({'spacy', 'presidio_analyzer', 'lxml'} & set(sys.modules))"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


async def test_what_takes_too_much_work_is_an_error_in_words_and_the_next_is_answered():
    presidio = Presidio(
        Settings(detection_cpu_s=0.2, detector="presidio")  # less than a single piece takes
    )
    much = Detect(texts=("'_" * 500_000,))
    for call in (CALL, QUESTION):
        with pytest.raises(
            BeyondMeans, match=r"more than 0.2 s of CPU time: ask .*DETECTION_CPU_S"
        ):
            await presidio.detect(much, call)
        assert (await presidio.detect(Detect(texts=("Ada Lovelace",)), call)).texts[0].spans
    await presidio.close()


def test_it_answers_detect_and_streams_nothing():
    presidio = Presidio(Settings())
    assert set(presidio.handlers()) == {Detect}
    assert presidio.stream_handlers() == {}
    asyncio.run(presidio.close())
