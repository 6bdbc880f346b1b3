"""What is asked outside is counted and capped; what would change anything is refused."""

import msgspec
import pytest

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from replay.whatif.outside import (
    TRIES,
    Away,
    CallCaps,
    CapReached,
    Lacking,
    Outside,
    RefusedHere,
    WouldAsk,
    likely_price,
    prompt_price,
)
from schemas import (
    CallTool,
    Detect,
    Detected,
    DocumentRef,
    Generate,
    Generated,
    IndexChunks,
    RateRoute,
    ReadRoutes,
    RecallValues,
    RememberValues,
    RouteRated,
    Seal,
    Sealed,
    SealedValues,
    SealItem,
    Unseal,
    WithdrawVersions,
    Written,
)
from streams.running.world import Call, World
from tests.fake_connectors import FakeAnsweringConnector

CALL = Call("mill", 0, "r", "s", "e", "playhead.question.asked", 0)
DETECT = Detect(texts=("a",))
PRICED = Generate(prompt="x" * 400, max_tokens=50, input_price=1_000, output_price=2_000)


def outside(answers=None, caps=None, local=None):
    connector = FakeAnsweringConnector(answers or {})
    return Outside(local or {}, lambda: World((connector,), 60), caps, backoff_s=0), connector


async def parts(asking):
    return [part async for part in asking]


def detected(_):
    return Detected(texts=(), model="m")


def generated(_):
    return [
        Generated(tokens=(), model="m"),
        Generated(tokens=(), model="m", last=True, cost_micros=150),
    ]


async def test_a_model_is_asked_and_counted():
    asked, connector = outside({Detect: detected})
    assert (await asked.ask(DETECT, CALL)).model == "m"
    assert len(connector.calls) == 1
    assert asked.caps.calls == {"Detect": 1}
    await asked.close()


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (
            WithdrawVersions(document=DocumentRef(document="d", version=1, uri="u")),
            "write to the index",
        ),
        (CallTool(tool="t", method="POST", url="https://tool.example/x"), "call a tool"),
    ],
)
async def test_what_changes_anything_is_refused_by_name(request_, why):
    asked, connector = outside({WithdrawVersions: detected, CallTool: detected})
    with pytest.raises(RefusedHere, match=f"{request_.SCHEMA}: it would {why}"):
        await asked.ask(request_, CALL)
    assert connector.calls == []


async def test_writes_are_answered_and_reach_nobody():
    asked, connector = outside({RememberValues: detected, RateRoute: detected})
    assert await asked.ask(RememberValues(values=()), CALL) == Written()
    assert isinstance(await asked.ask(RateRoute(route="r", grounded=True), CALL), RouteRated)
    assert len((await asked.ask(ReadRoutes(routes=()), CALL)).states) == 0
    assert connector.calls == []
    assert not asked.caps.calls


async def test_nobody_is_asked_where_there_is_no_world():
    asked = Outside({}, None)
    with pytest.raises(WouldAsk, match="Detect"):
        await asked.ask(DETECT, CALL)
    with pytest.raises(WouldAsk, match="Generate"):
        await parts(asked.ask_stream(PRICED, CALL))


async def test_a_service_that_is_away_for_a_moment_is_asked_again():
    left = iter(range(TRIES - 1))

    def flaky(_):
        if next(left, None) is not None:
            raise Transient("busy")
        return Detected(texts=(), model="m")

    asked, connector = outside({Detect: flaky})
    assert (await asked.ask(DETECT, CALL)).model == "m"
    assert len(connector.calls) == TRIES
    assert asked.caps.calls.total() == 1


async def test_one_that_stays_away_ends_the_request():
    def away(_):
        raise Transient("nobody there")

    asked, _ = outside({Detect: away, Generate: away})
    with pytest.raises(Away, match=r"Detect is not answered: .*nobody there"):
        await asked.ask(DETECT, CALL)
    with pytest.raises(Away, match="Generate is not answered"):
        await parts(asked.ask_stream(PRICED, CALL))


