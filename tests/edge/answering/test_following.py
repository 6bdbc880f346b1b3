"""Following a request: until it is answered, its time is over, or the reader must come back."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest
from msgspec import structs

from edge.answering.bounds import Bounds
from edge.gateway.voiced_requests import NewQuestion
from edge.problems import Problem
from schemas import Ask, ChunksRetrieved, EventRejected, MapEntry, QueryRewritten, QuestionAsked
from streams.log.clock import now_us
from streams.topics import topic_of
from tests.edge.fake_log import Answers, a_key
from tests.edge.http_client import rejected

QUICK = Bounds(late_s=0.2, grace_s=0.0, settle_s=0.05, tick_s=0.01)


@pytest.fixture
def bounds():
    return QUICK


@pytest.fixture
async def caller(gateway):
    return await gateway.caller(a_key(gateway))


@pytest.fixture
async def following(gateway, caller, log):
    """A question that was asked, its watch, and one reader's view of it."""
    gateway.log.start(gateway.dispatch)
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x", budget_ms=60_000), resources)
        answers = Answers(log.published(QuestionAsked)[-1])
        yield gateway.follower, watch, gateway.follower.view(caller, watch.request), answers


def passages_of(answers):
    return ChunksRetrieved(
        meta=answers.meta("retrieve", 0),
        outcome="retrieved",
        subject=answers.question.subject,
        question="q",
        query="q",
        ask=Ask(),
    )


async def all_of(frames):
    return [frame["type"] async for frame in frames]


async def problem_of(awaitable):
    with pytest.raises(Problem) as raised:
        async with asyncio.timeout(60):
            await awaitable
    return raised.value


async def test_frames_come_until_the_answer_is_closed(following, log):
    follower, watch, view, answers = following
    for event in answers.whole("VAT ", "is due."):
        log.append(event)
    log.append(answers.retracted("late", 1))
    assert await all_of(follower.frames(watch, view)) == ["delta", "delta", "completed"]


async def test_how_long_a_record_took_to_its_reader_is_told_of_those_that_were_waited_for(
    following, log, gateway, caller, monkeypatch
):
    told = []
    monkeypatch.setattr("edge.answering.following.delivered", told.append)
    follower, watch, view, answers = following
    *tokens, closing = answers.whole("VAT ", "is due.")
    frames = follower.frames(watch, view)
    for count, token in enumerate(tokens):
        log.append(token)
        await anext(frames)
        assert len(told) == count, "a frame is delivered once the next one is asked for"
    log.time_ms = int(time.time() * 1_000) - 60_000
    log.append(closing)
    assert await all_of(frames) == ["completed"]
    assert len(told) == 3
    assert 60 <= told[-1] < 3_600 < told[0]
    with ExitStack() as resources:  # what is read back says nothing of how soon it came
        again = follower.take_up(caller, watch.request, resources)
        assert await all_of(follower.frames(again, follower.view(caller, watch.request)))
    assert len(told) == 3


async def test_whoever_is_erased_meanwhile_is_told_no_more(gateway, following, log):
    follower, watch, view, answers = following
    log.append(answers.whole("VAT ", "is due.")[0])
    frames = follower.frames(watch, view)
    assert (await anext(frames))["type"] == "delta"
    gateway.keyring.erase("acme", "one", [f"user/{watch.request.subject}"])
    assert (await problem_of(anext(frames))).slug == "erased"


@pytest.mark.parametrize(
    ("has_values", "key", "ends"),
    [
        (True, ("acme", "value/v"), True),
        (False, ("acme", "value/v"), False),
        (True, ("globex", "value/v"), False),
    ],
)
async def test_a_value_that_is_erased_meanwhile_is_in_no_further_frame(
    gateway, following, caller, log, has_values, key, ends
):
    follower, watch, view, answers = following
    keyring = gateway.keyring
    sealed = [keyring.seal(tenant, "value/v", "e", "f", b"Jane") for tenant in ("acme", "globex")]
    entry = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="v", value=sealed[0])
    log.append(answers.tokens("<PERSON_1> ", 0, entries=(entry,) if has_values else ()))
    frames = follower.frames(watch, view)
    first = await anext(frames)
    assert first["text"].strip() == ("Jane" if has_values else "<PERSON_1>")
    keyring.erase(key[0], "one", [key[1]])
    await gateway.keys_gone.look()
    log.append(answers.tokens("is due.", 1))
    log.append(answers.released("<PERSON_1> is due.", 1))
    if ends:
        assert "resume from the last cursor" in (await problem_of(anext(frames))).detail
        with ExitStack() as resources:
            frames = follower.frames(
                follower.take_up(caller, watch.request, resources),
                follower.view(caller, watch.request, first["cursor"]),
            )
            rest = [frame async for frame in frames]
    else:
        rest = [frame async for frame in frames]
    shown = "Jane" if has_values and not ends else "<PERSON_1>"
    assert rest[-1]["text"] == f"{shown} is due."


