"""A run that answers from the record, and notices where it does not fit."""

import dataclasses

import pytest
from msgspec.structs import replace

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from replay.recorded import (
    Divergence,
    Erased,
    Exhausted,
    GivenUp,
    RecordedRun,
    Unverifiable,
    error_of,
)
from schemas import (
    Detect,
    Digest,
    Digested,
    Fail,
    Failed,
    Generate,
    ReadPlaceholders,
    Sealed,
    Unseal,
    Unsealed,
)
from streams.running.live import error_text
from tests.fakes import DIGEST_KEY, a_codec
from tests.replay.little_log import ANSWERS, CONFIGURATION, STEP, asked, fake_run, little

LITTLE_NUMBERS = {"Begin": 0, "Digest": 1, "ReadPlaceholders": 2, "Detect": 3, "Generate": 4}


async def digest(_request, _call):
    return Digested(digests=("d",))


async def a_record(answers=ANSWERS):
    """Run the little step on fakes; return what it left."""
    run = fake_run(asked(0), 0, answers)
    await run.execute()
    return run


def effects_of(run):
    return [effect for outcome in run.outcomes for effect in outcome.meta.effects]


def again(effects, *, function=little, closed=True, local=None, digest_key=DIGEST_KEY):
    computed = []
    run = RecordedRun(
        dataclasses.replace(STEP, function=function),
        fake_run(asked(0), 0).input,
        computed.append,
        effects=effects,
        closed=closed,
        codec=a_codec(),
        digest_key=lambda: digest_key,
        local={Digest: digest} if local is None else local,
        configuration=lambda digest: CONFIGURATION.values,
    )
    run.computed = computed
    return run


async def test_a_step_runs_again_on_its_record_and_yields_the_same():
    before = await a_record()
    run = again(effects_of(before))
    await run.execute()
    assert run.computed == before.outcomes
    assert run.unused() == 0


def of(number, effects, **fields):
    return [replace(one, **fields) if one.number == number else one for one in effects]


def without(number, effects):
    return [one for one in effects if one.number != number]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: of(1, e, kind="Seal"), "effect 1 is Digest, the record has Seal"),
        (lambda e: of(1, e, request=bytes(32)), r"effect 1 \(Digest\) asks for something else"),
        (lambda e: of(1, e, request=b"x"), r"effect 1 \(Digest\) has a digest of 1 bytes"),
        (lambda e: of(1, e, digest=b""), r"effect 1 \(Digest\) has a digest of 0 bytes"),
        (
            lambda e: of(1, e, digest=b"\2" + bytes(32)),
            r"effect 1 \(Digest\) gives another response",
        ),
        (lambda e: of(2, e, response=b"\x00x"), r"effect 2 \(ReadPlaceholders\) is unreadable"),
        (lambda e: of(3, e, response=None), r"effect 3 \(Detect\) is unreadable: a tombstone"),
        (lambda e: of(3, e, model="x"), r"effect 3 \(Detect\) names the model 'x', its answer 'm'"),
        (lambda e: of(1, e, model="x"), r"effect 1 \(Digest\) names the model"),
        (lambda e: of(4, e, part=0), "part 1 of effect 4 is missing"),
        (lambda e: without(0, e), "asks for Begin as effect 0: the record has none"),
        (lambda e: without(3, e), "asks for Detect as effect 3: the record has none"),
        (lambda e: without(4, e), "asks for Generate as effect 4: the record has none"),
    ],
)
async def test_another_record_than_the_step_asks_for_is_a_divergence(change, says):
    run = again(change(effects_of(await a_record())))
    with pytest.raises(Divergence, match=says):
        await run.execute()


@pytest.mark.parametrize("field", ["request", "digest"])
async def test_a_digest_in_a_form_of_a_later_release_is_no_difference(field):
    digest = b"\3" + bytes(32)
    run = again(of(1, effects_of(await a_record()), **{field: digest}))
    with pytest.raises(Unverifiable, match=r"effect 1 \(Digest\) has a digest of form 3: a later"):
        await run.execute()


