"""What nobody wants any more ends where it is, and whoever made it is let go of."""

import asyncio

import pytest

from streams.running import cancellations
from streams.running.cancellations import Cancellations, Wanted

OURS = Wanted("acme", 0, "u", "r-1")


class Speaker:
    """Says the given words, then stands still; tells whether it was let go of."""

    def __init__(self, *words, error=None):
        self.words, self.error = words, error
        self.ended = False

    async def parts(self):
        try:
            for word in self.words:
                yield word
            if self.error is not None:
                raise self.error
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def heard(known, model, answer=OURS, then=lambda: None):
    """Listen until it ends; `then` is called once all words were heard."""
    found = []
    async with asyncio.timeout(60):
        async for word in known.heeded(model.parts(), answer):
            found.append(word)
            if len(found) == len(model.words):
                asyncio.get_running_loop().call_later(0.01, then)
    return found


async def test_a_model_is_let_go_of_while_its_next_word_is_waited_for():
    known, model = Cancellations(), Speaker("a", "b")
    assert await heard(known, model, then=lambda: known.take(OURS)) == ["a", "b"]
    assert model.ended
    assert not known._waiting


async def test_what_is_cancelled_before_is_not_asked_for():
    known, model = Cancellations(), Speaker("a")
    known.take(OURS)
    assert await heard(known, model) == []


@pytest.mark.parametrize("field", ["tenant", "lane", "subject", "request"])
async def test_nobody_stops_what_is_anothers(field):
    known, model = Cancellations(), Speaker("a", error=EOFError())
    known.take(OURS._replace(**{field: "other"}))
    with pytest.raises(EOFError):
        await heard(known, model)


async def test_a_models_own_lack_of_time_is_no_cancellation():
    with pytest.raises(TimeoutError):
        await heard(Cancellations(), Speaker("a", error=TimeoutError()))


async def test_a_worker_that_ends_is_no_cancellation():
    listening = asyncio.create_task(heard(Cancellations(), Speaker()))
    await asyncio.sleep(0.01)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


@pytest.mark.parametrize(("of_tenant", "in_all", "left"), [
    (2, 9, {"acme 2", "acme 3", "globex 1"}),  # one's flood is one's own
    (9, 3, {"acme 2", "acme 3", "acme 1"}),  # the tenant that cancelled nothing for longest
    (1, 1, {"acme 3"}),
    (9, 9, {"acme 1", "acme 2", "acme 3", "globex 1"}),
])  # fmt: skip
async def test_old_wishes_are_forgotten_of_who_has_many(monkeypatch, of_tenant, in_all, left):
    monkeypatch.setattr(cancellations, "OF_TENANT_MAX", of_tenant)
    monkeypatch.setattr(cancellations, "KEPT_MAX", in_all)
    known = Cancellations()
    names = ("acme 1", "globex 1", "acme 1", "acme 2", "acme 3")  # again: nothing new
    asked = {name: OURS._replace(tenant=name.split()[0], request=name) for name in names}
    for name in names:
        known.take(asked[name])
    assert {name for name in names if asked[name] in known} == left


async def test_a_wish_that_comes_again_while_a_model_is_let_go_of_breaks_nothing():
    known, letting_go = Cancellations(), asyncio.Event()

    async def slow_to_leave():
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            letting_go.set()
            await asyncio.sleep(0.01)

    async def again():
        await letting_go.wait()
        known.take(OURS)

    model = Speaker("a")
    model.parts = slow_to_leave
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(again())
        assert await heard(known, model, then=lambda: known.take(OURS)) == ["a"]
