"""The driver: what it asks, what it takes for the first text and the end, and what it refuses to count."""

import asyncio

import pytest

from bench.child import MeasurementFailed
from bench.peers.askers import (
    PeerAnswer,
    Told,
    Waits,
    WrongWork,
    all_of,
    ask,
    check,
    connected,
    crowd,
)
from bench.peers.corpus import SHORT, asked_about, places, questions
from tests.bench.peers.peer_in_memory import event, peer, whole

BY_QUESTION = {place.question: place for place in places()}


def rightly(question):
    place = BY_QUESTION[question]
    return whole(place.text, place.uri, "place/77")


async def one_answer(answer, told=None, **faults):
    async with peer(answer, **faults) as (at, asked), connected() as http:
        told = Told() if told is None else told
        return await ask(http, at, "What?", told), asked


async def test_an_answer_is_read_with_its_sources_and_the_times_of_its_first_text_and_its_end():
    answer, asked = await one_answer(lambda _: whole("It is so.", "a", "b", degraded=["rerank"]))
    assert (answer.text, answer.uris, answer.degraded) == ("It is so.", ("a", "b"), ("rerank",))
    assert 0 < answer.first_s <= answer.whole_s
    assert asked == [{"text": "What?", "max_tokens": 9, "key": "Bearer key"}]


async def test_an_answer_that_shows_nothing_has_no_first_text():
    answer, _ = await one_answer(lambda _: whole("", "a", words=[]))
    assert answer.first_s == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_who_is_refused_comes_again_and_it_is_counted(status):
    told = Told()
    answer, asked = await one_answer(lambda _: whole("So."), told, refusals=[status, status])
    assert answer.text == "So."
    assert told.refused == {status: 2}
    assert len(asked) == 3


async def test_an_error_is_told_with_what_was_said():
    with pytest.raises(MeasurementFailed, match=r"500: .*no such thing"):
        await one_answer(lambda _: [], status=500)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([], r"an answer ended with \[\]"),
        ([event("accepted"), event("delta", text="So")], "ended with .*delta"),
        ([event("delta", text="So"), event("error", detail="broken")], "ended with .*broken"),
        (
            [event("delta", text="So"), event("completed", text="No", citations=[])],
            "'So' was shown, and 'No' is",
        ),
    ],
)
async def test_an_answer_without_its_end_or_with_another_text_is_none(frames, says):
    with pytest.raises(MeasurementFailed, match=says):
        await one_answer(lambda _: frames)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text, uri: (text, (uri,)), None),
        (lambda text, uri: (text, (uri, "place/9")), None),
        (lambda text, uri: (text, ("place/9", uri)), "the answer is from"),
        (lambda text, uri: (text, ()), "the answer is from"),
        (lambda text, uri: (text.rpartition(" ")[0], (uri,)), "47 of 48 tokens came"),
        (lambda text, uri: (text.replace("amber", "cobalt"), (uri,)), "48 of 48 tokens came"),
    ],
)
def test_all_programs_must_give_the_same_answer_from_the_same_document(change, says):
    place = asked_about(SHORT)[0]
    text, uris = change(place.text, place.uri)
    answer = PeerAnswer(0.1, 0.2, text, uris)
    if says is None:
        check(place, answer)
        return
    with pytest.raises(WrongWork, match=says):
        check(place, answer)


@pytest.mark.parametrize(("users", "chats"), [(1, 3), (4, 10), (5, 2)])
async def test_a_crowd_holds_as_many_chats_as_it_is_to_and_asks_one_after_the_other(users, chats):
    async with peer(rightly) as (at, asked), connected() as http:
        told, seconds = await crowd(http, at, users, chats, questions(SHORT))
    assert len(told.answers) == chats
    assert asked.most == min(users, chats)
    assert seconds > 0
    assert sorted(one["text"] for one in asked) == sorted(
        place.question for place in asked_about(SHORT)[:chats]
    )


async def test_a_wrong_answer_ends_the_crowd():
    async with peer(lambda _: whole("No.", "place/0")) as (at, _), connected() as http:
        with pytest.raises(WrongWork, match="1 of 48 tokens"):
            await crowd(http, at, 2, 50, questions(SHORT))


async def test_no_more_are_at_once_than_there_are_users():
    running, most = 0, 0

    async def one():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await all_of([one() for _ in range(3)])
    assert (running, most) == (0, 3)


async def test_where_one_fails_the_others_are_ended():
    ended = []

    async def waits():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def fails():
        raise MeasurementFailed("broken")

    with pytest.raises(MeasurementFailed, match="broken"):
        await all_of([waits(), fails(), waits()])
    assert ended == [True, True]


def test_waits_are_summed_up():
    told = Told([PeerAnswer(0.01 * n, 0.1 * n, "", ()) for n in range(1, 12)])
    told.refused.update({429: 2, 503: 1})
    told.degraded.update(["rerank"])
    waits = Waits.of(told, 5.5)
    assert (waits.chats, waits.rate, waits.refused, waits.degraded) == (11, 2.0, 3, 1)
    assert waits.first_p50_ms == pytest.approx(60)
    assert waits.first_p95_ms == pytest.approx(105)
    assert waits.whole_p50_ms == pytest.approx(600)
