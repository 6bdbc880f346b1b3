"""The WebSocket over a log in memory, served by the real server."""

# ruff: noqa: ASYNC110 - tests wait for what other tasks do

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json

import pytest
import websockets
from msgspec.structs import replace
from starlette.websockets import WebSocket

from edge.answering.bounds import Bounds
from edge.load.shares import Shares
from schemas import CancellationRequested, QuestionAsked
from tests.edge.chat_client import connect, frames_until, question, send
from tests.edge.fake_log import Answers, a_key


@pytest.fixture
def key(gateway):
    return a_key(gateway)


def whole(*texts):
    return lambda event: Answers(event).whole(*texts) if isinstance(event, QuestionAsked) else ()


async def test_a_message_is_answered_in_frames(url, key, log):
    log.answer = whole("VAT ", "is due.")
    async with connect(url, key) as socket:
        await send(socket, type="message", id="m-1", session_id="s-1", text="x")
        frames = await frames_until(socket, "completed", "error")
    assert [frame["type"] for frame in frames] == ["accepted", "delta", "delta", "completed"]
    assert frames[0]["session_id"] == "s-1"
    assert frames[0]["id"] == "m-1"
    assert len({frame["request_id"] for frame in frames}) == 1
    assert all(frame["cursor"] for frame in frames)


async def test_without_a_valid_key_the_handshake_is_refused_with_a_problem(url):
    for more in ({}, {"additional_headers": {"Authorization": "Bearer ph_nonsense"}}):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, **more)
        response = refused.value.response
        assert response.status_code == 401
        assert response.headers["content-type"] == "application/problem+json"
        assert json.loads(response.body)["request_id"] == response.headers["x-request-id"]


async def test_a_browser_sends_its_key_as_a_subprotocol(url, key, log):
    log.answer = whole("x")
    async with websockets.connect(url, subprotocols=["playhead", f"bearer.{key}"]) as socket:
        assert socket.subprotocol == "playhead"
        await send(socket, type="message", text="x")
        assert (await frames_until(socket, "completed"))[-1]["text"] == "x"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("{", 400),
        ("[]", 422),
        ("{}", 422),
        ('{"type": "none"}', 422),
        ('{"type": "message"}', 422),
        ('{"type": "message", "text": ""}', 422),
        ('{"type": "message", "text": "x", "tenant": "globex"}', 403),
        ('{"type": "message", "text": "x", "session_id": "no spaces"}', 422),
        ('{"type": "resume", "request_id": "none", "cursor": ""}', 404),
        ('{"type": "cancel", "request_id": "none"}', 404),
        (json.dumps({"type": "message", "text": "x" * 70_000}), 413),
    ],
)
async def test_a_bad_frame_is_answered_and_the_connection_goes_on(url, key, log, text, status):
    log.answer = whole("x")
    async with connect(url, key) as socket:
        await socket.send(text)
        [error] = await frames_until(socket, "error")
        assert error["status"] == status
        assert {"title", "detail", "request_id", "trace_id", "retryable", "cursor"} <= set(error)
        await send(socket, type="message", text="x")
        await frames_until(socket, "completed")


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        ({"type": "message", "id": "m", "text": 1}, {"id": "m"}),
        ({"type": "message", "id": 7, "text": "x", "tenant": "globex"}, {"id": 7}),
        ({"type": "none", "id": "m"}, {"id": "m"}),
        ({"type": "resume", "request_id": "none"}, {"request_id": "none"}),
        ({"type": "resume", "request_id": "none", "cursor": 5}, {"request_id": "none"}),
        ({"type": "cancel", "request_id": "none"}, {"request_id": "none"}),
    ],
)
async def test_an_error_names_the_frame_that_was_refused(url, key, log, frame, names):
    async with connect(url, key) as socket:
        await send(socket, **frame)
        [error] = await frames_until(socket, "error")
        assert error.items() >= names.items()
        assert ("id" in error) == ("id" in names)