@pytest.mark.parametrize("number", LITTLE_NUMBERS.values(), ids=LITTLE_NUMBERS)
async def test_where_an_attempt_was_cut_off_its_record_ends(number):
    effects = [one for one in effects_of(await a_record()) if one.number < number]
    with pytest.raises(Exhausted):
        await again(effects, closed=False).execute()


async def test_a_stream_that_was_cut_off_yields_its_parts_and_ends():
    before = await a_record()
    effects = [one for one in effects_of(before) if one.part == 0]
    run = again(effects, closed=False)
    with pytest.raises(Exhausted):
        await run.execute()
    assert [one.text for one in run.computed] == ["one"]


async def test_effects_that_nobody_asks_for_are_counted():
    effects = effects_of(await a_record())
    run = again([*effects, replace(effects[1], number=9), replace(effects[1], number=9, part=1)])
    await run.execute()
    assert run.unused() == 2


async def test_a_step_that_asks_for_something_else_is_a_divergence_it_can_not_catch():
    async def stubborn(event, fx):
        try:
            await fx(Detect(texts=("other",), language="en"))
        except Exception:  # noqa: BLE001 - what a careless step might write
            pytest.fail("the step caught what only the replay may see")
        yield None

    with pytest.raises(Divergence):
        await again(effects_of(await a_record()), function=stubborn).execute()


async def test_a_request_that_differs_is_told_with_what_the_record_holds():
    async def other(event, fx):
        await fx(Digest(values=(b"a",)))
        yield await fx(ReadPlaceholders(scope="elsewhere"))

    with pytest.raises(Divergence) as told:
        await again(effects_of(await a_record()), function=other).execute()
    assert "now ReadPlaceholders(scope='elsewhere')" in str(told.value)
    assert "the answer Placeholders(entries=()," in str(told.value)


# ---------------------------------------------------------------------- errors


