"""Whatever is done to one record of a log is found, or is named here as what only a checkpoint can show.

Every operation of tampered_golden.py is done to a record of every kind in a lane of the golden log of 0.1.0.
"""

import sys

import pytest
from msgspec.structs import replace

from agents.errors import KeyDestroyed
from replay.local_effects import local_handlers
from schemas import Begun, Fail, Failed, Numbered, Placeholders, Unseal
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.ids import outcome_id
from streams.running.admit import rejection
from streams.running.digests import request_digest
from streams.running.run import Input, stamped
from streams.settings import Settings
from tests.golden.verifying import tokenizer
from tests.replay.tampered_golden import (
    GOLDEN,
    OPERATIONS,
    GoldenLane,
    Place,
    Verifying,
    effects,
    other_response,
    places,
    spelt,
)

LANE = 1
READ = frozenset({"playhead.document.submitted", "playhead.question.asked"})
UNREAD = frozenset({"playhead.erasure.requested", "playhead.feedback.given"})
"""Requests that no step of this release reads: nothing on the log rests on them."""
REQUESTS = READ | UNREAD
LAST = frozenset({"playhead.answer.released", "playhead.chunks.indexed", "playhead.event.rejected"})
"""Outcomes that no step reads: of two sessions nothing tells which came first."""
EVERY = None
NEEDS_A_CHECKPOINT = {
    # when the broker took a record in stands nowhere else
    "time of the broker": EVERY,
    # when, in which trace and by which code a request came in is the edge's own word
    "meta.at": REQUESTS,
    "meta.trace": REQUESTS,
    "meta.code": REQUESTS,
    # a copy of a request is no new one, whoever made it; who writes without the edge writes any headers
    "doubled at the end": REQUESTS,
    "doubled and counted": UNREAD,
    "header added": REQUESTS,
    "headers removed": REQUESTS,
    "swapped with the next": LAST,
    # runs before may have left nothing; of what another step reads, that one's runs tell
    "begun as another attempt": frozenset(
        {"playhead.chunks.indexed", "playhead.event.rejected", "playhead.tokens.released"}
    ),
    # what nothing rests on may be gone, or say something else that is as possible
    "a byte of the body": frozenset({"playhead.erasure.requested"}),
    "a text": UNREAD,
    "meta.id": UNREAD,
    "meta.tenant": UNREAD,
    "meta.request": UNREAD,
    "meta.session": UNREAD,
    "left out": UNREAD,
    "left out and closed up": UNREAD,
    "moved to another lane in word and deed": UNREAD,
}
"""Operation -> the kinds of records on which the log alone does not show it."""


@pytest.fixture(scope="module")
def verify(unit_path_factory):
    """Return what verifies a log with the keys of the golden one."""
    run = GOLDEN / "run"
    master = unit_path_factory.mktemp("keys") / "master.key"
    master.write_bytes((run / "master.key").read_bytes())
    master.chmod(0o600)
    settings = Settings(run=run, master_key_file=str(master), tokenizer=tokenizer())
    local, keyring = local_handlers(settings)
    return Verifying(local, keyring.digest_key)


@pytest.fixture(scope="module")
def whole():
    return GoldenLane(LANE)


def test_nothing_is_found_in_a_lane_that_was_left_alone(verify, whole):
    report = verify(whole)
    assert (report.status, report.records) == (0, 85), report.as_json()


def tampered(whole, operation):
    """Yield what was done to a record of each kind, by its topic."""
    for topic, index, where in places(whole):
        if where == "middle" or len(whole.topics[topic, LANE]) == 1:
            place = Place(whole.copy(), topic, index)
            if OPERATIONS[operation](place) is not False:
                yield topic, place.log


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_was_done_is_found_or_needs_a_checkpoint(verify, whole, operation):
    logs = dict(tampered(whole, operation))
    assert logs, "there was nothing to do it to"
    unnoticed = {topic for topic, log in logs.items() if verify(log).status == 0}
    needs = NEEDS_A_CHECKPOINT.get(operation, frozenset())
    assert unnoticed == (logs.keys() if needs is EVERY else needs & logs.keys())


@pytest.mark.slow  # each tampering is made
def test_the_table_is_as_long_as_it_says(whole, capsys):
    """Print how many cases there are, and how many of them are left to a checkpoint."""
    cases = left = 0
    for operation in OPERATIONS:
        topics = {topic for topic, _ in tampered(whole, operation)}
        needs = NEEDS_A_CHECKPOINT.get(operation, frozenset())
        cases += len(topics)
        left += len(topics if needs is EVERY else topics & needs)
    with capsys.disabled():
        sys.stdout.write(f" {cases} structural tamperings, {left} of them need a checkpoint ")
    assert cases > 451
    assert left < 0.1 * cases


# ---------------------------------------------------------------------- what takes more than one record


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("Fetch", "chunks.retrieved"),
        ("Search", "chunks.retrieved"),
        ("ReadPlaceholders", "question.redacted"),
        ("ReadRelease", "tokens.released"),
        ("IndexChunks", "chunks.indexed"),
    ],
)
def test_an_effect_that_contradicts_another_record_is_named_by_itself(verify, whole, kind, topic):
    """So it is found where everything after it was recomputed, too."""
    log = whole.copy()
    rows = log.topics[f"playhead.{topic}", LANE]
    tamper = effects(filled(kind), kind=kind)
    assert any(tamper(Place(log, f"playhead.{topic}", at)) is not False for at in range(len(rows)))
    reasons = [entry.reason for entry in verify(log).diverged]
    assert any(reason.startswith(f"{kind} contradicts the log") for reason in reasons), reasons


