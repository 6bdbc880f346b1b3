"""Embeddings for clients: who may ask, how much at once, and what is said where it fails."""

from __future__ import annotations

import asyncio

import pytest

from agents.errors import Permanent, Transient
from connectors.text_vectors import TextVectors
from edge.callers.caller import Caller
from edge.gateway.embedding_desk import EmbeddingDesk
from edge.gateway.records_out import RecordsOut
from edge.gateway.tellings import Tellings
from edge.load.admission import Admission
from edge.load.counted_use import CountedUse
from edge.load.limits_in_force import LimitsInForce
from edge.load.quotas import Quotas
from edge.load.shares import Shares
from edge.problems import Problem
from edge.requests.identity import Identities
from edge.requests.policy_followed import NotProcessedHere
from schemas import TextsEmbedded
from streams.log.configuration import LIMITS, configuration
from streams.settings import Settings
from tests.edge.fake_log import FakeLog
from tests.edge.load.test_quotas import Elsewhere, NothingIndexed

JANE = Caller("key-1", "acme", "jane", "s", frozenset({"read"}), ())
TOO_LONG = "x" * 9


class TwoAtOnce:
    """An embedder that takes two texts at a time, and fails at some."""

    embedder = "two"

    def __init__(self):
        self.asked, self.failure, self.closed = [], None, False
        self.go = asyncio.Event()
        self.go.set()

    async def some(self, texts, kind, call):
        await self.go.wait()
        some = texts[:2]
        self.asked.append((some, kind, call.tenant))
        if self.failure:
            raise self.failure
        rows = len(some)
        cut = tuple(text == TOO_LONG for text in some)
        return TextVectors((b"\0\0\0\0",) * rows, (3,) * rows, cut, "two@1")

    async def close(self):
        self.closed = True


class Policy:
    """Lets only some tenants be processed."""

    def hold_place(self, tenant, region):
        if (tenant, region) == ("acme", "us"):
            raise NotProcessedHere("acme is not processed in us: ask elsewhere")


@pytest.fixture
def embedder():
    return TwoAtOnce()


class Bench:
    """What a desk tells the log, and what its tenant has used by then."""

    def __init__(self, **limits):
        self.log = FakeLog()
        use = CountedUse(NothingIndexed(), {}.get)
        configured = {LIMITS: configuration(LIMITS, {"tenants": {"acme": limits}})}
        self.quotas = Quotas(LimitsInForce(configured), use, Elsewhere(), Elsewhere())
        out = RecordsOut(Admission(Settings()), self.log)
        self.tellings = Tellings(Identities(4), out)

    def used(self):
        return [self.quotas.use.used(("acme", ""), what) for what in ("questions", "tokens")]

    def told(self):
        return [(one.key, one.texts, one.tokens) for one in self.log.published(TextsEmbedded)]


def a_desk(embedder, region="eu", shares=None, bench=None):
    bench = bench or Bench()
    shares = shares or Shares(4, 4, 2, 1)
    return EmbeddingDesk(embedder, shares, Policy(), region, bench.quotas, bench.tellings)


async def there():
    return False


async def embed(desk, texts, is_gone=there):
    return await desk.embed(JANE, texts, "passage", "r-1", is_gone)


async def test_texts_are_embedded_few_at_a_time_for_their_tenant(embedder):
    done = await embed(a_desk(embedder), ["a", "b", "c"])
    assert len(done.vectors) == 3
    assert done.tokens == (3, 3, 3)
    assert embedder.asked == [
        (("a", "b"), "passage", "acme"),
        (("c",), "passage", "acme"),
    ]


async def test_who_has_gone_is_embedded_no_more_for(embedder):
    async def gone():
        return len(embedder.asked) == 1

    await embed(a_desk(embedder), ["a"] * 9, gone)
    assert len(embedder.asked) == 1


async def test_one_text_that_is_too_long_refuses_all_and_is_named_by_its_place(embedder):
    with pytest.raises(Problem, match=r"input\[3\]") as caught:
        await embed(a_desk(embedder), ["a", "b", "c", TOO_LONG, "d", "e"])
    assert (caught.value.status, caught.value.param) == (400, "input")
    assert TOO_LONG not in caught.value.detail
    assert len(embedder.asked) == 2


