"""What a chat costs, by program and beside an idle platform, and what its first text passes on its way."""

import json
from types import SimpleNamespace

import pytest
from aiohttp import web

from bench.chats.whole_chats import (
    ASKER,
    AskedOnce,
    ChatCosts,
    CostRow,
    Passed,
    ask_once,
    cost_rows,
    costs_as_json,
    idle_of,
    medians,
    show_costs,
    way_of,
)
from bench.child import MeasurementFailed
from bench.peers.askers import PeerAddress, connected
from bench.peers.corpus import SHORT, places
from schemas import Ask, Effect, QuestionAsked, QuestionRedacted, Sealed, StepVersion
from tests.bench.shown import shown
from tests.fakes import NOW_US, a_meta

FIGURES = ChatCosts(
    [CostRow("worker", 20.0, {1: 50.0, 16: 40.0}, {1: 43.0, 16: 38.0})],
    [
        Passed("redact", 4.0, 10.0),
        Passed("redact: Detect", 5.0, 9.0),
        Passed("redact: Seal", 9.0, 9.1),
        Passed(ASKER, 99.0, 99.0),
    ],
    {1: 99.0, 16: 400.0},
)


def test_what_a_program_takes_while_idle_is_told_apart_by_the_time_that_a_chat_takes():
    idle = {"broker": 40.0, "worker": 20.0}
    used = {1: {"broker": 44.0, "worker": 60.0}, 16: {"broker": 20.0, "worker": 41.0}}
    assert cost_rows(idle, used, {1: 0.5, 16: 0.1}) == [
        CostRow("worker", 20.0, {1: 60.0, 16: 41.0}, {1: 50.0, 16: 39.0}),
        CostRow("broker", 40.0, {1: 44.0, 16: 20.0}, {1: 24.0, 16: 16.0}),
    ]


def test_while_idle_each_takes_so_much_a_second(monkeypatch):
    clock = SimpleNamespace(now_s=100.0)

    def sleep(seconds):
        clock.now_s += seconds

    fake = SimpleNamespace(perf_counter=lambda: clock.now_s, sleep=sleep)
    monkeypatch.setattr("bench.chats.whole_chats.time", fake)
    seen = iter([{"broker": 1.0, "worker": 2.0}, {"broker": 1.1, "worker": 2.4}])
    programs = SimpleNamespace(cpu_s=lambda: next(seen))
    assert idle_of(programs, 20.0) == pytest.approx({"broker": 5.0, "worker": 20.0})


def at(ms):
    return NOW_US + ms * 1_000


def effect(number, kind, ms, took_ms, part=0):
    return Effect(
        number=number, kind=kind, request=b"", started=at(ms), took_us=took_ms * 1_000, part=part
    )


def asked(ms):
    text = Sealed(key="k", event="e", field="text", ciphertext=b"")
    return QuestionAsked(meta=a_meta(at=at(ms)), subject="u", text=text, ask=Ask())


def redacted(ms, *effects, step="redact", ordinal=0):
    named = StepVersion(name=step, code="c", configuration="d")
    meta = a_meta(at=at(ms), effects=effects, ordinal=ordinal, step=named)
    return QuestionRedacted(meta=meta, outcome="redacted", subject="u", text="", ask=Ask())


def test_the_way_of_a_chat_has_each_step_up_to_its_first_record_and_that_ones_effects():
    events = [
        redacted(60, step="moderate", ordinal=1),
        redacted(40, effect(0, "Begin", 30, 0), step="moderate"),
        redacted(
            20,
            effect(0, "Begin", 5, 0),
            effect(1, "Detect", 6, 4),
            effect(2, "Generate", 11, 3),
            effect(2, "Generate", 11, 7, part=1),
        ),
        asked(2),
    ]
    assert way_of(events, AskedOnce("r-1", NOW_US, at(50))) == [
        Passed("gateway", 2.0, 2.0),
        Passed("redact", 5.0, 20.0),
        Passed("redact: Detect", 6.0, 10.0),
        Passed("redact: Generate", 11.0, 18.0),
        Passed("moderate", 30.0, 40.0),
        Passed(ASKER, 50.0, 50.0),
    ]


def test_of_several_chats_the_medians_are_shown_of_what_most_of_them_passed():
    ways = [
        [Passed("a", 1.0, 9.0), Passed("b", 3.0, 4.0), Passed("rare", 2.0, 2.0)],
        [Passed("a", 2.0, 5.0), Passed("b", 4.0, 4.0), Passed("b", 90.0, 90.0)],
        [Passed("a", 9.0, 7.0), Passed("b", 5.0, 6.0)],
    ]
    assert medians(ways) == [Passed("a", 2.0, 7.0), Passed("b", 4.0, 4.0)]


@pytest.fixture
async def serving():
    """Serve frames as the gateway does; yields what makes them the answer, and returns the address."""
    runners = []

    async def serve(*frames, status=200):
        async def messages(request):
            assert (await request.json())["text"] == places()[0].question
            if status != 200:
                return web.json_response({"detail": "no"}, status=status)
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            for frame in frames:
                text = json.dumps(frame, separators=(",", ":"))
                await response.write(f"data: {text}\n\n".encode())
            return response

        app = web.Application()
        app.router.add_post("/v1/messages", messages)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return PeerAddress(f"http://127.0.0.1:{runners[-1].addresses[0][1]}")

    yield serve
    for runner in runners:
        await runner.cleanup()


async def test_who_asks_learns_the_request_and_when_its_first_text_came(serving):
    at_ = await serving({"type": "accepted", "request_id": "r-7"}, {"type": "delta", "text": "The"})
    async with connected() as http:
        one = await ask_once(http, at_, places()[0])
    assert one.request == "r-7"
    assert one.sent_us <= one.first_us


@pytest.mark.parametrize("answer", [{"status": 503}, {}])
async def test_a_chat_without_text_ends_the_measurement(serving, answer):
    at_ = await serving({"type": "accepted", "request_id": "r-7"}, **answer)
    async with connected() as http:
        with pytest.raises(MeasurementFailed, match="no text came"):
            await ask_once(http, at_, places()[0])


def test_both_tables_are_shown_without_effects_that_take_no_time():
    text = shown(show_costs, FIGURES)
    cells = [line.split() for line in text.splitlines()]
    assert ["worker", "20.0", "50.0", "43.0", "40.0", "38.0"] in cells
    assert ["all", "20.0", "50.0", "43.0", "40.0", "38.0"] in cells
    assert ["Detect", "5.00", "9.00", "4.00"] in cells
    assert "Seal" not in text
    assert f"{SHORT} tokens" in text


def test_as_json_it_is_all_that_was_measured():
    document = json.loads(json.dumps(costs_as_json(FIGURES)))
    assert document["costs"][0]["beyond_ms"] == {"1": 43.0, "16": 38.0}
    assert document["first_text"][-1] == {"what": ASKER, "began_ms": 99.0, "ended_ms": 99.0}
    assert document["first_p50_ms"] == {"1": 99.0, "16": 400.0}