async def test_what_is_there_at_the_same_time_comes_together_up_to_the_end(following, log):
    follower, watch, view, answers = following
    for event in answers.whole("VAT ", "is due."):
        log.append(event)
    log.append(answers.retracted("late", 1))
    await asyncio.sleep(0)  # the dispatch hands them on
    bursts = [[one["type"] for one in burst] async for burst in follower.bursts(watch, view)]
    assert [kind for burst in bursts for kind in burst] == ["delta", "delta", "completed"]
    assert len(bursts) < 3
    late = [burst async for burst in follower.bursts(watch.live(), view, late_s=0.2)]
    assert [[one["type"] for one in burst] for burst in late] == [["retracted"]]


@pytest.mark.parametrize("most", [1, 2])
async def test_of_many_frames_so_many_come_together(following, log, monkeypatch, most):
    monkeypatch.setattr("edge.answering.following.BURST_MAX", most)
    follower, watch, view, answers = following
    for event in answers.whole("a ", "b ", "c ", "d "):
        log.append(event)
    bursts = [burst async for burst in follower.bursts(watch, view)]
    assert max(map(len, bursts)) <= most
    assert view.settled


async def test_whoever_listens_for_a_while_more_hears_of_a_retraction(following, log):
    follower, watch, view, answers = following
    for event in answers.whole("VAT "):
        log.append(event)
    await all_of(follower.frames(watch, view))
    log.append(answers.retracted("late", 0))
    late = follower.frames(watch.live(), view, late_s=0.2)
    assert await all_of(late) == ["retracted"]


async def test_a_closing_record_without_its_text_stands_alone_after_a_while(following, log):
    follower, watch, view, answers = following
    log.append(answers.tokens("VAT ", 0))
    log.append(answers.released("VAT is due.", 1))
    kinds = await all_of(follower.frames(watch, view))
    assert kinds == ["delta", "restarted", "delta", "completed"]


async def test_a_deadline_that_passes_is_told_with_where_the_answer_will_be(gateway, caller, log):
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x", budget_ms=100), resources)
        view = gateway.follower.view(caller, watch.request)
        problem = await problem_of(all_of(gateway.follower.frames(watch, view)))
    assert (problem.status, problem.retryable) == (504, True)
    assert f"/v1/messages/{watch.request.request}" in problem.detail


@pytest.fixture
def second_letter(following):
    """What retrieve left of a second run, after passages of the first."""
    topic = topic_of(QueryRewritten)
    letter = rejected(following[3].question, step="retrieve")
    return structs.replace(letter, topic=topic)


async def test_an_answer_is_waited_for_beside_a_later_run_that_failed(
    following, log, second_letter, caller
):
    follower, watch, view, answers = following
    log.append(passages_of(answers))
    log.append(second_letter)
    frames = follower.frames(watch, view)
    assert (await anext(frames))["type"] == "step"
    going_on = asyncio.ensure_future(all_of(frames))
    await asyncio.sleep(5 * QUICK.tick_s)
    assert (await follower.answer_so_far(caller, watch.request))["status"] == "accepted"
    assert await follower.status_of(watch.request) == "accepted"
    for event in answers.whole("VAT ", "is due."):
        log.append(event)
    assert await going_on == ["delta", "delta", "completed"]
    assert await follower.status_of(watch.request) == "completed"


async def test_where_none_comes_that_run_is_told_of_when_the_time_is_over(
    following, log, second_letter, caller
):
    follower, watch, view, answers = following
    log.append(passages_of(answers))
    log.append(second_letter)
    hurried = replace(watch, request=replace(watch.request, deadline_us=now_us() + 100_000))
    assert await all_of(follower.frames(hurried, view)) == ["step", "error"]
    so_far = await follower.answer_so_far(caller, hurried.request)
    assert (so_far["status"], so_far["error"]["status"]) == ("failed", 502)
    assert await follower.status_of(hurried.request) == "failed"


async def test_passages_that_are_there_are_told_beside_a_later_run_that_failed(
    following, log, second_letter, caller, monkeypatch
):
    follower, watch, _, answers = following
    for event in (passages_of(answers), second_letter):
        log.append(event)
    watch = replace(watch, from_log=True)
    found = await follower.read_back(watch.request, (ChunksRetrieved, EventRejected))
    found.sort(key=lambda one: isinstance(one.event, ChunksRetrieved))

    async def read_back(*_):
        return found  # of topics that are read side by side, in any order

    monkeypatch.setattr(follower, "read_back", read_back)
    assert await follower.passages(caller, watch) == []