@pytest.mark.parametrize("frame", [{}, {"type": "message"}, {"type": "cancel"}])
async def test_an_error_about_nothing_has_the_id_of_its_connection(url, key, frame):
    async with connect(url, key) as socket:
        await send(socket, **frame)
        [error] = await frames_until(socket, "error")
        assert error["request_id"] == socket.response.headers["x-request-id"]


async def test_an_error_about_an_answer_that_goes_out_does_not_end_it(url, key, log):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        about = accepted["request_id"]
        await send(socket, type="resume", request_id=about, cursor="none of ours")
        [error] = await frames_until(socket, "error")
        assert (error["status"], error["request_id"] == about) == (422, False)
        for event in Answers(await question(log)).whole("VAT."):
            log.append(event)
        assert (await frames_until(socket, "completed"))[-1]["request_id"] == about


async def test_a_client_that_reconnects_gets_the_rest_exactly_once(url, key, log):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        answers = Answers(await question(log))
        log.append(answers.tokens("VAT ", 0))
        [delta] = await frames_until(socket, "delta")
    log.append(answers.tokens("is ", 1))
    async with connect(url, key) as socket:
        await send(socket, type="resume", request_id=delta["request_id"], cursor=delta["cursor"])
        [second] = await frames_until(socket, "delta")
        log.append(answers.tokens("due.", 2))
        log.append(answers.released("VAT is due.", 2))
        rest = await frames_until(socket, "completed")
        assert [frame.get("text") for frame in (second, *rest)] == ["is ", "due.", "VAT is due."]
        log.append(answers.retracted("not allowed", 2))
        [retracted] = await frames_until(socket, "retracted")
        assert retracted["reason"] == "not allowed"
    async with connect(url, key) as socket:
        cursor = rest[-1]["cursor"]
        await send(socket, type="resume", request_id=accepted["request_id"], cursor=cursor)
        assert await frames_until(socket, "retracted") == [retracted]


async def test_a_retraction_reaches_a_connection_that_has_its_answer(url, key, log):
    log.answer = whole("x")
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        await frames_until(socket, "completed")
        log.append(Answers(await question(log)).retracted("not allowed", 0))
        [retracted] = await frames_until(socket, "retracted")
        assert retracted["reason"] == "not allowed"


async def test_a_message_sent_again_is_one_question(url, key, log):
    log.answer = whole("x")
    ids = []
    for _ in range(2):
        async with connect(url, key) as socket:
            await send(socket, type="message", id="m-1", session_id="s-1", text="x")
            frames = await frames_until(socket, "completed")
            ids.append(frames[0]["request_id"])
            assert [frame["type"] for frame in frames] == ["accepted", "delta", "completed"]
    assert ids[0] == ids[1]


def stopped(answers, text, cause):
    """The end of an answer whose model was stopped."""
    released = answers.released(text, cause)
    return replace(released, answer=replace(released.answer, finish_reason="cancelled"))


@pytest.mark.parametrize("by_log", [True, False])
async def test_cancel_is_told_to_the_log_which_ends_the_answer(url, key, log, gateway, by_log):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        await frames_until(socket, "accepted")
        answers = Answers(await question(log))
        log.append(answers.tokens("VAT ", 0))
        [delta] = await frames_until(socket, "delta")
        for _ in range(2):
            await send(socket, type="cancel", request_id=delta["request_id"])
        if by_log:  # what was on its way when the model stopped is shown
            async with asyncio.timeout(60):
                while not log.published(CancellationRequested):
                    await asyncio.sleep(0.005)
            for event in (answers.tokens("is", 1), stopped(answers, "VAT is", 1)):
                log.append(event)
        *_, closing = await frames_until(socket, "completed", "error")
        shown = "VAT is" if by_log else "VAT "
        assert (closing["text"], closing["finish_reason"]) == (shown, "cancelled")
        [wish] = log.published(CancellationRequested)
        assert (wish.meta.request, wish.why) == (delta["request_id"], "asked")
        await send(socket, type="cancel", request_id=delta["request_id"])  # it is over
        await send(socket, type="cancel", request_id="none")
        [error] = await frames_until(socket, "completed", "error")
        assert error["status"] == 404
        assert len(log.published(CancellationRequested)) == 1


