"""A small chain of one step, run on fake effects, laid on a log in memory and verified."""

import dataclasses

import pytest
from msgspec.structs import replace

from agents.errors import Permanent, Transient
from replay.archive import ArchiveLog
from replay.export import export
from replay.log import Stored
from replay.report import Report, merged
from replay.selection import Selection
from replay.verify import Verifier
from schemas import (
    Ask,
    Cause,
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
    Numbered,
    Placeholders,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    Sealed,
)
from schemas.registry import FixedIds
from streams.log.codec import Codec
from streams.log.configuration import configuration
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.admit import rejection, unreadable
from streams.running.run import stamped
from streams.topics import Step, topic_of
from tests.fakes import DIGEST_KEY, FakeEffects, a_codec, a_meta

ASKED, REDACTED, REJECTED = (topic_of(t) for t in (QuestionAsked, QuestionRedacted, EventRejected))
CONFIGURATION = configuration("redact", {"greeting": "hello"})


async def little(event, fx):
    """A step that uses every sort of effect."""
    digested = await fx(Digest(values=(b"a",)))
    known, found = await fx.gather(
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
        text=f"{fx.configuration['greeting']} {digested.digests[0]} {found.model} {fx.began_us}",
        reason=known.entries[0].placeholder,
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
    ReadPlaceholders: lambda _: Placeholders(
        entries=(Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d"),)
    ),
    Detect: lambda _: Detected(texts=(), model="m"),
    Generate: parts,
}


class MemoryLog:
    """A log in memory."""

    def __init__(self):
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self.topics = {}
        self.done = 10**6

    def put(self, topic, value, key=b"acme", partition=0):
        rows = self.topics.setdefault((topic, partition), [])
        rows.append(Stored(topic, partition, len(rows), 0, key, value))

    def extents(self):
        return {k: Extent(*k, 0, len(rows)) for k, rows in self.topics.items()}

    def load(self, lane):
        self.loaded = lane

    def records(self, topic, partition):
        return iter(self.topics.get((topic, partition), ()))

    def committed(self, step):
        return dict.fromkeys(self.topics, self.done) if step == "redact" else {}

    def close(self):
        pass


def asked(number):
    sealed = Sealed(key="user/u", event="e", field="text", ciphertext=b"\x00")
    return QuestionAsked(meta=a_meta(request=f"r-{number}"), subject="u", text=sealed, ask=Ask())


def fake_run(event, offset, answers=ANSWERS, attempt=1):
    fx = FakeEffects("redact", event, answers, CONFIGURATION.values, attempt)
    fx.step = STEP
    fx.input = fx.input._replace(offset=offset)
    fx.configuration_digest = CONFIGURATION.digest
    return fx


async def a_log(count=2):
    log, codec = MemoryLog(), a_codec()
    log.put(
        topic_of(ConfigurationSet),
        codec.encode(
            ConfigurationSet(
                meta=a_meta(),
                step="redact",
                digest=CONFIGURATION.digest,
                content=CONFIGURATION.content,
            )
        ),
    )
    for offset in range(count):
        event = asked(offset)
        log.put(ASKED, codec.encode(event))
        run = fake_run(event, offset)
        await run.execute()
        for outcome in run.outcomes:
            log.put(REDACTED, codec.encode(outcome))
    return log


async def verified(log, selection=None):
    verifier = Verifier(log, {Digest: digest}, lambda _: DIGEST_KEY, selection, steps=(STEP,))
    return await verifier.verify()


async def test_what_was_not_touched_is_equal():
    report = await verified(await a_log(3))
    assert (report.records, report.equal, report.diverged) == (9, 9, [])
    assert (report.inputs, report.pending, report.superseded) == (3, 0, 0)


def changed(log, index, edit, topic=REDACTED):
    rows, codec = log.topics[topic, 0], a_codec()
    record = codec.decode_any(rows[index].value)
    rows[index] = dataclasses.replace(rows[index], value=codec.encode(edit(record)))


def with_effect(record, **fields):
    effects = (replace(record.meta.effects[0], **fields), *record.meta.effects[1:])
    return stamped(record, replace(record.meta, effects=effects))


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda r: replace(r, text="forged"), "text: the log holds 'forged'"),
        (lambda r: replace(r, subject="v"), "subject"),
        (lambda r: stamped(r, replace(r.meta, at=1)), "meta.at"),
        (lambda r: stamped(r, replace(r.meta, id="x")), "meta.id"),
        (lambda r: stamped(r, replace(r.meta, lane=3)), "meta.lane"),
        (lambda r: stamped(r, replace(r.meta, tenant="evil")), "meta.tenant"),
        (lambda r: with_effect(r, request=b"other"), "asks for something else"),
        (lambda r: with_effect(r, kind="Search"), "the record has Search"),
        (lambda r: with_effect(r, response=b"\x00garbage"), "unreadable"),
    ],
)
async def test_a_changed_field_is_named_with_its_place(edit, says):
    log = await a_log()
    changed(log, 3, edit)
    report = await verified(log)
    assert report.diverged, "verify noticed nothing"
    first = report.diverged[0]
    assert (first.topic, first.partition, first.step) == (REDACTED, 0, "redact")
    assert any(says in entry.reason for entry in report.diverged), report.diverged


