"""A log that lost something: what is taken of it, and who is heard to tell of it."""

import json
import sys
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas import QuestionRedacted
from streams.topics import topic_of
from tests.chaos.faults.lost_logs import HEADER, STUCK, LostLogs, batches_of, cut_tail
from tests.chaos.judgement import Expected
from tests.lone_broker import a_lone_broker

TOPIC = topic_of(QuestionRedacted)
ANSWER_S = 60.0


def a_lane(folder, *sizes):
    """A lane of batches of so many bytes, one record each."""
    folder.mkdir(parents=True)
    batches = [HEADER.pack(offset, size) + b"x" * size for offset, size in enumerate(sizes)]
    (folder / "00000000000000000000.log").write_bytes(b"".join(batches))
    return folder / "00000000000000000000.log"


def test_batches_are_found_and_a_torn_one_is_none(tmp_path):
    segment = a_lane(tmp_path / "t-0", 10, 20, 30)
    assert list(batches_of(segment)) == [(0, 0), (22, 1), (54, 2)]
    segment.write_bytes(segment.read_bytes()[:-1])
    assert list(batches_of(segment)) == [(0, 0), (22, 1)]


@pytest.mark.parametrize(("batches", "left"), [(1, [0, 1]), (2, [0]), (9, [])])
def test_the_last_batches_go_and_what_the_broker_would_trust(tmp_path, batches, left):
    segment = a_lane(tmp_path / "t-0", 10, 20, 30)
    kept = [tmp_path / ".kafka_cleanshutdown", tmp_path / "t-0" / "00000000000000000000.index"]
    for file in kept:
        file.touch()
    assert cut_tail(tmp_path, "t-0", batches) == len(left)
    assert [offset for _, offset in batches_of(segment)] == left
    assert not any(file.exists() for file in kept)


def test_of_an_empty_lane_nothing_is_lost(tmp_path):
    a_lane(tmp_path / "t-0")
    assert cut_tail(tmp_path, "t-0", 5) == 0


@pytest.mark.stack
def test_a_broker_comes_back_with_a_shorter_log(tmp_path):
    with a_lone_broker(tmp_path / "run", lambda line: sys.stderr.write(f"{line}\n")) as broker:
        topic = broker.new_topic()
        for number in range(20):
            broker.put(topic, [b"%d" % number])
        with broker.down() as data:
            assert cut_tail(data, f"{topic}-0", 5) == 15
        client = Consumer({"bootstrap.servers": broker.settings.kafka, "group.id": "g"})
        place = TopicPartition(topic, 0)
        assert client.get_watermark_offsets(place, timeout=ANSWER_S) == (0, 15)
        broker.put(topic, [b"after"])
        assert client.get_watermark_offsets(place, timeout=ANSWER_S) == (0, 16)
        client.close()


# ---------------------------------------------------------------------- who is heard


@pytest.fixture
def losses(tmp_path):
    load = SimpleNamespace(expected=Expected({"r-0": (0, "answered"), "r-1": (1, "answered")}))
    slot = SimpleNamespace(log=tmp_path / "worker.log", ready=tmp_path / "worker.ready")
    return LostLogs(SimpleNamespace(settings=None), load, slot, print, patience_s=0.0)


def wrote(losses, *lines):
    losses._slot.log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


LOUD = {"level": "error", "topic": TOPIC, "lane": 1, "event": f"{STUCK}: reset it"}


@pytest.mark.parametrize(
    ("line", "lanes"),
    [
        (LOUD, {1}),
        ({**LOUD, "level": "warning"}, set()),
        ({**LOUD, "topic": "another"}, set()),
        ({**LOUD, "event": "it goes on, though"}, set()),
        ({"level": "error", "event": "something"}, set()),
    ],
)
def test_a_lane_is_told_of_by_an_error_that_names_it(losses, line, lanes):
    wrote(losses, line)
    assert losses._told(TOPIC, 0) == lanes
    assert losses._told(TOPIC, losses._slot.log.stat().st_size) == set()


@pytest.mark.parametrize(
    ("ended", "lines", "silent"),
    [
        (("r-0", "r-1"), (), []),
        (("r-0",), (LOUD,), []),
        (("r-0",), (), ["r-1"]),
        ((), (LOUD,), ["r-0"]),
    ],
)
def test_who_has_neither_an_end_nor_a_word_was_swallowed(losses, ended, lines, silent):
    wrote(losses, *lines)
    follower = SimpleNamespace(ends_s=dict.fromkeys(ended, 1.0))
    losses._take_stock("lost tail", TOPIC, 7, {"r-0", "r-1"}, follower, 0)
    assert losses.wrong == [
        f"{request} of lane {request[-1]} has no end after lost tail of {TOPIC}, "
        "and nobody told of it"
        for request in silent
    ]
    assert losses.effects == {
        "lost tail": {
            "records lost": 7,
            "asked after": 2,
            "ended": len(ended),
            "lanes told of": len(lines),
        }
    }


@pytest.mark.parametrize(
    ("ready", "says"), [('{"state": "ready"}', True), ('{"state": "stuck"}', False), (None, False)]
)
def test_a_worker_says_whether_it_is_ready(losses, ready, says):
    if ready:
        losses._slot.ready.write_text(ready)
    assert losses._says_ready() == says
