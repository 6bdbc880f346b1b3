"""Embeddings for clients: who may ask, how much at once, and what is said where it fails."""

from __future__ import annotations

import asyncio

import pytest

from agents.errors import Permanent, Transient
from connectors.triton.embedder_client import TextVectors
from edge.callers.caller import Caller
from edge.gateway.embedding_desk import EmbeddingDesk
from edge.load.shares import Shares
from edge.problems import Problem
from edge.requests.policy_followed import NotProcessedHere

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


def a_desk(embedder, region="eu", shares=None):
    return EmbeddingDesk(embedder, shares or Shares(4, 4, 2, 1), Policy(), region)


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
