"""Calls to connectors: their bounds, and the circuit that each connector stands behind."""

import asyncio
import contextlib
import time

import pytest

from agents.errors import Permanent, Transient
from schemas import (
    Ask,
    DocumentWithdrawn,
    Embed,
    Embedded,
    Generate,
    Generated,
    QueryRewritten,
    ReleaseState,
    Unseal,
    Unsealed,
    WriteRelease,
    Written,
)
from streams.running.breaker import CLOSED, FAILURES_MAX, HALF_OPEN, PAUSE_MAX_S, Circuit
from streams.running.cache_mark import cache_mark, mark_cached
from streams.running.run import Input
from streams.running.world import Call, World
from tests.fake_connectors import FakeConnector
from tests.fakes import a_meta
from tests.virtual_time import virtual_time

EMBED = Embed(texts=("t",), kind="query")
GENERATE = Generate(prompt="p", max_tokens=3)
CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="x", offset=0)


class FakeFaultyService(FakeConnector):
    """Answers, hangs or raises as it is told, and counts its calls."""

    service = "FakeService"

    def __init__(self):
        super().__init__()
        self.error = None
        self.hangs = False
        self.cached = None
        self.calls = 0
        self.parts = [Generated(tokens=()), Generated(tokens=(), last=True)]

    def handlers(self):
        return {Embed: self.embed, Unseal: self.unseal, WriteRelease: self.write}

    def stream_handlers(self):
        return {Generate: self.generate}

    def _mark(self):
        if self.cached is not None:
            mark_cached(**self.cached)

    async def _do(self):
        self._mark()
        self.calls += 1
        await asyncio.sleep(0.001)
        if self.hangs:
            await asyncio.sleep(3_600)
        if self.error is not None:
            raise self.error

    async def embed(self, request, call):
        await self._do()
        return Embedded(vectors=(b"",), model="m", dimensions=0)

    async def unseal(self, request, call):
        await asyncio.sleep(0.1)
        return Unsealed(values=())

    async def write(self, request, call):
        await asyncio.sleep(20)
        return Written()

    async def generate(self, request, call):
        await self._do()
        for part in self.parts:
            yield part
            self._mark()


@pytest.fixture
def service():
    return FakeFaultyService()


def due_in(seconds):
    now = time.time_ns() // 1_000
    return Call(**{**vars(CALL), "deadline": now + int(seconds * 1_000_000)})


async def collect(world, call=CALL):
    return [part async for part in world.ask_stream(GENERATE, call)]


async def open_circuit(world, service):
    service.error = Transient("connection refused")
    for _ in range(FAILURES_MAX):
        with pytest.raises(Transient):
            await world.ask(EMBED, CALL)
    service.error = None


def test_a_call_knows_the_deadline_of_its_question():
    event = QueryRewritten(
        meta=a_meta(), outcome="", subject="", question="", query="", ask=Ask(deadline=7)
    )
    assert Call.over(Input(event, "t", 0, 0)).deadline == 7


def test_a_call_knows_whose_conversation_it_is_about():
    asked = QueryRewritten(
        meta=a_meta(), outcome="", subject="jane", question="", query="", ask=Ask()
    )
    withdrawn = DocumentWithdrawn(meta=a_meta(), document="d-1")
    subjects = [Call.over(Input(event, "t", 0, 0)).subject for event in (asked, withdrawn)]
    assert subjects == ["jane", ""]


async def test_a_service_that_is_away_is_soon_not_asked(service):
    world = World((service,), timeout_s=10)
    await open_circuit(world, service)
    for ask in (world.ask(EMBED, CALL), collect(world)):
        with pytest.raises(Transient, match="FakeService is away") as caught:
            await ask
        assert caught.value.retry_after_s is not None
    assert service.calls == FAILURES_MAX


class FakeModels(FakeFaultyService):
    """Speaks for models that have a circuit each; what is no Generate has none."""

    service = ""

    def __init__(self):
        super().__init__()
        self.circuits = {}

    def circuit(self, request):
        if not isinstance(request, Generate):
            return None
        return self.circuits.setdefault(request.model, Circuit(request.model))


