"""Hedged calls over real HTTP: fakes of OpenAI's interface that hang, fail and answer, and llama.cpp's own server.

No test measures time: who is slow waits for an event, and a delay is either over at once or never.
"""

import asyncio
from contextlib import suppress

import pytest
from msgspec.structs import replace

from agents.errors import Permanent, Transient
from connectors.providers.hedged_calls import HedgeBudget
from schemas import Hedge
from streams.running.breaker import CLOSED, FAILURES_MAX, OPEN
from streams.running.world import World
from tests.connectors.providers.fake_providers import openai_says, serving
from tests.connectors.providers.providing import CALL, a_request, generated, providers, text_of
from tests.connectors.providers.test_connector import fails, state
from tests.connectors.providers.test_real_server import KEY, real

__all__ = ["real"]  # the fixture
NEVER_MS = 600_000


def a_hedge(after_ms=1, share_max=1.0, **fields):
    return Hedge(
        route="h@1", provider="h", model="small", after_ms=after_ms, share_max=share_max,
        **{"input_price": 7_000, **fields},
    )  # fmt: skip


def hedged(**fields):
    return a_request(hedge=a_hedge(**fields), input_price=3_000)


class Hanging:
    """A server's script that says nothing until it is told to, and knows when it is let go of."""

    def __init__(self, *texts):
        self.asked, self.go_on, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.texts = texts

    async def __call__(self, answer):
        self.asked.set()
        await answer.head()
        try:
            while not self.go_on.is_set():
                await answer.send(b": still here\n\n")
                await asyncio.sleep(0.001)
            await openai_says(answer, *self.texts)
        except ConnectionError:
            self.gone.set()
            raise


class Two:
    """A connector with two providers, each a server with a script."""

    def __init__(self, folder, first, second):
        self._folder, self._scripts = folder, (first, second)

    async def __aenter__(self):
        self._one, self._other = map(serving, self._scripts)
        (self.first, url), (self.second, other) = [
            await one.__aenter__() for one in (self._one, self._other)
        ]
        entries = {
            name: {"kind": "openai", "url": at, "tries_max": 1}
            for name, at in (("p", url), ("h", other))
        }
        self._providers = providers(self._folder, **entries)
        self.connector = await self._providers.__aenter__()
        return self

    async def __aexit__(self, *error):
        for one in (self._providers, self._one, self._other):
            await one.__aexit__(*error)


async def second(answer):
    await openai_says(answer, "the", " second")


async def first(answer):
    await openai_says(answer, "the", " first")


async def test_the_second_one_answers_where_the_first_says_nothing_and_that_one_is_let_go(tmp_path):
    hanging = Hanging("late")
    async with Two(tmp_path, hanging, second) as two:
        parts = await generated(two.connector, hedged())
        assert text_of(parts) == "the second"
        [told] = [part.hedged for part in parts if part.hedged]
        assert parts[0].hedged == told
        assert (told.outcome, told.route, told.after_ms) == ("won", "h@1", 1)
        prompt_tokens = len(a_request().prompt) // 4 + 1
        assert told.cost_micros == prompt_tokens * 3
        paid = sum(part.cost_micros for part in parts)
        assert paid == told.cost_micros + 11 * 7, "and the second one by its own prices"
        await hanging.gone.wait()
        assert two.second.requests[0][2]["model"] == "small"
        slow, other = [
            await state(two.connector, *one) for one in (("r@1", "big"), ("h@1", "small"))
        ]
        assert (slow.calls, slow.failures, slow.running) == (1, 0, 0)
        assert slow.first_token_p95_ms >= 1, "how long it took without a token counts"
        assert (other.calls, other.failures) == (1, 0)


async def test_times_of_tokens_are_told_since_the_first_one_was_asked(tmp_path):
    async with Two(tmp_path, Hanging(), second) as two:
        parts = await generated(two.connector, hedged(after_ms=50))
    assert all(token.at_us >= 50_000 for part in parts for token in part.tokens)


async def test_who_answers_in_time_is_asked_alone(tmp_path):
    async with Two(tmp_path, first, second) as two:
        parts = await generated(two.connector, hedged(after_ms=NEVER_MS))
        assert text_of(parts) == "the first"
        assert [part.hedged for part in parts if part.hedged] == []
        assert two.second.requests == []