async def test_an_answer_that_breaks_off_is_the_steps_to_deal_with():
    def broken(_):
        return [Generated(tokens=(), model="m"), Transient("broke off")]

    asked, _ = outside({Generate: broken})
    with pytest.raises(Transient, match="broke off"):
        await parts(asked.ask_stream(PRICED, CALL))


async def test_an_error_for_good_is_the_steps_to_deal_with():
    def refuse(_):
        raise Permanent("no such model")

    asked, _ = outside({Detect: refuse})
    with pytest.raises(Permanent, match="no such model"):
        await asked.ask(DETECT, CALL)


async def test_no_call_begins_past_the_cap():
    asked, connector = outside({Detect: detected}, CallCaps(calls_max=2))
    for _ in range(2):
        await asked.ask(DETECT, CALL)
    with pytest.raises(CapReached, match="--max-calls 2 is reached"):
        await asked.ask(DETECT, CALL)
    assert len(connector.calls) == 2


async def test_no_generation_begins_whose_prompt_alone_would_pass_the_cap():
    asked, connector = outside({Generate: generated, Detect: detected}, CallCaps(None, 149))
    assert len(await parts(asked.ask_stream(PRICED, CALL))) == 2
    assert asked.caps.cost_micros == 150
    with pytest.raises(CapReached, match=r"--max-cost 0\.000149"):
        await parts(asked.ask_stream(PRICED, CALL))
    await asked.ask(DETECT, CALL)  # what costs nothing goes on
    assert len(connector.calls) == 2


@pytest.mark.parametrize("spent", [0, 5])
async def test_what_costs_by_its_answer_alone_does_not_begin_once_the_cap_is_spent(spent):
    asked, connector = outside({Generate: generated}, CallCaps(None, spent))
    asked.caps.cost_micros = spent
    by_answer = msgspec.structs.replace(PRICED, input_price=0)
    with pytest.raises(CapReached):
        await parts(asked.ask_stream(by_answer, CALL))
    free = msgspec.structs.replace(by_answer, output_price=0)
    assert len(await parts(asked.ask_stream(free, CALL))) == 2
    assert len(connector.calls) == 1


def test_prices_are_those_of_the_request_and_tokens_those_of_the_record():
    assert prompt_price(PRICED) == 100
    assert likely_price(PRICED, 20) == 140
    assert likely_price(PRICED, 1_000) == 200  # no more than it may say
    assert likely_price(PRICED, None) == 200
    assert (prompt_price(DETECT), likely_price(DETECT, 5)) == (0, 0)


async def test_a_value_without_a_key_is_sealed_under_none():
    async def seal(request, _):
        if any(item.key == "value/new" for item in request.values):
            raise BeyondMeans("no key")
        return SealedValues(
            values=tuple(
                Sealed(key=i.key, event=i.event, field=i.field, ciphertext=b"c")
                for i in request.values
            )
        )

    items = [SealItem(key=f"value/{k}", event="e", field="f", value=b"v") for k in ("old", "new")]
    asked = Outside({Seal: seal}, None)
    answer = await asked.execute(Seal(values=tuple(items)), CALL)
    assert [value.ciphertext for value in answer.values] == [b"c", b""]


async def test_what_is_lacking_here_says_nothing_of_the_record():
    async def no_key(_request, _call):
        raise BeyondMeans("no key store at x")

    async def destroyed(_request, _call):
        raise KeyDestroyed("gone")

    with pytest.raises(Lacking, match="no key store"):
        await Outside({Unseal: no_key}, None).execute(Unseal(values=()), CALL)
    with pytest.raises(Lacking, match="nothing here executes Unseal"):
        await Outside({}, None).execute(Unseal(values=()), CALL)
    with pytest.raises(KeyDestroyed):
        await Outside({Unseal: destroyed}, None).execute(Unseal(values=()), CALL)
    with pytest.raises(Lacking, match="nothing here executes RecallValues"):
        await Outside({}, None).ask(RecallValues(digests=()), CALL)


async def test_the_index_is_never_written_to():
    asked, connector = outside({IndexChunks: detected})
    ref = DocumentRef(document="d", version=1, uri="u")
    with pytest.raises(RefusedHere):
        await asked.ask(IndexChunks(document=ref, title="", model="m", chunks=()), CALL)
    assert connector.calls == []
