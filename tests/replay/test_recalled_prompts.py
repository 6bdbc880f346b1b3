"""Prompts are computed again from a log, and are those whose digests it has."""

from dataclasses import replace as put
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaException

from agents.errors import Permanent, Transient
from replay.archive import ArchiveLog
from replay.configurations import Configurations
from replay.recalled_prompts import (
    DIFFERS,
    SPAN_MAX,
    UNANSWERED,
    RecalledPrompts,
    _read,
    prompts_of,
    told_prompts,
)
from replay.rerun import HELD
from replay.rules import Rerun
from schemas import (
    ChunksRetrieved,
    EventRejected,
    Fetch,
    Fetched,
    Generate,
    TokensGenerated,
)
from schemas.registry import RegistryAway
from streams.log.codec import Codec, Undecodable
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import DIGEST_KEY
from tests.golden.make_golden import PRESENT
from tests.golden.packing import unpacked
from tests.memory_broker import MemoryBroker, MemoryConsumer

GOLDEN = Path(__file__).parents[1] / "golden"
LOG = GOLDEN / "0.1.0" / "log"
KEYRING = SimpleNamespace(digest_key=lambda _: DIGEST_KEY)


@pytest.fixture(scope="module")
def log():
    return ArchiveLog(LOG)


@pytest.fixture(scope="module")
def codec(log):
    return Codec(log.ids)


@pytest.fixture(scope="module")
def by_request(log, codec):
    return records_by_request(log, codec)


def records_by_request(log, codec):
    """The records of *generate* and what it read, by request, as they lie and decoded."""
    found = {}
    for kind in (ChunksRetrieved, TokensGenerated, EventRejected):
        for topic, lane in sorted(log.extents()):
            for stored in log.records(topic, lane) if topic == topic_of(kind) else ():
                event = codec.decode(stored.value, kind)
                found.setdefault(event.meta.request, []).append((stored, event))
    return found


def recalled(log, codec, records):
    stored = [one for one, _ in records]
    return prompts_of(stored, codec, Configurations(log, codec), {}, KEYRING)


def digests_in(records):
    events = (event for _, event in records)
    answers = (event.answer for event in events if isinstance(event, TokensGenerated))
    return {answer.prompt for answer in answers if answer and answer.prompt}


def test_each_prompt_is_one_whose_digest_is_on_the_log(log, codec, by_request):
    asked = [records for records in by_request.values() if digests_in(records)]
    assert len(asked) > 5
    for records in asked:
        told = recalled(log, codec, records)
        assert all(one["holds"] for one in told)
        assert digests_in(records) <= {one["digest"] for one in told}


def test_an_answer_without_a_model_has_no_prompt(log, codec, by_request):
    others = [records for records in by_request.values() if not digests_in(records)]
    asked = [records for records in others if recalled(log, codec, records)]
    assert len(others) > 5
    assert all(any(isinstance(event, EventRejected) for _, event in one) for one in asked)


def test_what_the_log_does_not_answer_does_not_hold(log, codec, by_request):
    asked = (records for records in by_request.values() if digests_in(records))
    [(read, event), *written] = next(one for one in asked if one[0][1].question.isascii())
    question = event.question.encode()
    edited = put(read, value=read.value.replace(question, question.swapcase()))
    told = recalled(log, codec, [(edited, event), *written])
    assert told
    assert not any(one["holds"] for one in told)
    assert {one["doubt"] for one in told} == {DIFFERS}
    assert {one[name] for one in told for name in ("prompt", "system", "digest")} == {""}


@pytest.mark.parametrize(
    ("came", "doubt"),
    [
        (Rerun([]), None),
        (Rerun([], lack=HELD), HELD),
        (Rerun([], "it now says: Jane Roe"), DIFFERS),
    ],
)
def test_a_run_that_can_not_be_followed_is_told(came, doubt):
    asked = Generate(prompt="Ask.", max_tokens=1)
    first, *others = told_prompts([(asked, True)], came)
    assert (first["prompt"], first["doubt"]) == ("Ask.", "")
    assert [(one["prompt"], one["doubt"]) for one in others] == ([("", doubt)] if doubt else [])
    [hidden] = told_prompts([(asked, False)], came)
    assert (hidden["prompt"], hidden["doubt"]) == ("", doubt or UNANSWERED)


def test_documents_that_the_models_tools_found_are_named(tmp_path):
    log = ArchiveLog(unpacked(GOLDEN / PRESENT, tmp_path / "present") / "log")
    codec, named = Codec(log.ids), 0
    for records in records_by_request(log, codec).values():
        written = [event for _, event in records if isinstance(event, TokensGenerated)]
        fetched = {
            passage.document
            for event in written
            for effect in event.meta.effects
            if effect.kind == Fetch.SCHEMA and effect.response
            for passage in codec.decode(effect.response, Fetched).passages
        }
        if fetched:
            told = recalled(log, codec, records)
            assert {name for one in told for name in one["documents"]} == fetched
            named += 1
    assert named


def test_only_the_records_at_the_places_are_read():
    broker = MemoryBroker()
    for number in range(9):
        broker.put("t", b"value %d" % number)
    found = _read(MemoryConsumer(broker), [("t", 0, 6), ("t", 0, 2)])
    assert [(one.offset, one.value) for one in found] == [(2, b"value 2"), (6, b"value 6")]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (TimeoutError("silent"), Transient),
        (KafkaException("gone"), Transient),
        (RegistryAway("away"), Transient),
        (Undecodable("nonsense"), Permanent),
    ],
)
def test_what_keeps_a_prompt_from_being_computed_is_told(tmp_path, error, raised):
    asked = []

    def fail(_settings, name):
        asked.append(name)
        raise error

    recall = RecalledPrompts(Settings(run=tmp_path), new_consumer=fail)
    with pytest.raises(raised) as told:
        recall([("t", 0, 0)])
    assert asked == ["prompts"]
    if raised is Transient:
        assert "try again" in str(told.value)


def test_records_that_lie_too_far_apart_are_not_read_through():
    with pytest.raises(Permanent, match="too far apart"):
        list(_read(None, [("t", 0, 0), ("t", 0, SPAN_MAX)]))


def test_what_was_written_over_another_input_tells_nothing(log, codec, by_request):
    asked = [records for records in by_request.values() if digests_in(records)]
    [_, *written], [read, *_] = asked[:2]
    assert recalled(log, codec, written) == []  # without what the step read there is no run
    assert recalled(log, codec, [read]) == []  # and a step that wrote nothing asked nothing
    if written[0][1].meta.cause.offset != read[0].offset:
        assert recalled(log, codec, [read, *written]) == []


def test_no_record_is_no_prompt(log, codec):
    assert recalled(log, codec, []) == []