async def test_who_cancels_an_answer_that_is_over_is_followed_no_longer(url, key, log, gateway):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        answers = Answers(await question(log))
        for event in answers.whole("VAT"):
            log.append(event)
        *_, closing = await frames_until(socket, "completed")
        assert gateway.dispatch.waiting == 1  # for a retraction
        await send(socket, type="cancel", request_id=closing["request_id"])
        await send(socket, type="cancel", request_id="none")
        await frames_until(socket, "error")  # frames are taken in their order
        assert gateway.dispatch.waiting == 0
        assert not log.published(CancellationRequested)


async def test_however_often_an_answer_is_cancelled_one_thing_waits_to_close_it(url, key, log):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        for _ in range(5):
            await send(socket, type="cancel", request_id=accepted["request_id"])
        await send(socket, type="cancel", request_id="none")
        await frames_until(socket, "error")  # frames are taken in their order
        waiting = [one for one in asyncio.all_tasks() if "_close_at_last" in repr(one.get_coro())]
        assert len(waiting) == 1


async def test_an_answer_is_cancelled_from_another_connection_of_its_user(url, key, log):
    async with connect(url, key) as socket, connect(url, key) as other:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        await send(other, type="cancel", request_id=accepted["request_id"])
        await send(other, type="cancel", request_id="none")
        await frames_until(other, "error")  # frames are taken in their order
        [wish] = log.published(CancellationRequested)
        assert wish.meta.request == accepted["request_id"]


async def test_a_connection_that_closes_cancels_nothing(url, key, log, gateway):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        await frames_until(socket, "accepted")
    async with asyncio.timeout(60):
        while gateway.dispatch.waiting:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert not log.published(CancellationRequested)


async def test_questions_of_one_connection_are_answered_side_by_side(url, key, log):
    async with connect(url, key) as socket:
        for number in range(4):
            await send(socket, type="message", id=number, text=f"x{number}")
        accepted = [(await frames_until(socket, "accepted"))[-1] for _ in range(4)]
        assert [frame["id"] for frame in accepted] == [0, 1, 2, 3]
        for asked in reversed(log.published(QuestionAsked)):
            for event in Answers(asked).whole(asked.meta.request):
                log.append(event)
        closing = []
        while len(closing) < 4:
            closing.append((await frames_until(socket, "completed"))[-1])
        assert all(frame["text"] == frame["request_id"] for frame in closing)


async def test_too_many_questions_at_once_are_refused(url, key, log):
    async with connect(url, key) as socket:
        for _ in range(9):
            await send(socket, type="message", text="x")
        frames = await frames_until(socket, "error")
        assert frames[-1]["status"] == 429
        assert len(log.published(QuestionAsked)) == 8


@pytest.mark.parametrize("settings", [{"deadline_ms": 3_600_000}])
@pytest.mark.parametrize("bounds", [Bounds(send_timeout_s=0.1, close_timeout_s=0.1)])
async def test_a_client_that_does_not_read_is_let_go(url, key, log, gateway):
    """Nothing but the time that a frame may take ends it: the question has an hour."""
    # uncompressed, for no buffer between the two to hold it all
    async with connect(url, key, max_queue=1, close_timeout=0.1, compression=None) as socket:
        await send(socket, type="message", text="x")
        answers = Answers(await question(log))
        numbers = itertools.count()
        async with asyncio.timeout(60):
            while gateway.dispatch.waiting:
                log.append(answers.tokens("x" * 262_144, next(numbers)))
                await asyncio.sleep(0.01)
        with contextlib.suppress(Exception):
            await socket.close()