async def test_a_changed_input_changes_what_follows():
    log = await a_log()
    changed(log, 0, lambda r: replace(r, subject="someone else"), topic=ASKED)
    report = await verified(log)
    assert {entry.offset for entry in report.diverged} == {0, 1, 2}


async def test_a_local_effect_that_gives_something_else_is_a_difference():
    async def other(_request, _call):
        return Digested(digests=("e",))

    verifier = Verifier(await a_log(1), {Digest: other}, lambda _: DIGEST_KEY, steps=(STEP,))
    report = await verifier.verify()
    assert "gives another response" in report.diverged[0].reason


async def test_a_removed_record_is_a_difference():
    log = await a_log()
    del log.topics[REDACTED, 0][1]
    assert (await verified(log)).diverged


async def test_a_missing_outcome_is_a_difference_once_acknowledged_and_pending_before():
    log = await a_log()
    log.put(ASKED, a_codec().encode(asked(2)))
    report = await verified(log)
    assert [(e.topic, e.offset) for e in report.diverged] == [(ASKED, 2)]
    log.done = 2
    report = await verified(log)
    assert (report.diverged, report.pending) == ([], 1)


async def test_an_outcome_without_a_cause_is_a_difference():
    log = await a_log(1)
    del log.topics[ASKED, 0][0]
    report = await verified(log)
    assert {entry.reason for entry in report.diverged} == {"its cause is not on the log"}


async def test_an_attempt_that_a_crash_cut_off_is_superseded_and_still_compared():
    log, codec = await a_log(0), a_codec()
    event = asked(0)
    log.put(ASKED, codec.encode(event))
    cut_off = fake_run(event, 0)
    await cut_off.execute()
    for outcome in cut_off.outcomes[:2]:
        log.put(REDACTED, codec.encode(outcome))
    whole = fake_run(event, 0, attempt=2)
    await whole.execute()
    for outcome in whole.outcomes:
        log.put(REDACTED, codec.encode(outcome))
    report = await verified(log)
    assert (report.equal, report.superseded, report.diverged) == (3, 2, [])
    changed(log, 1, lambda r: replace(r, text="forged"))
    report = await verified(log)
    assert [entry.offset for entry in report.diverged] == [1]


async def test_a_record_published_twice_is_superseded_and_another_with_its_id_differs():
    log = await a_log(1)
    log.put(REDACTED, log.topics[REDACTED, 0][1].value)
    assert (await verified(log)).superseded == 1
    changed(log, 3, lambda r: replace(r, text="forged"))
    assert "another record with its id" in (await verified(log)).diverged[0].reason


async def test_a_copy_of_an_input_needs_no_outcome_but_its_original_does():
    log = await a_log(1)
    log.put(ASKED, log.topics[ASKED, 0][0].value)
    report = await verified(log)
    assert (report.diverged, report.equal, report.duplicates, report.inputs) == ([], 3, 1, 1)
    log.topics[REDACTED, 0].clear()
    assert [e.offset for e in (await verified(log)).diverged] == [0, 1]