async def test_the_first_one_may_still_be_first(tmp_path):
    slow, slower = Hanging("the first"), Hanging()
    async with Two(tmp_path, slow, slower) as two:
        asking = asyncio.create_task(generated(two.connector, hedged()))
        await slower.asked.wait()
        slow.go_on.set()
        parts = await asking
        assert text_of(parts) == "the first"
        assert (parts[0].hedged.outcome, parts[0].hedged.cost_micros) == (
            "lost",
            (len(a_request().prompt) // 4 + 1) * 7,
        )
        await slower.gone.wait()


async def test_who_fails_leaves_it_to_the_other(tmp_path):
    slow = Hanging("the first")
    async with Two(tmp_path, slow, fails) as two:
        asking = asyncio.create_task(generated(two.connector, hedged()))
        while not two.second.requests:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        slow.go_on.set()
        parts = await asking
        assert text_of(parts) == "the first"
        assert (parts[0].hedged.outcome, parts[0].hedged.cost_micros) == ("lost", 0)
        assert (await state(two.connector, "h@1")).failures == 1


async def test_an_error_before_the_delay_is_the_routes_own(tmp_path):
    async with Two(tmp_path, fails, second) as two:
        with pytest.raises(Transient, match="answered 500"):
            await generated(two.connector, hedged(after_ms=NEVER_MS))
        assert two.second.requests == []


async def test_where_both_fail_the_first_ones_error_is_raised(tmp_path):
    async def refuses(answer):
        while not two.second.requests:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        await answer.head(400)

    async with Two(tmp_path, refuses, fails) as two:
        with pytest.raises(Permanent, match="400"):
            await generated(two.connector, hedged())


class ToldBudget(HedgeBudget):
    """Tells when it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = asyncio.Event()

    def spend(self):
        self.asked.set()
        return super().spend()


async def test_where_enough_were_asked_twice_the_first_one_is_waited_for(tmp_path):
    slow = Hanging("the first")
    async with Two(tmp_path, slow, second) as two:
        assert (await generated(two.connector, hedged(share_max=0.0)))[0].hedged.outcome == "won"
        budget = two.connector._hedges = ToldBudget()
        assert budget.spend()
        budget.asked.clear()
        asking = asyncio.create_task(generated(two.connector, hedged(share_max=0.5)))
        await budget.asked.wait()
        slow.go_on.set()
        parts = await asking
        assert text_of(parts) == "the first"
        assert (parts[0].hedged.outcome, parts[0].hedged.cost_micros) == ("too_many", 0)
        assert len(two.second.requests) == 1


def test_a_budget_is_a_share_of_calls_and_what_is_not_used_is_kept_up_to_a_bound():
    budget = HedgeBudget()
    asked = 0
    for _ in range(1_000):
        budget.earn(0.05)
        asked += budget.spend()
    assert asked == 51
    for _ in range(1_000):
        budget.earn(0.05)
    assert sum(budget.spend() for _ in range(1_000)) == 10


async def test_each_is_asked_behind_its_own_circuit(tmp_path):
    hanging = Hanging()
    async with Two(tmp_path, hanging, fails) as two:
        world = World((two.connector,), timeout_s=60)
        for count in range(FAILURES_MAX):
            hanging.asked.clear()
            asking = asyncio.create_task(anext(world.ask_stream(hedged(), CALL)))
            while (await state(two.connector, "h@1")).failures <= count:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.001)
            asking.cancel()
            await asyncio.wait([asking])
        assert two.connector._circuit_of("h", "small").state != CLOSED
        assert two.connector._circuit_of("p", "big").state == CLOSED


async def test_an_answer_of_the_other_says_nothing_good_of_the_first_ones_service(tmp_path):
    async with Two(tmp_path, Hanging(), second) as two:
        world = World((two.connector,), timeout_s=60)
        circuit = two.connector._circuit_of("p", "big")

        def fails_once():
            with suppress(Transient), circuit.guard(CALL.tenant):
                raise Transient("away")

        for _ in range(FAILURES_MAX - 1):
            fails_once()
        parts = [part async for part in world.ask_stream(hedged(), CALL)]
        assert text_of(parts) == "the second"
        assert circuit.state == CLOSED
        fails_once()
        assert circuit.state == OPEN


async def test_who_has_enough_lets_go_of_both(tmp_path):
    one, other = Hanging(), Hanging()
    async with Two(tmp_path, one, other) as two:
        asking = asyncio.create_task(anext(two.connector.generate(hedged(), CALL)))
        await other.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.gather(one.gone.wait(), other.gone.wait())


@pytest.mark.slow  # loads a model
async def test_a_real_server_answers_for_one_that_hangs(tmp_path, real):
    (tmp_path / "key").write_text(KEY)
    entry = {
        "kind": "openai",
        "url": f"{real}/v1",
        "auth": f"file:{tmp_path}/key",
        "api": "completions",
    }
    request = replace(hedged(), prompt="The capital of France is", max_tokens=8)
    hanging = Hanging()
    async with (
        serving(hanging) as (_, url),
        providers(tmp_path, p={"kind": "openai", "url": url}, h=entry) as made,
    ):
        parts = await generated(made, request)
        await hanging.gone.wait()
    assert text_of(parts)
    assert parts[-1].usage.completion_tokens >= 3
    assert (parts[0].hedged.outcome, parts[0].hedged.route) == ("won", "h@1")
