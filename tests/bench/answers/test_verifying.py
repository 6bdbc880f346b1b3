"""Verify's rate stands beside that of reading the same log."""

import dataclasses
import re

import pytest
from msgspec.structs import replace

from bench.answers.verifying import read_rate, verify_archive, verify_figure, verify_this
from bench.child import MeasurementFailed
from bench.synthetic.builder import Builder
from bench.synthetic.synthetic_log import SyntheticLog
from replay.log import Stored
from replay.verify import Report
from schemas import Ask, QueryRewritten
from streams.log.codec import Codec, Undecodable
from streams.running.admit import INBOX_TOPICS
from streams.running.run import stamped
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer
from tests.fakes import a_meta


def a_log(count):
    log = SyntheticLog()
    codec = Codec(log.ids)
    for number in range(count):
        event = QueryRewritten(outcome="rewritten", subject="u", question="q", query="q", ask=Ask())
        log.append(codec, stamped(event, a_meta(lane=number % 3)))
    return log


def test_every_record_is_read_and_decoded():
    log = a_log(30)
    read = []
    records = log.records
    log.records = lambda *place: (read.append(stored) or stored for stored in records(*place))
    assert read_rate(log) > 0
    assert len(read) == 30


def test_a_log_that_can_not_be_decoded_has_no_rate():
    log = a_log(3)
    place = next(place for place, extent in log.extents().items() if extent.end)
    [stored, *_] = log.records(*place)
    log.records = lambda *_: iter([type(stored)(*place, 0, 0, b"", b"noise")])
    with pytest.raises(Undecodable):
        read_rate(log)


def test_the_figure_says_how_many_records_were_verified():
    figure = verify_figure("verify", Report(records=12_000, seconds=3.0), 8_000.0)
    assert (figure.value, figure.ratio) == (4_000.0, 0.5)
    assert "12,000 records" in figure.against


# ---------------------------------------------------------------------- a whole log


@pytest.fixture
async def built(tmp_path):
    """Return a log that the steps have written, and the settings that its keys go with."""
    settings = with_words_tokenizer(Settings(run=tmp_path), tmp_path)
    return await Builder(settings).build(conversations=1, documents=1), settings


def spoil(log, topic):
    """Let the first record of a topic say something else."""
    codec = Codec(log.ids)
    place = next(place for place in log.extents() if place[0] == topic)
    first, *rest = log.records(*place)
    event = replace(codec.decode_any(first.value), subject="another")
    log._records[place] = [dataclasses.replace(first, value=codec.encode(event)), *rest]


async def test_a_log_is_verified_whole_beside_its_reading(built):
    figure = await verify_this(*built)
    assert figure.name == "replay verify, this log"
    derived = int(re.search(r"([\d,]+) records verified", figure.against)[1].replace(",", ""))
    assert 20 < derived < sum(extent.end for extent in built[0].extents().values())
    assert figure.value > 0
    assert figure.baseline > 0


async def test_a_log_that_diverges_has_no_figure(built):
    log, settings = built
    spoil(log, topic_of(QueryRewritten))
    with pytest.raises(
        MeasurementFailed, match=r"the log of this run diverges: .*query\.rewritten"
    ):
        await verify_this(log, settings)


@pytest.mark.slow
async def test_an_archive_is_verified_in_one_process_and_in_more():
    alone, together = await verify_archive(conversations=2, documents=2)
    assert alone.name == "replay verify, archive"
    assert re.fullmatch(r"the same in \d+ processes", together.name)
    assert alone.against == together.against
    assert alone.baseline == together.baseline > 0


def test_inboxes_are_not_read():
    log = a_log(2)
    inbox = next(iter(INBOX_TOPICS))
    log._records[inbox, 0] = [Stored(inbox, 0, 0, 0, b"", b"noise")]
    assert read_rate(log) > 0
