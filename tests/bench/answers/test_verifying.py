"""Verify's rate stands beside that of reading the same log."""

import pytest

from bench.answers.verifying import read_rate, verify_figure
from bench.synthetic.log import SyntheticLog
from replay.verify import Report
from schemas import Ask, QueryRewritten
from streams.log.codec import Codec, Undecodable
from streams.running.run import stamped
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
    place = next(iter(log.extents()))
    [stored, *_] = log.records(*place)
    log.records = lambda *_: iter([type(stored)(*place, 0, 0, b"", b"noise")])
    with pytest.raises(Undecodable):
        read_rate(log)


def test_the_figure_says_how_many_records_were_verified():
    figure = verify_figure("verify", Report(records=12_000, seconds=3.0), 8_000.0)
    assert (figure.value, figure.ratio) == (4_000.0, 0.5)
    assert "12,000 records" in figure.against