ERRORS = [Transient("away: come back"), Permanent("no"), KeyDestroyed("gone")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_read_back_as_it_was_recorded(error):
    told = error_of(error_text(error))
    assert type(told) is type(error)
    assert str(told) == str(error)


def test_an_error_of_a_kind_that_is_gone_is_permanent():
    assert type(error_of("SomethingElse: why")) is Permanent


@pytest.mark.parametrize(
    ("request_type", "number"), [(Digest, 1), (ReadPlaceholders, 2), (Generate, 4)]
)
async def test_a_recorded_error_is_raised_again_and_nothing_is_asked(request_type, number):
    def fail(_request):
        raise Transient("away")

    before = fake_run(asked(0), 0, {**ANSWERS, request_type: fail})
    with pytest.raises(Transient):
        await before.execute()
    effects = [*before._pending]
    assert effects[-1].number in (number, number + 1)
    run = again(effects, closed=False, local={Digest: digest})
    with pytest.raises(Transient, match="away"):
        await run.execute()


async def test_a_key_that_is_gone_now_is_not_a_divergence():
    async def destroyed(_request, _call):
        raise KeyDestroyed("its subject was erased")

    with pytest.raises(Erased):
        await again(effects_of(await a_record()), local={Digest: destroyed}).execute()


@pytest.mark.parametrize(
    ("error", "raised", "says"),
    [
        (Permanent("no"), Divergence, "was answered, now: Permanent: no"),
        (Transient("busy"), Unverifiable, r"effect 1 \(Digest\) can't be executed .* here: busy"),
        (BeyondMeans("slow"), Unverifiable, r"effect 1 \(Digest\) can't be executed .* here: slow"),
        (AttributeError("Ada"), Unverifiable, r"can't be executed again here: AttributeError$"),
    ],
)
async def test_what_a_local_effect_fails_of_now_tells_whose_trouble_it_is(error, raised, says):
    async def fails(_request, _call):
        raise error

    with pytest.raises(raised, match=says):
        await again(effects_of(await a_record()), local={Digest: fails}).execute()


async def test_a_limit_that_was_passed_then_is_not_tried_again():
    def fails(_request):
        raise BeyondMeans("more than 18 s")

    before = fake_run(asked(0), 0, {**ANSWERS, Digest: fails})
    with pytest.raises(BeyondMeans):
        await before.execute()
    run = again(before._pending, closed=False, local={})
    with pytest.raises(Permanent, match="more than 18 s"):
        await run.execute()


def failing(error):
    async def fails(_request, _call=None):
        raise error

    return fails


async def failed_locally(error, request_type=Digest, step=None):
    """Return the effects of a run whose local effect failed."""

    def fail(_request):
        raise error

    before = fake_run(asked(0), 0, {**ANSWERS, request_type: fail})
    with pytest.raises(type(error)):
        await before.execute()
    return [*before._pending]


@pytest.mark.parametrize(
    ("then", "now", "raised"),
    [
        (Permanent("no key k of t: bring it"), Permanent("no key k of t in here"), Permanent),
        (Permanent("no key k of t: bring it"), BeyondMeans("no key k of t in here"), Permanent),
        (Permanent("does not open"), BeyondMeans("no key k of t in here"), Unverifiable),
        (Permanent("does not open"), Transient("busy"), Unverifiable),
        (Permanent("does not open"), KeyDestroyed("erased since"), Permanent),
        (Permanent("does not open"), None, Divergence),
        (KeyDestroyed("gone"), KeyDestroyed("gone"), KeyDestroyed),
        (KeyDestroyed("gone"), BeyondMeans("no key store"), Unverifiable),
        (KeyDestroyed("gone"), None, Divergence),
        (Transient("busy"), None, Transient),
        (Permanent("does not open"), AttributeError("Ada"), Unverifiable),
    ],
)
async def test_a_local_effect_that_failed_is_tried_again(then, now, raised):
    local = {Digest: digest if now is None else failing(now)}
    with pytest.raises(raised):
        await again(await failed_locally(then), closed=False, local=local).execute()


async def test_a_claim_that_is_back_says_nothing_of_the_record():
    sealed = Sealed(key="k", event="e", field="f", ciphertext=b"", claim="c")

    async def opens(event, fx):
        yield await fx(Unseal(values=(sealed,)))

    def lost(_request):
        raise Permanent("claim c is not here")

    async def unseal(_request, _call):
        return Unsealed(values=(b"",))

    before = fake_run(asked(0), 0, {Unseal: lost})
    before.step = dataclasses.replace(STEP, function=opens)
    with pytest.raises(Permanent):
        await before.execute()
    run = again(before._pending, function=opens, closed=False, local={Unseal: unseal})
    with pytest.raises(Unverifiable, match="may be back"):
        await run.execute()


async def test_a_local_effect_that_nothing_here_executes_is_one():
    with pytest.raises(Divergence, match="nothing here executes Digest again"):
        await again(effects_of(await a_record()), local={}).execute()


async def test_another_key_of_a_tenant_is_noticed():
    with pytest.raises(Divergence):
        await again(effects_of(await a_record()), digest_key=b"another key").execute()


# ---------------------------------------------------------------------- what was given up


async def given_up_at(number):
    """Return a record whose effect of a number is that the machinery gave up."""
    failed = Failed(error="E", message="m", traceback="", attempts=1)
    fail = Fail(step="redact", cause="id-of-r-0")
    earlier = [one for one in effects_of(await a_record()) if one.number < number]
    return [*earlier, fake_run(asked(0), 0)._effect(number, 0, fail, failed)]


async def test_the_machinery_gave_up_before_anything_was_asked():
    run = again(await given_up_at(1))
    with pytest.raises(GivenUp):
        await run.execute()
    assert run.failed()


@pytest.mark.parametrize("number", [2, 3, 4])
async def test_a_step_that_got_its_answers_gave_up_of_itself_or_not_at_all(number):
    with pytest.raises(Divergence, match="nothing before says why"):
        await again(await given_up_at(number)).execute()


async def test_a_step_that_gave_up_is_told_from_one_that_gives_up_now():
    run = again(effects_of(await a_record()))
    await run.begin()
    assert not run.failed()