@pytest.mark.parametrize("bounds", [Bounds(send_timeout_s=0.05, close_timeout_s=0.5)])
async def test_a_client_that_takes_no_word_of_its_own_is_let_go(url, key, gateway, monkeypatch):
    """What it is told by the task that reads what it sends is no frame of an answer."""

    async def without_end(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(WebSocket, "send_text", without_end)
    async with connect(url, key) as socket:
        await send(socket, type="nothing")
        with pytest.raises(websockets.ConnectionClosed):
            async with asyncio.timeout(60):
                await socket.recv()
        assert (socket.close_code, socket.close_reason) == (1013, "too slow: resume by cursor")
    await until(lambda: len(gateway.connections) == 0)


@pytest.mark.parametrize("bounds", [Bounds(tick_s=0.25)])
async def test_a_shutdown_tells_readers_to_resume(url, key, log, gateway):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        await frames_until(socket, "accepted")
        gateway.stopping = True
        [error] = await frames_until(socket, "error")
        assert error["retryable"]
        assert error["cursor"]
        with pytest.raises(websockets.ConnectionClosed):
            async with asyncio.timeout(60):
                await socket.recv()
    assert gateway.dispatch.waiting == 0


async def until(what):
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.01)


async def test_an_answer_that_is_resumed_on_its_own_connection_is_told_once(url, key, log, gateway):
    async with connect(url, key) as socket:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        await send(socket, type="resume", request_id=accepted["request_id"])
        await send(socket, type="cancel", request_id="none")  # frames are taken in their order
        assert [frame["status"] for frame in await frames_until(socket, "error")] == [404]
        assert len(gateway.followed) == 1
        for event in Answers(await question(log)).whole("VAT ", "is due."):
            log.append(event)
        frames = await frames_until(socket, "completed")
        assert [frame["type"] for frame in frames] == ["delta", "delta", "completed"]
        await send(socket, type="cancel", request_id="none")
        assert [frame["status"] for frame in await frames_until(socket, "error")] == [404]


@pytest.mark.parametrize("bounds", [Bounds(followed=Shares(9, 9, 1, 1), late_s=30.0)])
async def test_an_answer_that_is_complete_makes_room_while_it_is_listened_for(
    url, key, log, gateway
):
    log.answer = whole("x")
    async with connect(url, key) as socket:
        for _ in range(3):
            await send(socket, type="message", text="x")
            await frames_until(socket, "completed")
            await until(lambda: len(gateway.followed) == 0)
        assert gateway.dispatch.waiting == 3
    await until(lambda: gateway.dispatch.waiting == 0)


@pytest.mark.parametrize("bounds", [Bounds(followed=Shares(9, 9, 1, 1))])
async def test_an_answer_that_nobody_could_follow_is_not_resumed(url, key, log, gateway):
    async with connect(url, key) as socket, connect(url, key) as other:
        await send(socket, type="message", text="x")
        [accepted] = await frames_until(socket, "accepted")
        await send(other, type="resume", request_id=accepted["request_id"])
        [error] = await frames_until(other, "error")
        assert (error["status"], error["request_id"]) == (429, accepted["request_id"])
        assert error["cursor"]  # to come back with


async def test_a_connection_that_ends_holds_nothing(url, key, log, gateway):
    async with connect(url, key) as socket:
        for number in range(3):
            await send(socket, type="message", id=number, text="x")
            await frames_until(socket, "accepted")
        assert (len(gateway.followed), gateway.dispatch.waiting) == (3, 3)
    await until(lambda: len(gateway.connections) == 0)
    assert (len(gateway.followed), gateway.dispatch.waiting) == (0, 0)
    assert gateway.admission.unanswered == 3  # they are on the log, and will be answered


async def test_a_message_that_was_refused_holds_nothing(url, key, log, gateway):
    async with connect(url, key) as socket:
        await send(socket, type="message", id=1, text="x", session_id="no spaces")
        [error] = await frames_until(socket, "error")
        assert (error["id"], error["status"]) == (1, 422)
        assert (len(gateway.followed), gateway.dispatch.waiting) == (0, 0)


@pytest.mark.parametrize("bounds", [Bounds(listening_max=2, late_s=30.0)])
async def test_the_oldest_answer_that_is_complete_makes_room(url, key, log, gateway):
    log.answer = whole("x")
    async with connect(url, key) as socket:
        for _ in range(4):
            await send(socket, type="message", text="x")
            await frames_until(socket, "completed")
        await until(lambda: gateway.dispatch.waiting == 2)
        oldest, *_, newest = log.published(QuestionAsked)
        log.append(Answers(oldest).retracted("nobody listens", 0))
        log.append(Answers(newest).retracted("told", 0))
        [retracted] = await frames_until(socket, "retracted")
        assert retracted["reason"] == "told"


