"""The judge finds acknowledgements that were early by however little, in what the broker wrote of them."""

import struct

import pytest

from schemas import QuestionAsked
from streams.topics import group_of, topic_of
from tests.chaos.chain_log import OUTCOMES, ChainLog
from tests.chaos.commit_log import JUMP_MS, Commit, parsed, too_soon
from tests.chaos.judge import judge
from tests.chaos.steps import chain

TOPIC = topic_of(QuestionAsked)
GROUP = group_of("redact")


def text(word):
    return struct.pack(">h", len(word)) + word.encode()


def key(kind=1):
    return struct.pack(">h", kind) + text(GROUP) + text(TOPIC) + struct.pack(">i", 3)


def value(version, note="note"):
    head = struct.pack(">hq", version, 17) + (struct.pack(">i", 5) if version >= 3 else b"")
    if version < 4:
        return head + text(note) + struct.pack(">q", 1_234)
    size = len(note) + 1
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return head + length + note.encode() + struct.pack(">q", 1_234) + b"\0"


@pytest.mark.parametrize("version", range(5))
@pytest.mark.parametrize("note", ["", "note", "x" * 200])
def test_a_commit_is_read_in_every_version_of_its_record(version, note):
    assert parsed(key(), value(version, note)) == Commit(GROUP, TOPIC, 3, 17, 1_234)


@pytest.mark.parametrize(("record_key", "content"), [(key(2), b"x"), (key(), None), (None, b"x")])
def test_what_is_no_commit_is_passed_over(record_key, content):
    assert parsed(record_key, content) is None


def commits(*positions):
    return [Commit(GROUP, TOPIC, 0, offset, at_ms) for offset, at_ms in positions]


@pytest.mark.parametrize(
    ("positions", "early"),
    [
        ([], []),
        ([(1, 100), (2, 200)], []),
        ([(1, 99), (2, 200)], [(0, 1)]),
        ([(2, 150)], [(1, 50)]),
        ([(2, 200), (1, 50), (2, 150)], []),  # what was acknowledged once is acknowledged
        ([(3, 200)], []),  # of an input without an outcome others tell
        ([(2, 100 - JUMP_MS)], []),  # a wrong clock's
    ],
)
def test_an_input_is_acknowledged_after_its_outcome_was_handed_over(positions, early):
    assert list(too_soon({0: 100, 1: 200}, commits(*positions))) == early


def test_an_acknowledgement_that_was_a_millisecond_early_is_named():
    log = ChainLog()
    log.answer(log.ask("r-1"))
    written = log.topics[topic_of(OUTCOMES["redact"]), 0]
    written[0] = written[0].__class__(**{**_fields(written[0]), "timestamp_ms": 1_000})
    assert judge(log, chain(), commits=commits((1, 1_000))).offsets == []
    [wrong] = judge(log, chain(), commits=commits((1, 999))).offsets
    assert wrong == f"redact acknowledged {TOPIC}[0]@0 1 ms before its outcome was handed over"


def _fields(stored):
    return {name: getattr(stored, name) for name in stored.__slots__}
