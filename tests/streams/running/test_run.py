"""One run: numbers of effects, outcomes held back until it is known whether they are the last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import Permanent, Transient
from schemas import (
    Ask,
    Begin,
    Begun,
    Cause,
    Detect,
    Effect,
    Embed,
    EventRejected,
    Fail,
    Failed,
    Generate,
    Generated,
    Instant,
    Now,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    Sealed,
)
from streams.log.codec import body
from streams.log.ids import outcome_id
from streams.running.run import (
    Input,
    Run,
    StepBroken,
    stamped,
)
from streams.topics import Step, topic_of
from tests.fakes import a_meta

TEXT = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")
ASKED = QuestionAsked(meta=a_meta(lane=3), subject="u", text=TEXT, ask=Ask())
GIVEN = Input(ASKED, topic_of(QuestionAsked), 3, 17)
BEGUN = Begun(at=100, attempt=2, code="1.0", configuration="c", trace="t")
FAILED = Failed(error="Permanent", message="m", traceback="t", attempts=2)
GENERATE = Generate(prompt="p", max_tokens=1)


def an_outcome(text="t"):
    return QuestionRedacted(outcome="redacted", subject="u", text=text, entries=(), ask=Ask())


class ScriptedRun(Run):
    """Answers what it is told; each effect takes ten microseconds from a hundred times its number."""

    def __init__(self, function, answers=None, at_once=()):
        self.emitted = []
        step = Step("redact", function, {QuestionAsked: (QuestionRedacted, QueryRewritten)})
        super().__init__(step, GIVEN, self.emitted.append)
        self.answers = {Begin: BEGUN, Fail: FAILED, Now: Instant(at=7), **(answers or {})}
        self.at_once = at_once
        self.numbers = []

    def _configuration(self, digest):
        return {"digest": digest}

    def _answer(self, number, request, part=0):
        self.numbers.append((number, type(request)))
        answer = self.answers[type(request)]
        return answer, Effect(
            number=number,
            part=part,
            kind=request.SCHEMA,
            request=b"",
            started=100 * number,
            took_us=10,
        )

    def _ask_at_once(self, number, request):
        return self._answer(number, request) if isinstance(request, self.at_once) else None

    async def _ask(self, number, request):
        return self._answer(number, request)

    async def _ask_stream(self, number, request):
        for part, answer in enumerate(self.answers[type(request)]):
            effect = Effect(
                number=number, part=part, kind=request.SCHEMA, request=b"",
                started=100 * number + part, took_us=0,
            )  # fmt: skip
            yield answer, effect


async def emitted(function, **options):
    run = ScriptedRun(function, **options)
    await run.execute()
    return run.emitted


def kinds(outcome):
    return [effect.kind for effect in outcome.meta.effects]


# ---------------------------------------------------------------------- what an outcome rests on


async def test_an_outcome_is_stamped_with_its_lineage():
    async def step(event, fx):
        yield an_outcome()

    [outcome] = await emitted(step)
    meta = outcome.meta
    assert meta.id == outcome_id(ASKED.meta.id, "redact", 0)
    assert (
        meta.cause
        == GIVEN.cause
        == Cause(topic=topic_of(QuestionAsked), partition=3, offset=17, id=ASKED.meta.id)
    )
    assert (meta.tenant, meta.lane, meta.request, meta.session) == ("acme", 3, "r-1", "s-1")
    assert (meta.step.name, meta.step.code, meta.step.configuration) == ("redact", "1.0", "c")
    assert (meta.attempt, meta.trace, meta.ordinal, meta.last) == (2, "t", 0, True)


async def test_each_outcome_rests_on_the_effects_since_the_one_before():
    async def step(event, fx):
        await fx(Now())
        yield an_outcome("a")
        yield an_outcome("b")
        await fx(Now())
        await fx(Now())
        yield an_outcome("c")

    outcomes = await emitted(step)
    assert [kinds(outcome) for outcome in outcomes] == [["Begin", "Now"], [], ["Now", "Now"]]
    assert [(o.meta.ordinal, o.meta.last) for o in outcomes] == [(0, False), (1, False), (2, True)]
    assert [effect.number for o in outcomes for effect in o.meta.effects] == [0, 1, 2, 3]


async def test_an_outcome_is_of_the_end_of_its_latest_effect():
    async def step(event, fx):
        yield an_outcome("a")
        await fx(Now())
        yield an_outcome("b")
        yield an_outcome("c")

    assert [outcome.meta.at for outcome in await emitted(step)] == [10, 110, 110]


async def test_an_outcome_is_let_go_when_the_step_goes_on():
    seen = []

    async def step(event, fx):
        yield an_outcome("a")
        seen.append(len(run.emitted))
        await fx(Now())
        seen.append(len(run.emitted))
        yield an_outcome("b")
        yield an_outcome("c")
        seen.append(len(run.emitted))

    run = ScriptedRun(step)
    await run.execute()
    assert seen == [0, 1, 2]
    assert len(run.emitted) == 3


@given(st.lists(st.sampled_from(["yield", "ask"]), max_size=8))
async def test_whatever_a_step_does_each_effect_is_recorded_once_and_one_outcome_is_the_last(acts):
    async def step(event, fx):
        for act in acts:
            if act == "ask":
                await fx(Now())
            else:
                yield an_outcome()
        yield an_outcome()

    outcomes = await emitted(step)
    assert [outcome.meta.last for outcome in outcomes] == [False] * (len(outcomes) - 1) + [True]
    numbers = [effect.number for outcome in outcomes for effect in outcome.meta.effects]
    assert numbers == list(range(1 + acts.count("ask")))
    assert [outcome.meta.ordinal for outcome in outcomes] == list(range(len(outcomes)))


# ---------------------------------------------------------------------- asking


async def test_what_is_asked_together_is_numbered_in_the_order_given():
    async def step(event, fx):
        embedded, now = await fx.gather(Embed(texts=(), kind="query"), Now())
        yield an_outcome(f"{embedded} {now.at}")

    run = ScriptedRun(step, {Embed: "vectors"}, at_once=(Now, Begin))
    await run.execute()
    assert run.emitted[0].text == "vectors 7"
    assert sorted(run.numbers, key=lambda one: one[0]) == [(0, Begin), (1, Embed), (2, Now)]


async def test_of_what_is_asked_together_all_is_recorded_and_the_first_error_raised():
    async def step(event, fx):
        try:
            await fx.gather(Now(), Embed(texts=(), kind="query"), Detect(texts=()))
        except Transient as error:
            yield an_outcome(str(error))

    answers = {Embed: Transient("first"), Detect: Permanent("second")}
    [outcome] = await emitted(step, answers=answers)
    assert outcome.text == "first"
    assert kinds(outcome) == ["Begin", "Now", "Embed", "Detect"]


async def test_an_error_is_recorded_and_the_step_may_do_without():
    async def step(event, fx):
        try:
            await fx(Now())
        except Permanent:
            yield an_outcome("without")

    [outcome] = await emitted(step, answers={Now: Permanent("no")})
    assert (outcome.text, kinds(outcome)) == ("without", ["Begin", "Now"])


async def test_the_parts_of_a_stream_are_one_effect_in_parts():
    async def step(event, fx):
        async for part in fx.stream(GENERATE):
            yield an_outcome(part.model)
        yield an_outcome("end")

    parts = [Generated(tokens=(), model="a"), Generated(tokens=(), model="b")]
    outcomes = await emitted(step, answers={Generate: parts})
    assert [outcome.text for outcome in outcomes] == ["a", "b", "end"]
    assert [[(e.number, e.part) for e in outcome.meta.effects] for outcome in outcomes] == [
        [(0, 0), (1, 0)],
        [(1, 1)],
        [],
    ]


async def test_an_outcome_over_a_part_is_let_go_before_the_next_part_is_waited_for():
    emitted_before = []

    def parts():
        for _ in range(3):
            emitted_before.append(len(run.emitted))
            yield Generated(tokens=())

    async def step(event, fx):
        yield an_outcome("before")
        async for _ in fx.stream(GENERATE):
            yield an_outcome()
        yield an_outcome("end")

    run = ScriptedRun(step, {Generate: parts()})
    await run.execute()
    assert emitted_before == [1, 2, 3]
    assert len(run.emitted) == 5


async def test_a_stream_that_breaks_off_is_recorded_to_its_end():
    async def step(event, fx):
        try:
            async for _ in fx.stream(GENERATE):
                pass
        except Transient:
            yield an_outcome("quoted")

    parts = [Generated(tokens=()), Transient("gone")]
    [outcome] = await emitted(step, answers={Generate: parts})
    assert kinds(outcome) == ["Begin", "Generate", "Generate"]


async def test_a_step_sees_its_circumstances():
    async def step(event, fx):
        yield an_outcome(f"{fx.began_us} {fx.configuration}")

    [outcome] = await emitted(step)
    assert outcome.text == "100 {'digest': 'c'}"
    with pytest.raises(StepBroken, match="redact asked for its circumstances before it began"):
        _ = ScriptedRun(step).began_us


# ---------------------------------------------------------------------- what breaks the seam


async def yields_nothing(event, fx):
    return
    yield


async def yields_another_type(event, fx):
    yield ASKED


async def asks_after_the_last(event, fx):
    yield an_outcome()
    await fx(Now())


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (yields_nothing, "redact left its outcome open: no outcome"),
        (asks_after_the_last, "after its last outcome it asked for more effects"),
        (
            yields_another_type,
            "redact yielded a QuestionAsked over a QuestionAsked: not in streams/topics.py",
        ),
    ],
)
async def test_a_step_that_breaks_a_rule_is_told_which(function, says):
    with pytest.raises(StepBroken, match=says):
        await ScriptedRun(function).execute()


async def test_a_rejection_closes_what_the_step_left_open():
    async def step(event, fx):
        yield an_outcome("a")
        yield an_outcome("b")
        await fx(Now())

    def build(failed, meta):
        return EventRejected(
            meta=meta, topic="t", partition=0, offset=0, step="redact", error=failed.error,
            message=failed.message, attempts=failed.attempts,
        )  # fmt: skip

    run = ScriptedRun(step, {Now: Transient("away")})
    with pytest.raises(Transient):
        await run.execute()
    await run.reject(build)
    *outcomes, rejected = run.emitted
    assert [outcome.text for outcome in outcomes] == ["a", "b"]
    assert not any(outcome.meta.last for outcome in outcomes)
    assert (rejected.error, rejected.meta.ordinal, rejected.meta.last) == ("Permanent", 2, True)
    assert kinds(rejected) == ["Now", "Fail"]


def test_a_stamp_is_all_that_changes():
    event = stamped(an_outcome("x"), a_meta(request="r-9"))
    assert (event.text, event.meta.request) == ("x", "r-9")
    assert body(event) != body(stamped(event, a_meta()))