async def test_a_gateway_that_stops_tells_its_readers_to_resume(following, gateway):
    follower, watch, view, _ = following
    gateway.stopping = True
    problem = await problem_of(all_of(follower.frames(watch, view)))
    assert (problem.status, problem.retryable) == (503, True)
    assert "resume from the last cursor" in problem.detail


async def test_a_reader_that_missed_something_is_told_to_resume(following, gateway):
    follower, watch, view, _ = following
    gateway.dispatch.interrupt()
    problem = await problem_of(all_of(follower.frames(watch, view)))
    assert "resume from the last cursor" in problem.detail


async def test_who_comes_back_with_a_cursor_gets_the_rest(following, gateway, caller, log):
    follower, watch, view, answers = following
    log.append(answers.tokens("VAT ", 0))
    first = await anext(aiter(follower.frames(watch, view)))
    log.append(answers.tokens("is due.", 1))
    log.append(answers.released("VAT is due.", 1))
    again = follower.view(caller, watch.request, first["cursor"])
    with ExitStack() as resources:
        watch = follower.take_up(caller, watch.request, resources)
        rest = [frame async for frame in follower.frames(watch, again)]
    assert [frame["type"] for frame in rest] == ["delta", "completed"]
    assert rest[0]["text"] == "is due."
    assert rest[-1]["text"] == "VAT is due."


async def test_who_has_lost_the_key_is_told_no_more(following, gateway, caller, log):
    follower, watch, view, answers = following
    frames = follower.frames(watch, view)
    log.append(answers.tokens("VAT ", 0))
    assert (await anext(frames))["type"] == "delta"
    gateway.keys.revoke(caller.key)
    await gateway.keys_in_use.look()
    log.append(answers.tokens("is due.", 1))
    problem = await problem_of(anext(frames))
    assert problem.status == 401
    assert "revoked while it was in use" in problem.detail
    back = follower.frames(replace(watch, from_log=True), follower.view(caller, watch.request))
    assert (await problem_of(all_of(back))).status == 401
    assert (await problem_of(follower.passages(caller, watch))).status == 401


async def test_a_log_that_can_not_be_read_back_is_a_problem(following, log):
    follower, watch, view, _ = following
    log.broker = False
    again = replace(watch, from_log=True)
    assert (await problem_of(all_of(follower.frames(again, view)))).status == 503


async def test_the_answer_so_far_is_what_the_log_holds(following, caller, log):
    follower, watch, _, answers = following
    assert (await follower.answer_so_far(caller, watch.request))["status"] == "accepted"
    log.append(answers.tokens("VAT ", 0))
    log.append(answers.tokens("is due.", 1))
    so_far = await follower.answer_so_far(caller, watch.request)
    assert (so_far["status"], so_far["text"]) == ("answering", "VAT is due.")
    log.append(answers.released("VAT is due!", 1))
    so_far = await follower.answer_so_far(caller, watch.request)
    assert (so_far["status"], so_far["text"]) == ("completed", "VAT is due!")


# ---------------------------------------------------------------------- searches


def retrieved(answers, outcome="retrieved", reason=""):
    return ChunksRetrieved(
        meta=answers.meta("retrieve", 0),
        outcome=outcome,
        reason=reason,
        subject="s",
        question="q",
        query="q",
        ask=answers.question.ask,
    )


async def test_passages_are_waited_for(following, caller, log):
    follower, watch, _, answers = following
    asking = asyncio.ensure_future(follower.passages(caller, watch))
    await asyncio.sleep(0)
    log.append(answers.tokens("of no interest", 0))
    log.append(retrieved(answers))
    assert await asking == []


async def test_passages_that_came_while_nobody_read_are_read_back(following, gateway, caller, log):
    follower, watch, _, answers = following
    log.append(retrieved(answers))
    gateway.dispatch.interrupt()
    assert await follower.passages(caller, watch) == []


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (lambda answers: retrieved(answers, "refused", "no such filter"), 422),
        (lambda answers: rejected(answers.question, "retrieve"), 502),
        (lambda answers: rejected(answers.question, "retrieve", "Transient"), 503),
    ],
)
async def test_a_search_that_was_refused_or_given_up_is_a_problem(
    following, caller, log, event, status
):
    follower, watch, _, answers = following
    log.append(event(answers))
    problem = await problem_of(follower.passages(caller, watch))
    assert problem.status == status
    assert problem.request_id == watch.request.request


async def test_a_search_whose_time_is_over_says_what_to_do(gateway, caller):
    with ExitStack() as resources:
        watch = await gateway.ask_once(caller, NewQuestion("x", budget_ms=100), resources)
        problem = await problem_of(gateway.follower.passages(caller, watch))
    assert (problem.status, problem.retryable) == (504, True)
    assert "budget_ms" in problem.detail