async def test_a_model_that_is_away_leaves_another_of_the_same_connector_alone():
    models = FakeModels()
    world = World((models,), timeout_s=10)
    models.error = Transient("out of memory")
    for _ in range(FAILURES_MAX + 2):
        with pytest.raises(Transient):
            await collect(world)
    assert (models.calls, models.circuits["chat"].wait_s > 0) == (FAILURES_MAX, True)
    models.error = None
    other = Generate(prompt="p", max_tokens=3, model="other")
    assert len([part async for part in world.ask_stream(other, CALL)]) == 2
    assert models.circuits["other"].wait_s == 0
    assert await world.ask(EMBED, CALL)


async def test_another_connector_is_asked_all_the_same(service):
    class FakeOther(FakeFaultyService):
        def handlers(self):
            return {}

    other = FakeOther()
    world = World(
        (type("FakeAway", (FakeFaultyService,), {"stream_handlers": lambda _: {}})(), other), 10
    )
    away = world._connectors[0]
    await open_circuit(world, away)
    assert len(await collect(world)) == 2


async def test_what_is_within_the_process_is_always_asked(service):
    service.service = ""
    world = World((service,), timeout_s=10)
    service.error = Transient("this lane's table is being read")
    for ask in (lambda: world.ask(EMBED, CALL), lambda: collect(world)):
        for _ in range(2 * FAILURES_MAX):
            with pytest.raises(Transient, match=r"^this lane's"):
                await ask()


async def test_what_nobody_answers_is_permanent():
    world = World((), timeout_s=10)
    for ask in (world.ask(EMBED, CALL), collect(world)):
        with pytest.raises(Permanent, match="no connector answers"):
            await ask


HURRIED = [lambda world, call: world.ask(EMBED, call), collect]


@pytest.mark.parametrize("ask", HURRIED)
async def test_a_call_for_a_question_may_take_a_share_of_its_time(service, ask):
    service.hangs = True
    world = World((service,), timeout_s=30)
    call = due_in(0.4)
    with pytest.raises(Transient, match=r"took longer than 0\.(19|2)"):
        await ask(world, call)


async def test_a_hurried_question_is_not_held_against_the_service(service):
    service.hangs = True
    world = World((service,), timeout_s=30)
    for _ in range(FAILURES_MAX + 1):
        for ask in HURRIED:
            with pytest.raises(Transient, match="took longer"):
                await ask(world, due_in(0.02))
    assert service.calls == 2 * (FAILURES_MAX + 1)


async def test_a_service_that_hangs_is_soon_not_asked(service):
    service.hangs = True
    world = World((service,), timeout_s=0.02, blamed_s=0.01)
    for _ in range(FAILURES_MAX):
        with pytest.raises(Transient, match="took longer"):
            await world.ask(EMBED, CALL)
    with pytest.raises(Transient, match="answers this tenant too late"):
        await world.ask(EMBED, CALL)


def of_tenant(tenant):
    return Call(**{**vars(CALL), "tenant": tenant})


@pytest.mark.parametrize("ask", HURRIED)
async def test_requests_of_one_tenant_that_never_end_keep_no_other_from_the_service(service, ask):
    world = World((service,), timeout_s=0.02, blamed_s=0.01)
    service.hangs = True
    for _ in range(2 * FAILURES_MAX):
        with pytest.raises(Transient):
            await ask(world, of_tenant("poison"))
    assert service.calls == FAILURES_MAX
    service.hangs = False
    assert await ask(world, of_tenant("another"))


async def test_a_service_that_hangs_for_all_is_soon_asked_by_nobody(service):
    world = World((service,), timeout_s=0.02, blamed_s=0.01)
    service.hangs = True
    for number in range(FAILURES_MAX):
        with pytest.raises(Transient, match="took longer"):
            await world.ask(EMBED, of_tenant(f"t{number}"))
    with pytest.raises(Transient, match="FakeService is away"):
        await world.ask(EMBED, of_tenant("another"))


