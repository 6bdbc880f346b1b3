"""A chain of one step, run on fake effects, and a log in memory that holds what it left."""

import contextlib
import dataclasses

from msgspec.structs import replace

from agents.errors import Permanent, Transient
from replay.verify import Verifier
from schemas import (
    Ask,
    ConfigurationSet,
    Detect,
    Detected,
    Digest,
    Digested,
    EventRejected,
    Failed,
    Generate,
    Generated,
    GeneratedToken,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    Sealed,
)
from streams.delivery.failure_reasons import failed
from streams.log.addressing import address_of
from streams.log.configuration import configuration
from streams.log.ids import request_id
from streams.running.admit import rejection
from streams.running.run import stamped
from streams.topics import TOPICS, Step, topic_of
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec, a_meta
from tests.memory_log import MemoryLog

ASKED, REDACTED, REJECTED = (topic_of(t) for t in (QuestionAsked, QuestionRedacted, EventRejected))
CONFIGURATION_TOPIC = topic_of(ConfigurationSet)
CONFIGURATION = configuration("redact", {"greeting": "hello"})


async def little(event, fx):
    """A step that uses every sort of effect."""
    digested = await fx(Digest(values=(b"a",)))
    known, detected = await fx.gather(
        ReadPlaceholders(scope=event.meta.session), Detect(texts=("x",), language="en")
    )
    async for part in fx.stream(Generate(prompt="p", max_tokens=2)):
        text = "".join(token.text for token in part.tokens)
        yield QuestionRedacted(outcome="redacted", subject=event.subject, text=text, ask=event.ask)
        if part.last:
            break
    yield QuestionRedacted(
        outcome="redacted",
        subject=event.subject,
        text=f"{fx.configuration['greeting']} {digested.digests[0]} {detected.model} {fx.began_us}",
        reason=str(known.entries),
        ask=event.ask,
    )


STEP = Step("redact", little, {QuestionAsked: (QuestionRedacted,)})


def parts(_request):
    return [
        Generated(tokens=(GeneratedToken(text="one", at_us=1),)),
        Generated(tokens=(GeneratedToken(text="two", at_us=2),), last=True),
    ]


async def digest(_request, _call=None):
    return Digested(digests=("d",))


ANSWERS = {
    Digest: lambda _: Digested(digests=("d",)),
    ReadPlaceholders: lambda _: Placeholders(),
    Detect: lambda _: Detected(texts=(), model="m"),
    Generate: parts,
}


def asked(number, session="s-1"):
    sealed = Sealed(key="user/u", event="e", field="text", ciphertext=b"\x00")
    return QuestionAsked(
        meta=a_meta(request=f"r-{number}", session=session), subject="u", text=sealed, ask=Ask()
    )


def fake_run(event, offset, answers=ANSWERS, attempt=1):
    fx = FakeEffects("redact", event, answers, CONFIGURATION.values, attempt)
    fx.step, fx.trace = STEP, f"the span of run {attempt}"
    fx.input = fx.input._replace(offset=offset)
    fx.configuration_digest = CONFIGURATION.digest
    return fx


def configuration_set(entry=CONFIGURATION):
    """Return a configuration as set-up puts it on the log."""
    request = request_id("", f"{entry.step}|{entry.digest}")
    return ConfigurationSet(
        meta=a_meta(request=request, id=request),
        step=entry.step,
        digest=entry.digest,
        content=entry.content,
    )


def put(log, event, **fields):
    """Put an event where a producer would; return its topic and offset."""
    topic, partition, key, headers = address_of(event)
    return log.put(
        topic,
        a_codec().encode(event),
        **{"key": key, "partition": partition, "headers": headers, **fields},
    )


async def a_log(count=2):
    log = MemoryLog()
    put(log, configuration_set(), key=CONFIGURATION.digest.encode())
    for offset in range(count):
        event = asked(offset)
        put(log, event)
        run = fake_run(event, offset)
        await run.execute()
        for outcome in run.outcomes:
            put(log, outcome)
    return log


def with_every_topic(log, lanes=1):
    """Give a log the topics that set-up makes, as an export finds them."""
    for topic in TOPICS:
        for lane in range(lanes if topic.partitioned else 1):
            log.topics.setdefault((topic.name, lane), [])
    return log


async def verified(log, selection=None):
    verifier = Verifier(log, {Digest: digest}, lambda _: DIGEST_KEY, selection, steps=(STEP,))
    return await verifier.verify()


def changed(log, index, edit, topic=REDACTED):
    rows, codec = log.topics[topic, 0], a_codec()
    record = codec.decode_any(rows[index].value)
    rows[index] = dataclasses.replace(rows[index], value=codec.encode(edit(record)))


def with_effect(record, **fields):
    effects = (replace(record.meta.effects[0], **fields), *record.meta.effects[1:])
    return stamped(record, replace(record.meta, effects=effects))


async def rejected(log, error, trace=""):
    event = asked(0)
    put(log, event)

    def fail(_request):
        raise error

    run = fake_run(event, 0, {**ANSWERS, Generate: fail})
    run.failure = replace(failed(error, 1), traceback=trace)
    with contextlib.suppress(Permanent, Transient):
        await run.execute()

    stored = log.topics[ASKED, 0][0]
    await run.reject(rejection(STEP.name, run.input, stored.key, stored.value))
    for outcome in run.outcomes:
        put(log, outcome)


async def given_up(log):
    """What the runner leaves of an outcome that fits no record: an attempt of Begin and Fail."""
    event = asked(0)
    put(log, event)
    whole = fake_run(event, 0)
    await whole.execute()
    put(log, whole.outcomes[0])
    run = fake_run(event, 0, attempt=2)
    said = "QuestionRedacted would take 1000001 bytes, a record holds 1000000: cut it smaller"
    run.failure = Failed(error="RecordTooLarge", message=said, traceback="t", attempts=1)
    await run.begin()
    stored = log.topics[ASKED, 0][0]
    await run.reject(rejection(STEP.name, run.input, stored.key, stored.value))
    put(log, run.outcomes[0])