def tasks_of_ours():
    """What runs for connections, but for the server's own task of each."""
    tasks = (task.get_coro() for task in asyncio.all_tasks())
    ours = "/edge/protocols/"
    return [
        one.__qualname__
        for one in tasks
        if ours in one.cr_code.co_filename and f"/tests{ours}" not in one.cr_code.co_filename
    ]


@pytest.mark.parametrize("bounds", [Bounds(late_s=0.2, tick_s=0.05)])
async def test_an_idle_connection_has_no_task_of_ours_before_and_after_its_answers(
    url, key, log, gateway
):
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connect(url, key)) for _ in range(5)]
        await until(lambda: len(gateway.connections) == 5)
        looks_after_all = ["OpenConnections._look_after"]
        assert tasks_of_ours() == looks_after_all
        await send(sockets[0], type="message", text="x")
        await frames_until(sockets[0], "accepted")
        assert len(tasks_of_ours()) == 2  # one follows
        for event in Answers(await question(log)).whole("x"):
            log.append(event)
        await frames_until(sockets[0], "completed")
        await until(lambda: tasks_of_ours() == looks_after_all)
        await send(sockets[0], type="nothing")
        await frames_until(sockets[0], "error")
        await until(lambda: tasks_of_ours() == looks_after_all)
    await until(lambda: tasks_of_ours() == [])


# ---------------------------------------------------------------------- keys that end


async def end_of(socket):
    """What the client is told until the connection ends, and how it is closed."""
    frames = []
    async with asyncio.timeout(60):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                frames.append(json.loads(await socket.recv()))
        await socket.wait_closed()
    return frames, socket.close_code, socket.close_reason


def revoke(gateway, identity):
    gateway.keys.revoke(identity)


def expire(gateway, identity):
    gateway.keys._database.execute("UPDATE api_keys SET expires_s = 1 WHERE id = ?", (identity,))


def delete(gateway, identity):
    gateway.keys._database.execute("DELETE FROM api_keys WHERE id = ?", (identity,))


@pytest.mark.parametrize(
    ("end", "why"), [(revoke, "revoked"), (expire, "expired"), (delete, "deleted")]
)
async def test_a_key_that_ends_ends_its_connections_and_no_others(
    url, gateway, log, end, why, caplog
):
    entry, secret = gateway.keys.create("acme")
    async with connect(url, secret) as socket, connect(url, a_key(gateway)) as other:
        await send(socket, type="message", text="x")
        await frames_until(socket, "accepted")
        end(gateway, entry.id)
        frames, code, reason = await end_of(socket)
        assert {(frame["type"], frame["status"]) for frame in frames} == {("error", 401)}
        assert f"this key was {why}" in frames[0]["detail"]
        assert (code, reason) == (1008, f"the key was {why}: reconnect with another")
        log.answer = whole("x")
        await send(other, type="message", text="x")
        await frames_until(other, "completed")
    async with asyncio.timeout(60):
        while len(gateway.keys_in_use):
            await asyncio.sleep(0.01)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_message_with_a_key_that_has_ended_is_not_taken(url, gateway, log):
    """Though its connection has not been closed yet."""
    entry, secret = gateway.keys.create("acme")
    async with connect(url, secret) as socket:
        async with asyncio.timeout(60):
            while not gateway.keys_in_use._standings:
                await asyncio.sleep(0.01)
        for standing in gateway.keys_in_use._standings["key", entry.id]:
            standing.ended = "revoked"
        await send(socket, type="message", text="x")
        await end_of(socket)
    assert not log.published(QuestionAsked)


# ---------------------------------------------------------------------- floods


async def test_a_message_of_endless_fragments_ends_its_connection(url, key):
    async with connect(url, key) as socket:
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.send(b"" for _ in range(300_000))
        _, code, _ = await end_of(socket)
    assert code == 1009
