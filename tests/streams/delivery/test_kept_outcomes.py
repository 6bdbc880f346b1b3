"""Outcomes kept in files: told again as they were, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import msgspec
import pytest
from confluent_kafka import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas import Cause
from streams.delivery import kept_outcomes
from streams.delivery.history import Outcome
from streams.delivery.kept_outcomes import (
    DIGEST_BYTES,
    FILE_BYTES_MAX,
    KeptOutcomes,
    KnownStretch,
    Mark,
    OutcomeRow,
)

PLACE = "playhead.question.redacted", 3
TOPIC_ID = "an id of the broker's"
MARK = Mark(9, 1_700_000_000_000, bytes(32))
LONG = st.integers(-(2**63), 2**63 - 1)


def an_outcome(offset=4, name="c-4", attempt=1, last=True, topic="playhead.question.asked"):
    return Outcome(Cause(topic=topic, partition=3, offset=offset, id=name), attempt, last)


def a_stretch(*rows):
    return KnownStretch(
        2, list(rows) or [OutcomeRow(4, 100, an_outcome()), OutcomeRow(9, 7, None)], MARK
    )


@pytest.fixture
def files(tmp_path):
    return KeptOutcomes(tmp_path / "outcomes", "redact")


def path_in(tmp_path):
    [path] = (tmp_path / "outcomes").iterdir()
    return path


outcomes = st.builds(
    an_outcome,
    offset=LONG,
    name=st.text(max_size=50),
    attempt=st.integers(-(2**31), 2**31 - 1),
    last=st.booleans(),
    topic=st.sampled_from(["a", "b", "playhead.chunks.cut", ""]),
)


@given(rows=st.lists(st.builds(OutcomeRow, LONG, st.integers(0, 2**40), st.none() | outcomes)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_is_what_is_told_again(files, rows):
    stretch = KnownStretch(2, rows, MARK)
    files.keep(PLACE, TOPIC_ID, stretch)
    assert files.of(PLACE, TOPIC_ID) == stretch


def test_each_step_topic_and_lane_has_a_file_of_its_own(tmp_path):
    folder = tmp_path / "outcomes"
    places = [("a", 1), ("a", 11), ("a-1", 1), ("b/../a", 1), ("a", 2)]
    kept = {}
    for step in ("redact", "redact-a"):
        for number, place in enumerate(places):
            kept[step, place] = a_stretch(OutcomeRow(number, len(kept), None))
            KeptOutcomes(folder, step).keep(place, TOPIC_ID, kept[step, place])
    assert len(list(folder.iterdir())) == len(kept)
    for (step, place), stretch in kept.items():
        assert KeptOutcomes(folder, step).of(place, TOPIC_ID) == stretch


def test_what_was_kept_before_is_replaced_and_nothing_is_left_beside_it(tmp_path, files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    files.keep(PLACE, TOPIC_ID, a_stretch(OutcomeRow(5, 1, None)))
    assert files.of(PLACE, TOPIC_ID) == a_stretch(OutcomeRow(5, 1, None))
    path_in(tmp_path)


def test_nothing_is_kept_before_anything_was(files):
    assert files.of(PLACE, TOPIC_ID) is None


def test_what_is_kept_of_another_topic_of_that_name_is_not_believed(files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    assert files.of(PLACE, "the topic that was made anew") is None


def test_what_another_version_of_the_code_read_is_its_own(files, monkeypatch):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    with monkeypatch.context() as beside:
        beside.setattr(kept_outcomes, "CODE", "0.0.next")
        assert files.of(PLACE, TOPIC_ID) is None
        files.keep(PLACE, TOPIC_ID, a_stretch(OutcomeRow(5, 1, None)))
    assert files.of(PLACE, TOPIC_ID) == a_stretch()


def test_a_file_that_is_cut_off_anywhere_is_not_believed(tmp_path, files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    whole = path_in(tmp_path).read_bytes()
    for length in range(len(whole)):
        path_in(tmp_path).write_bytes(whole[:length])
        assert files.of(PLACE, TOPIC_ID) is None


def test_a_file_in_which_one_bit_is_another_is_not_believed(tmp_path, files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    whole = path_in(tmp_path).read_bytes()
    for at in range(len(whole)):
        path_in(tmp_path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert files.of(PLACE, TOPIC_ID) is None


NO_SUCH_TOPIC = [TOPIC_ID, 2, MARK, [], [(4, 100, (7, 3, 4, "c-4", 1, True))]]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc0", b"\x93\x01\x02\x03", b"junk" * 9, msgspec.msgpack.encode(NO_SUCH_TOPIC)],
)
def test_bytes_of_another_shape_are_not_believed_though_their_digest_is_right(
    tmp_path, files, body
):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    path_in(tmp_path).write_bytes(sha256(body).digest() + body)
    assert files.of(PLACE, TOPIC_ID) is None


def test_of_a_file_that_grows_without_end_no_more_is_read_than_one_may_hold(tmp_path, files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    body = path_in(tmp_path).read_bytes()[DIGEST_BYTES:] + bytes(FILE_BYTES_MAX)
    path_in(tmp_path).write_bytes(sha256(body).digest() + body)
    assert files.of(PLACE, TOPIC_ID) is None


def test_what_would_not_be_read_again_is_not_written(tmp_path, files):
    files.keep(PLACE, TOPIC_ID, a_stretch())
    files.keep(PLACE, TOPIC_ID, a_stretch(OutcomeRow(4, 1, an_outcome(name="x" * FILE_BYTES_MAX))))
    assert files.of(PLACE, TOPIC_ID) == a_stretch()


def test_where_nothing_can_be_written_it_is_said_and_the_log_is_read(tmp_path):
    (tmp_path / "outcomes").write_text("a file in the folder's place")
    files = KeptOutcomes(tmp_path / "outcomes", "redact")
    with capture_logs() as lines:
        files.keep(PLACE, TOPIC_ID, a_stretch())
    assert [line["event"] for line in lines] == ["outcomes can't be kept"]
    assert files.of(PLACE, TOPIC_ID) is None


def test_of_two_that_write_at_once_nothing_is_believed_that_neither_wrote(files):
    written = [
        a_stretch(*[OutcomeRow(number, size, None) for number in range(400)]) for size in (1, 2)
    ]
    found = []

    def write(stretch):
        for _ in range(60):
            files.keep(PLACE, TOPIC_ID, stretch)
            found.append(files.of(PLACE, TOPIC_ID))

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, written))
    assert all(one is None or one in written for one in found)
    files.keep(PLACE, TOPIC_ID, written[0])
    assert files.of(PLACE, TOPIC_ID) == written[0]


def test_a_record_is_known_again_by_its_place_time_and_bytes():
    def mark(offset=4, value=b"v", time_ms=7):
        return Mark.of(Message(offset=offset, value=value, timestamp=(1, time_ms)))

    assert mark() == mark()
    assert len({mark(), mark(offset=5), mark(value=b"w"), mark(time_ms=8), mark(value=None)}) == 5
