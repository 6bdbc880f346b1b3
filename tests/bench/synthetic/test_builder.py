"""The log that verify's rate is measured on is one that verify accepts."""

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from bench.synthetic.builder import CONVERSATIONS, Builder, build
from bench.synthetic.request_maker import PEOPLE, TURNS
from connectors.keyring import Keyring
from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.verify import Verifier
from schemas import (
    AnswerReleased,
    Begin,
    ChunksEmbedded,
    ConfigurationSet,
    Digest,
    DocumentSubmitted,
    Parse,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
    Unseal,
)
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer


async def test_the_synthetic_log_verifies_and_spreads_over_lanes(tmp_path):
    settings = with_words_tokenizer(Settings(run=tmp_path), tmp_path)
    log = await Builder(settings).build(conversations=6, documents=6)
    local, keyring = local_handlers(settings)
    assert {Digest, Unseal, Parse} <= set(local)
    assert Begin not in local
    report = await Verifier(log, local, keyring.digest_key).verify()
    assert report.diverged == []
    assert report.equal == report.records > 6 * 4 * 8
    lanes = Counter(lane for topic, lane in log.extents() if topic == "playhead.question.asked")
    assert len(lanes) > 1


async def built(folder, conversations, documents=5):
    settings = with_words_tokenizer(Settings(run=folder), folder)
    return await Builder(settings).build(conversations, documents), settings


def records_of(log, record):
    """Return all records of a type, in the order of their lanes."""
    codec, topic = Codec(log.ids), topic_of(record)
    return [
        codec.decode(stored.value, record)
        for place in sorted(log.extents())
        if place[0] == topic
        for stored in log.records(*place)
    ]


@pytest.fixture(scope="module")
def a_log(unit_path_factory):
    return asyncio.run(built(unit_path_factory.mktemp("built"), conversations=10))[0]


def test_every_question_is_answered(a_log):
    asked = [event.meta.request for event in records_of(a_log, QuestionAsked)]
    released = [event.meta.request for event in records_of(a_log, AnswerReleased)]
    assert len(asked) == 10 * TURNS
    assert sorted(asked) == sorted(released)


def test_configurations_stand_there_before_anything_else(a_log):
    names = [record.step for record in records_of(a_log, ConfigurationSet)]
    assert names == list(load())


def test_conversations_are_under_way_side_by_side(a_log):
    """Of two questions in one lane, records of one lie between those of the other."""
    lane = [event.meta.request for event in records_of(a_log, TokensGenerated)]
    runs = sum(one != other for one, other in pairwise(lane))
    assert runs > len(set(lane))


def test_no_more_conversations_are_under_way_than_there_may_be(a_log):
    sessions = [event.meta.session for event in records_of(a_log, QuestionAsked)]
    assert len(set(sessions)) == 10 > CONVERSATIONS


def test_a_later_question_sees_the_turns_before_it(a_log):
    turns = Counter(record.turns for record in records_of(a_log, QueryRewritten))
    assert turns[0] == 10
    assert sum(turns.values()) == 10 * TURNS
    assert max(turns) == TURNS - 1


def test_people_are_replaced_before_anything_is_searched(a_log):
    redacted = records_of(a_log, QuestionRedacted)
    assert any("<PERSON_1>" in event.text for event in redacted)
    assert not any(person in event.text for event in redacted for person in PEOPLE)


def test_every_record_follows_from_one_on_the_log(a_log):
    for record in (QuestionRedacted, QueryRewritten, AnswerReleased):
        for event in records_of(a_log, record):
            cause = event.meta.cause
            rows = list(a_log.records(cause.topic, cause.partition))
            assert dict(rows[cause.offset].headers)["id"].decode() == cause.id


async def test_two_logs_have_the_same_records_but_for_keys_and_times(tmp_path):
    made = []
    for name in ("one", "other"):
        log, _ = await built(tmp_path / name, conversations=2)
        made.append([(e.meta.id, e.meta.trace, e.text) for e in records_of(log, QuestionRedacted)])
    assert made[0] == made[1]


def has_tokenizer(settings):
    return Path(settings.tokenizer).is_file()


async def test_an_archive_is_written_with_the_keys_that_open_it(tmp_path):
    archive, settings = await build(tmp_path, conversations=1, documents=1)
    log = ArchiveLog(archive)
    keyring = Keyring(settings)
    [asked, *_] = records_of(log, QuestionAsked)
    assert b"ticket" in keyring.unseal(asked.meta.tenant, asked.text)
    if has_tokenizer(settings):  # where the parts are, the document is ingested too
        assert len(records_of(log, DocumentSubmitted)) == 1
        assert sum(len(event.chunks) for event in records_of(log, ChunksEmbedded)) > 0
    await keyring.close()
