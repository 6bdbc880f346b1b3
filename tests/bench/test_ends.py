"""Both ends of a chain: records go in as they are, what comes is handed on at once, and silence is told."""

import itertools
import threading
import time
import uuid
from itertools import islice

import pytest
from confluent_kafka import Producer

from bench.child import Child, MeasurementFailed
from bench.ends import POLL_MAX, Ends, InputRecord, Stuck
from bench.measured_topics import own_topics
from bench.transports.inputs import VALUE_BYTES
from tests.bench.fakes import (
    NO_WORD,
    PARTITION_END,
    FakeChain,
    FakeChainProducer,
    FakeProgram,
    a_message,
    ends_of,
)

SO_FAR = "1 of 2 records came"


class Recording(FakeChainProducer):
    """Keeps whole records, and counts how often the client was served."""

    def __init__(self, chain):
        super().__init__(chain)
        self.records, self.served = [], 0
        self.produce = lambda *record, headers: self.records.append((*record, headers))

    def poll(self, timeout):
        self.served += 1
        assert timeout == 0
        return 0


def nothing(*_):
    return []


def arrivals(ends, silence_s=0.0):
    return ends.arrivals(lambda: SO_FAR, silence_s)


def values(batches):
    return [[message.value() for message in messages] for messages, _ in batches]


def test_a_record_goes_in_at_the_first_topic_as_it_is():
    chain = FakeChain(nothing)
    producer = Recording(chain)
    ends = Ends("first", producer, chain, ())
    ends.put(InputRecord(3, b"key", b"value", (("id", b"1"), ("request", b"2"))))
    ends.put(InputRecord(0, b"", b""))
    assert producer.records == [
        ("first", b"value", b"key", 3, [("id", b"1"), ("request", b"2")]),
        ("first", b"", b"", 0, []),
    ]
    assert producer.served == 2


@pytest.mark.parametrize("count", [1, 2, POLL_MAX, POLL_MAX + 1])
def test_all_that_waits_comes_at_once_up_to_a_batch(count):
    chain = FakeChain()
    ends = ends_of(chain)
    for number in range(count):
        ends.put(InputRecord(0, b"", str(number).encode()))
    [batch] = values(islice(arrivals(ends), 1))
    assert batch == [str(number).encode() for number in range(count)]
    assert not chain.waiting


def test_what_comes_later_comes_in_order_and_not_before():
    chain = FakeChain()
    ends = ends_of(chain)
    coming, times = arrivals(ends), []
    for number in range(3):
        ends.put(InputRecord(0, b"", str(number).encode()))
        messages, now = next(coming)
        assert [message.value() for message in messages] == [str(number).encode()]
        times.append(now)
    assert times == sorted(times)


def test_the_end_of_a_partition_is_no_record():
    chain = FakeChain()
    chain.waiting.extend([a_message(b"a"), a_message(b"", error=PARTITION_END), a_message(b"b")])
    assert values(islice(arrivals(ends_of(chain)), 1)) == [[b"a", b"b"]]


@pytest.mark.parametrize("heard", [0, 1, 3])
def test_silence_is_told_with_what_came_so_far(heard):
    chain = FakeChain()
    chain.waiting.extend([a_message(b"x")] * heard)
    coming = arrivals(ends_of(chain))
    assert sum(len(messages) for messages, _ in islice(coming, min(heard, 1))) == heard
    with pytest.raises(Stuck, match=SO_FAR):
        next(coming)


def test_silence_begins_anew_with_everything_that_comes():
    chain, seconds = FakeChain(), itertools.count()
    program = FakeProgram()
    ends = Ends("first", FakeChainProducer(chain), chain, (program,), clock_s=lambda: next(seconds))
    silent = [None, None]  # two looks of a second each; the third would be too long
    looks = iter([*silent, a_message(b"a"), *silent, a_message(b"b"), None, None, None])
    chain.poll = lambda _timeout: next(looks)
    coming = arrivals(ends, silence_s=2.0)
    assert [next(coming)[1], next(coming)[1]] == [3, 6]
    with pytest.raises(Stuck):
        next(coming)
    assert program.checks == 2 + 2 + 3