def filled(kind):
    """Return what changes a response of a kind, or puts something into one that is empty."""

    def change(effect, codec):
        if (changed := other_response(effect, codec)) is not None or kind != "ReadPlaceholders":
            return changed
        return replace(effect, response=spelt(codec, Placeholders(entries=(NUMBERED,))))

    return change


GONE = "user/gone"
"""A key of the tenant that was destroyed: of somebody else than who asked in this lane."""
NOT_ERASED = 2
"""Offset of a question in this lane whose asker was not erased."""


@pytest.fixture
def erasing(verify):
    """Return what verifies with keys of which one is gone, as of a person who was erased."""
    opened = verify._local[Unseal]

    async def unseal(request, call):
        if any(value.key == GONE for value in request.values):
            raise KeyDestroyed(f"{GONE} was destroyed: what it sealed is erased")
        return await opened(request, call)

    other = Verifying({}, verify._digest_key)
    other._local = verify._local | {Unseal: unseal}
    return other


def under_another_key(log, at, **fields):
    """Have a question name the key that is gone, and its run say that it opened it; and another text."""
    outcome = Place(log, "playhead.question.redacted", at)
    cause = outcome.event.meta.cause
    place = Place(log, cause.topic, cause.offset)
    question = place.event
    place.put(replace(question, text=replace(question.text, key=GONE), **fields))
    unseal = Unseal(values=(place.event.text,))
    opened = [
        replace(one, request=request_digest(unseal, b"")) if one.kind == Unseal.SCHEMA else one
        for one in outcome.event.meta.effects
    ]
    changed = replace(outcome.event, text="Who pays all of it?", **fields)
    outcome.put(stamped(changed, replace(changed.meta, effects=tuple(opened))), headers=True)


def said_of(report, topic, offset):
    return [one.reason for one in report.diverged if (one.topic, one.offset) == (topic, offset)]


def test_a_key_that_is_gone_does_not_excuse_what_it_did_not_seal(erasing, whole):
    """Else any question of a tenant of whom somebody was erased could be redacted to say anything."""
    before, log = erasing(whole), whole.copy()
    under_another_key(log, NOT_ERASED)
    report = erasing(log)
    [reason] = said_of(report, "playhead.question.redacted", NOT_ERASED)
    assert f"opens what {GONE} sealed, which is no key of its input" in reason
    assert report.erased == before.erased


def test_what_was_sealed_under_the_key_of_who_was_erased_is_erased(erasing, whole):
    """Whoever asked it: the log alone does not show that somebody else did (see the decision)."""
    before, log = erasing(whole), whole.copy()
    under_another_key(log, NOT_ERASED, subject=GONE.removeprefix("user/"))
    report = erasing(log)
    assert report.erased > before.erased


NUMBERED = Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d")
UNFIT = "QueryRewritten would take 1000001 bytes, a record holds 1000000: cut it smaller"


@pytest.mark.parametrize(
    ("error", "message", "attempt", "status"),
    [
        ("Permanent", "no", 1, 3),
        ("Transient", "away (given up after 1 tries)", 2, 3),
        ("Undecodable", "no", 1, 3),
        ("RecordTooLarge", "too large", 2, 1),
        ("RecordTooLarge", UNFIT, 1, 1),
    ],
)
def test_a_question_that_was_answered_does_not_become_a_dead_letter_unnoticed(
    verify, whole, error, message, attempt, status
):
    log = whole.copy()
    place = Place(
        log, "playhead.query.rewritten", len(log.topics["playhead.query.rewritten", LANE]) - 1
    )
    letter = a_letter(
        place, Failed(error=error, message=message, traceback="", attempts=1), attempt
    )
    del place.rows[place.index]
    topic, lane, key, headers = address_of(letter)
    log.put(topic, spelt(Codec(log.ids), letter), key=key, partition=lane, headers=headers)
    for other in ("chunks.retrieved", "tokens.generated", "tokens.released", "answer.released"):
        rows = log.topics[f"playhead.{other}", LANE]
        request = place_request(letter)
        rows[:] = [row for row in rows if dict(row.headers)["request"] != request]
    report = verify(log)
    named = [*report.diverged, *report.unverifiable]
    assert report.status >= status > 0 or report.status == 1
    assert "playhead.event.rejected" in {entry.topic for entry in named}


def place_request(letter):
    return letter.meta.request.encode()


def a_letter(place, failed, attempt):
    """Make the letter that a run leaves which asked for nothing, over the input of a record."""
    event, codec = place.event, Codec(place.log.ids)
    cause = event.meta.cause
    given = place.log.topics[cause.topic, LANE][cause.offset]
    origin = codec.decode_any(given.value)
    begin = event.meta.effects[0]
    begun = replace(codec.decode(begin.response, Begun), attempt=attempt)
    told = replace(begin, response=spelt(codec, begun))
    fail = Fail(step="rewrite", cause=origin.meta.id)
    failure = replace(
        begin,
        number=1,
        kind="Fail",
        request=request_digest(fail, b""),
        response=spelt(codec, failed),
        started=begin.started,
    )
    meta = replace(
        event.meta, attempt=attempt, ordinal=0, last=True, at=begun.at, effects=(told, failure)
    )
    meta = replace(meta, at=begin.started, id=outcome_id(origin.meta.id, "rewrite", 0))
    run_over = Input(origin, cause.topic, cause.partition, cause.offset)
    return rejection("rewrite", run_over, given.key, given.value)(failed, meta)
