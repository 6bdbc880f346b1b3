"""What nobody wants any more ends where it is, and whoever made it is let go of."""

import asyncio

import pytest

from streams.running import cancellations
from streams.running.cancellations import Cancellations, Wanted

OURS = Wanted("acme", "u", "r-1")


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
    async with asyncio.timeout(5):
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


@pytest.mark.parametrize("field", ["tenant", "subject", "request"])
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


async def test_a_second_wish_changes_nothing_and_old_ones_are_forgotten(monkeypatch):
    monkeypatch.setattr(cancellations, "KEPT_MAX", 2)
    known = Cancellations()
    for number in ("1", "1", "2", "3"):
        known.take(OURS._replace(request=number))
    assert [OURS._replace(request=number) in known for number in ("1", "2", "3")] == [
        False, True, True,
    ]  # fmt: skip