async def test_a_copy_of_what_a_step_wrote_needs_no_outcome_but_a_later_attempt_does():
    log, codec = await a_log(0), a_codec()
    cause = Cause(topic="t", partition=0, offset=0, id="c")
    first, second = (stamped(asked(0), a_meta(cause=cause, attempt=n)) for n in (1, 2))
    for event in (first, first, second):
        log.put(ASKED, codec.encode(event))
    run = fake_run(first, 0)
    await run.execute()
    for outcome in run.outcomes:
        log.put(REDACTED, codec.encode(outcome))
    report = await verified(log)
    assert [entry.offset for entry in report.diverged] == [2]
    assert (report.equal, report.duplicates) == (3, 1)


@pytest.mark.parametrize(("mark", "offsets"), [(b"1@0", [1]), (b"0@0", [])])
async def test_a_dead_letter_that_was_put_back_must_have_run_again(mark, offsets):
    log = await a_log(1)
    log.put(ASKED, log.topics[ASKED, 0][0].value)
    rows = log.topics[ASKED, 0]
    rows[1] = dataclasses.replace(rows[1], headers=(("retry", mark),))
    assert [e.offset for e in (await verified(log)).diverged] == offsets


async def test_a_dead_letter_that_was_put_back_twice_runs_once():
    log, codec = await a_log(1), a_codec()
    value = log.topics[ASKED, 0][0].value
    for _ in range(2):
        log.put(ASKED, value)
    rows = log.topics[ASKED, 0]
    rows[1:] = [dataclasses.replace(row, headers=(("retry", b"1@0"),)) for row in rows[1:]]
    again = fake_run(asked(0), 1, attempt=2)
    await again.execute()
    for outcome in again.outcomes:
        log.put(REDACTED, codec.encode(outcome))
    report = await verified(log)
    assert (report.diverged, report.equal, report.duplicates, report.inputs) == ([], 6, 1, 2)


async def rejected(log, error, trace=""):
    codec, event = a_codec(), asked(0)
    log.put(ASKED, codec.encode(event))

    def fail(_request):
        raise error

    run = fake_run(event, 0, {**ANSWERS, Generate: fail})
    run.failure = Failed(error="Permanent", message="m", traceback=trace, attempts=1)
    with pytest.raises((Permanent, Transient)):
        await run.execute()

    def build(failed, meta):
        return EventRejected(
            meta=meta,
            topic=ASKED,
            partition=0,
            offset=0,
            step="redact",
            error=failed.error,
            message=failed.message,
            traceback=failed.traceback,
            attempts=failed.attempts,
            key=b"acme",
            value=log.topics[ASKED, 0][0].value,
        )

    await run.reject(build)
    for outcome in run.outcomes:
        log.put(topic_of(outcome), codec.encode(outcome))


@pytest.mark.parametrize("error", [Permanent("no"), Transient("away")])
async def test_a_rejection_is_an_outcome_too(error):
    log = await a_log(0)
    await rejected(log, error)
    report = await verified(log)
    assert (report.records, report.equal, report.diverged) == (1, 1, [])
    changed(log, 0, lambda r: replace(r, message="forged"), topic=REJECTED)
    assert "message" in (await verified(log)).diverged[0].reason


async def test_an_undecodable_outcome_is_a_difference():
    log = await a_log(1)
    log.put(REDACTED, b"not avro")
    report = await verified(log)
    assert [(e.offset, e.reason[:10]) for e in report.diverged] == [(3, "unreadable")]


async def test_only_the_selected_request_is_verified():
    log = await a_log(3)
    report = await verified(log, Selection(request="r-1"))
    assert (report.records, report.equal, report.inputs) == (3, 3, 1)


async def test_an_archive_verifies_as_the_log_did_and_shows_an_edit(tmp_path):
    log = await a_log(3)
    manifest = export(log, tmp_path / "a")
    assert sum(entry["records"] for entry in manifest["files"]) == 13
    report = await verified(ArchiveLog(tmp_path / "a", check_files=True))
    assert (report.records, report.equal) == (9, 9)