def test_ends_of_partitions_alone_are_silence_too():
    chain = FakeChain()
    chain.waiting.extend([a_message(b"", error=PARTITION_END)] * 3)
    with pytest.raises(Stuck):
        next(arrivals(ends_of(chain)))


def test_while_something_comes_nobody_looks_at_the_programs():
    program = FakeProgram(fails_after=0)
    chain = FakeChain()
    ends = ends_of(chain, program)
    coming = arrivals(ends)
    for _ in range(3):
        ends.put(InputRecord(0, b"", b"x"))
        next(coming)
    assert program.checks == 0
    with pytest.raises(MeasurementFailed, match=NO_WORD):
        next(coming)


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_any_program_that_ended_is_told_and_not_the_silence(ended):
    programs = [FakeProgram(fails_after=0 if number == ended else None) for number in range(3)]
    with pytest.raises(MeasurementFailed, match=NO_WORD) as error:
        next(arrivals(ends_of(FakeChain(), *programs)))
    assert not isinstance(error.value, Stuck)
    assert [program.checks for program in programs] == [1] * (ended + 1) + [0] * (2 - ended)


def test_time_of_all_programs_adds_up():
    ends = ends_of(FakeChain(), FakeProgram(2.0), FakeProgram(0.5))
    assert [ends.cpu_s(), ends.cpu_s()] == [2.5, 5.0]


def test_what_is_on_its_way_is_waited_for_before_the_clients_are_closed():
    chain = FakeChain()
    ends_of(chain).close()
    assert chain.flushed
    assert chain.closed


# ---------------------------------------------------------------------- the fakes and the real ones


def test_ends_meet_over_a_chain_that_is_none():
    meet(ends_of(FakeChain()))


@pytest.mark.parametrize("fake", [True, False])
def test_a_program_tells_its_time_and_its_end(tmp_path, fake):
    if fake:
        program = FakeProgram(fails_after=1)
    else:
        program = Child("bench.no_such_module", (), tmp_path / "output")
    times = [program.cpu_s() for _ in range(3)] if fake else [0.0]
    assert all(type(one) is float and one >= 0 for one in times)
    assert times == sorted(times)
    with pytest.raises(MeasurementFailed, match=r"^ended with 1: "):
        check_for_long(program)
    if not fake:
        program.stop()


def check_for_long(program):
    for _ in range(3_000):
        assert program.check() is None
        time.sleep(0.01)


@pytest.mark.stack
def test_ends_meet_on_a_real_broker(running):
    topic, settings = f"test.{uuid.uuid4().hex}", running.settings
    with own_topics(settings, [topic], 2):
        meet(Ends.on(settings.kafka, (topic, (topic,)), 2, "bench-test", ()))


def meet(ends):
    records = [
        InputRecord(number % 2, b"key", str(number).encode().ljust(VALUE_BYTES), (("n", b"1"),))
        for number in range(200)
    ]
    for record in records:
        ends.put(record)
    came, coming = [], arrivals(ends, silence_s=20.0)
    while len(came) < len(records):
        came += next(coming)[0]
    ends.close()
    for number in (0, 1):
        mine = [message.value() for message in came if message.partition() == number]
        assert mine == [record.value for record in records if record.partition == number]
    assert {message.headers()[0] for message in came} == {("n", b"1")}


def test_both_ends_let_go_though_their_broker_has_gone():
    broker = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    [at] = broker.list_topics(timeout=10).brokers.values()
    broker.produce("last", b"x", partition=0)
    broker.flush(10)
    ends = Ends.on(f"{at.host}:{at.port}", ("first", ["last"]), 1, "g", ())
    assert next(ends.arrivals(lambda: "nothing came"))[0][0].value() == b"x"
    del broker
    closing = threading.Thread(target=ends.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