@pytest.mark.parametrize(
    ("failure", "status", "retryable"),
    [(Transient("of Jane's text"), 503, True), (Permanent("of Jane's text"), 502, False)],
)
async def test_a_failure_is_told_without_the_embedders_words(embedder, failure, status, retryable):
    embedder.failure = failure
    with pytest.raises(Problem) as caught:
        await embed(a_desk(embedder), ["a"])
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert "Jane" not in caught.value.detail


async def test_a_tenant_that_may_not_be_processed_here_is_refused(embedder):
    with pytest.raises(Problem) as caught:
        await embed(a_desk(embedder, region="us"), ["a"])
    assert (caught.value.status, caught.value.slug) == (403, "residency")
    assert not embedder.asked


async def test_a_key_has_so_many_requests_at_once_and_its_place_back_after_each(embedder):
    desk = a_desk(embedder)
    embedder.go.clear()
    first = [asyncio.create_task(embed(desk, ["a"])) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as caught:
        await embed(desk, ["a"])
    assert caught.value.status == 429
    embedder.go.set()
    await asyncio.gather(*first)
    embedder.failure = Transient("t")
    for _ in range(3):
        with pytest.raises(Problem, match="away or busy"):
            await embed(desk, ["a"])


async def test_a_desk_without_an_embedder_says_so_and_closes():
    desk = a_desk(None)
    assert desk.model == ""
    with pytest.raises(Problem) as caught:
        await embed(desk, ["a"])
    assert caught.value.slug == "no-embedder"
    await desk.close()


async def test_its_embedder_is_closed_with_it(embedder):
    desk = a_desk(embedder)
    assert desk.model == "two"
    await desk.close()
    assert embedder.closed


# ---------------------------------------------------------------------- what counts


async def test_the_log_is_told_how_much_was_embedded_and_no_text_of_it(embedder):
    bench = Bench()
    await embed(a_desk(embedder, bench=bench), ["of Jane", "b", "c"])
    assert bench.told() == [("key-1", 3, 9)]
    [event] = bench.log.published(TextsEmbedded)
    assert "Jane" not in repr(event)
    assert bench.used() == [1, 9]


@pytest.mark.parametrize("limits", [{"questions_per_minute": 2}, {"tokens_per_minute": 5}])
async def test_a_limit_by_the_minute_refuses_before_the_embedder_is_asked(embedder, limits):
    bench = Bench(**limits)
    desk = a_desk(embedder, bench=bench)
    for _ in range(2):
        await embed(desk, ["a"])
    with pytest.raises(Problem, match="that it may in a minute: try again in") as caught:
        await embed(desk, ["a"])
    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert len(embedder.asked) == 2
    assert len(bench.told()) == 2


@pytest.mark.parametrize("texts", [["a", "b", TOO_LONG], ["a", "b", "c", "d"]])
async def test_what_the_embedder_read_counts_however_it_ends(embedder, texts):
    bench = Bench()
    some = embedder.some

    async def fails(texts, kind, call):
        if texts[0] == "c" and TOO_LONG not in texts:
            raise Transient("away")
        return await some(texts, kind, call)

    embedder.some = fails
    with pytest.raises(Problem):
        await embed(a_desk(embedder, bench=bench), texts)
    read = 9 if TOO_LONG in texts else 6
    assert bench.used() == [1, read]
    assert bench.told() == [("key-1", read // 3, read)]


async def test_a_request_of_which_the_embedder_read_nothing_does_not_count(embedder):
    bench = Bench()
    desk = a_desk(embedder, bench=bench)
    embedder.failure = Transient("t")
    with pytest.raises(Problem):
        await embed(desk, ["a"])

    async def gone():
        return True

    await embed(desk, ["a"], gone)
    assert (bench.used(), bench.told()) == ([0, 0], [])


async def test_a_broker_that_is_away_keeps_no_vectors_back_and_they_count_here(embedder):
    bench = Bench()
    bench.log.broker = False
    done = await embed(a_desk(embedder, bench=bench), ["a"])
    assert len(done.vectors) == 1
    assert (bench.used(), bench.told()) == ([1, 3], [])