async def test_a_step_sees_a_call_that_took_too_long_as_any_transient_error(service):
    world = World((service,), timeout_s=0.02, blamed_s=0.01)
    service.hangs = True
    with pytest.raises(Transient) as caught:
        await world.ask(EMBED, CALL)
    assert type(caught.value) is Transient


async def test_the_deadline_bounds_neither_local_calls_nor_those_that_come_after_it(service):
    world = World((service,), timeout_s=30)
    assert await world.ask(Unseal(values=()), due_in(0.05)) == Unsealed(values=())
    assert (await world.ask(EMBED, due_in(-60))).model == "m"


async def test_what_is_written_stands_so_a_deadline_does_not_give_it_up(service):
    with virtual_time():
        write = WriteRelease(state=ReleaseState(batch=0, released=""))
        assert await World((service,), timeout_s=30).ask(write, due_in(10)) == Written()
        with pytest.raises(Transient, match="took longer than 15"):
            await World((service,), timeout_s=15).ask(write, due_in(10))


async def test_a_stream_may_take_long_while_its_parts_come_in_time(service):
    async def parts(request, call):
        for _ in range(4):
            await asyncio.sleep(6)
            yield Generated(tokens=())

    service.generate = parts
    with virtual_time():
        assert len(await collect(World((service,), timeout_s=30), due_in(60))) == 4


async def test_a_stream_ends_at_the_general_bound(service):
    async def parts(request, call):
        for _ in range(100):
            await asyncio.sleep(0.01)
            yield Generated(tokens=())

    service.generate = parts
    with pytest.raises(Transient, match="took longer"):
        await collect(World((service,), timeout_s=0.1))


@pytest.mark.parametrize(("asked", "state"), [(False, HALF_OPEN), (True, CLOSED)])
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_from_a_cache_closes_no_circuit(service, streamed, asked, state):
    now = [0.0]
    circuit = Circuit("FakeService", lambda: now[0])
    world = World((service,), timeout_s=30, circuit=lambda _: circuit)
    await open_circuit(world, service)
    now[0] += PAUSE_MAX_S
    service.cached = {"asked": asked}
    if streamed:
        parts = world.ask_stream(GENERATE, CALL)
        for _ in range(3):
            with cache_mark():
                await anext(parts, None)
    else:
        with cache_mark():
            await world.ask(EMBED, CALL)
    assert circuit.state == state
    service.cached = None
    await world.ask(EMBED, CALL)
    assert circuit.state == CLOSED


async def test_answers_from_a_cache_between_failures_keep_no_circuit_closed(service):
    world = World((service,), timeout_s=10)
    for _ in range(FAILURES_MAX):
        service.error, service.cached = Transient("connection refused"), None
        with pytest.raises(Transient, match="refused"):
            await world.ask(EMBED, CALL)
        service.error, service.cached = None, {}
        with cache_mark(), contextlib.suppress(Transient):
            await world.ask(EMBED, CALL)
    with pytest.raises(Transient, match="FakeService is away"):
        await world.ask(EMBED, CALL)


async def test_a_stream_that_was_answered_in_part_closes_the_circuit(service):
    now = [0.0]
    circuit = Circuit("FakeService", lambda: now[0])
    world = World((service,), timeout_s=30, circuit=lambda _: circuit)
    await open_circuit(world, service)
    now[0] += PAUSE_MAX_S
    parts = world.ask_stream(GENERATE, CALL)
    await anext(parts)
    assert circuit.state == CLOSED
    await parts.aclose()
    assert circuit.state == CLOSED


async def test_a_reader_that_leaves_lets_go_of_the_stream(service):
    left = []

    async def parts(request, call):
        try:
            while True:
                yield Generated(tokens=())
        finally:
            left.append(True)

    service.generate = parts
    parts_read = World((service,), timeout_s=30).ask_stream(GENERATE, CALL)
    await anext(parts_read)
    await parts_read.aclose()
    assert left == [True]


async def test_all_that_load_ahead_are_waited_for(service):
    async def loaded():
        await asyncio.sleep(0)
        waited.append(service)

    waited = []
    service.loaded = loaded
    await World((FakeConnector(), service), timeout_s=10).loaded()
    assert waited == [service]
