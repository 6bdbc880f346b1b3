"""While a broker stands still, who writes to it waits: nobody asks without end."""

import json
import time

import pytest

from streams.log.writing import new_producer

TOLD_MS = 200
PAUSE_S = 1.5
WAKEUPS_MAX = 300  # of a thread in a pause: some tens, and hundreds of thousands where it spins
ANSWER_S = 60.0


@pytest.mark.stack
@pytest.mark.parametrize(("records", "spaced_s"), [(5, 0.02), (6, 0.0), (40, 0.02)])
def test_a_producer_waits_for_a_broker_that_stands_still(lone_broker, records, spaced_s):
    topic, woken = lone_broker.new_topic(), []

    def told(spelt):
        brokers = json.loads(spelt)["brokers"].values()
        woken.append(sum(one["wakeups"] for one in brokers))

    settings = {"stats_cb": told, "statistics.interval.ms": TOLD_MS}
    producer = new_producer(lone_broker.settings, "standing", **settings)
    producer.produce(topic, b"before", partition=0)
    assert producer.flush(ANSWER_S) == 0
    with lone_broker.paused():
        for _ in range(records):
            producer.produce(topic, b"meanwhile", partition=0)
            time.sleep(spaced_s)
        woken.clear()
        deadline = time.monotonic() + PAUSE_S
        while time.monotonic() < deadline or len(woken) < 2:
            producer.poll(0.1)
    assert woken[-1] - woken[0] < WAKEUPS_MAX
    assert producer.flush(ANSWER_S) == 0