@pytest.mark.parametrize("bytes_", [b"no avro", b""])
async def test_an_unreadable_input_has_its_rejection_as_outcome(bytes_):
    log, codec = await a_log(1), a_codec()
    log.put(ASKED, bytes_)
    run = fake_run(asked(1), 1)
    run.input = unreadable(ASKED, 0, 1)
    run.failure = Failed(error="Undecodable", message="m", traceback="", attempts=1)
    await run.begin()
    await run.reject(rejection(STEP, run.input, b"acme", bytes_))
    log.put(REJECTED, codec.encode(run.outcomes[0]), key=b"")
    report = await verified(log)
    assert (report.records, report.equal, report.diverged) == (4, 4, [])
    changed(log, 0, lambda r: replace(r, value=b"other bytes"), topic=REJECTED)
    assert "value" in (await verified(log)).diverged[0].reason


async def test_an_input_under_another_tenants_key_must_have_been_rejected():
    log = await a_log(1)
    rows = log.topics[ASKED, 0]
    rows[0] = dataclasses.replace(rows[0], key=b"another")
    report = await verified(log)
    assert len(report.diverged) >= 3


async def given_up(log):
    """What the runner leaves of an outcome that fits no record: an attempt of Begin and Fail."""
    codec, event = a_codec(), asked(0)
    log.put(ASKED, codec.encode(event))
    whole = fake_run(event, 0)
    await whole.execute()
    log.put(REDACTED, codec.encode(whole.outcomes[0]))
    run = fake_run(event, 0, attempt=2)
    run.failure = Failed(error="RecordTooLarge", message="m", traceback="t", attempts=1)
    await run.begin()
    stored = log.topics[ASKED, 0][0]
    await run.reject(rejection(STEP, run.input, stored.key, stored.value))
    log.put(REJECTED, codec.encode(run.outcomes[0]))


async def test_an_outcome_that_fitted_no_record_is_verified_by_its_rejection():
    log = await a_log(0)
    await given_up(log)
    report = await verified(log)
    assert (report.equal, report.superseded, report.diverged) == (1, 1, [])
    changed(log, 0, lambda r: replace(r, error="Permanent"), topic=REJECTED)
    assert "error" in (await verified(log)).diverged[0].reason


async def test_every_lane_is_loaded_before_it_is_read():
    log = await a_log(1)
    await verified(log)
    assert log.loaded == 0


async def test_what_two_steps_share_is_decoded_once(monkeypatch):
    async def passed_on(event, fx):
        yield QueryRewritten(
            outcome="unchanged",
            subject=event.subject,
            question=event.text,
            query=event.text,
            ask=event.ask,
        )

    second = Step("rewrite", passed_on, {QuestionRedacted: (QueryRewritten,)})
    log, codec = await a_log(1), a_codec()
    for offset, stored in enumerate(list(log.topics[REDACTED, 0])):
        run = fake_run(codec.decode_any(stored.value), offset)
        run.step, run.input = second, run.input._replace(topic=REDACTED)
        await run.execute()
        log.put(topic_of(QueryRewritten), codec.encode(run.outcomes[0]))
    decoded = []
    decode = Codec.decode
    monkeypatch.setattr(Codec, "decode", lambda *given: decoded.append(given[2]) or decode(*given))
    verifier = Verifier(log, {Digest: digest}, lambda _: DIGEST_KEY, steps=(STEP, second))
    report = await verifier.verify()
    assert (report.equal, report.diverged) == (6, [])
    assert decoded.count(QuestionRedacted) == 3
    forged = log.topics[REDACTED, 0]
    forged[1] = dataclasses.replace(forged[1], key=b"another")
    verifier = Verifier(log, {Digest: digest}, lambda _: DIGEST_KEY, steps=(STEP, second))
    assert {e.topic for e in (await verifier.verify()).diverged} == {
        REDACTED,
        topic_of(QueryRewritten),
    }


def test_reports_of_lanes_add_up_in_every_count():
    counts = {
        name: number
        for number, (name, value) in enumerate(vars(Report()).items(), start=1)
        if isinstance(value, int) and name != "model_calls"
    }
    total = merged([Report(**counts), Report(**counts)])
    assert {name: getattr(total, name) for name in counts} == {
        name: 2 * number for name, number in counts.items()
    }
