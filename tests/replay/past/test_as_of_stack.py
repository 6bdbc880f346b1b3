"""What was retrieved is retrieved again as of then, whatever became of the documents since."""

import json
import uuid
from contextlib import closing

import pytest

from agents.errors import Permanent
from replay.configurations import Configurations
from replay.log import BrokerLog
from replay.past import retrieved_then
from replay.past.retrieved_then import difference_of, recorded_retrieval, recorded_run
from schemas import Passage
from streams.log.codec import Codec

URI = "manual.md"
BODIES = {
    "first": "# Lanes\n\nThe northern lane is closed for repairs until May.",
    "second": "# Lanes\n\nThe northern lane is closed for repairs until August.",
}


@pytest.mark.stack
async def test_each_recorded_retrieval_is_the_same_as_of_its_position(running):
    tenant, requests = f"then-{uuid.uuid4().hex[:8]}", []
    for body, groups in (("first", []), ("second", []), ("second", ["law"])):
        running.submit(tenant, BODIES[body], uri=URI, groups=groups)
        running.submit(tenant, f"# Gate {body}\n\nThe gate is blue.", uri=f"gate-{len(requests)}")
        asked = running.ask(tenant, "Until when is the northern lane closed?")
        requests.append(asked["request_id"])
    connectors = retrieved_then.open_connectors(running.settings)
    seen = []
    try:
        with closing(BrokerLog(running.settings)) as log:
            codec = Codec(log.ids)
            configurations = Configurations(log, codec)
            for request in requests:
                recorded = recorded_retrieval(log, codec, request)
                found = await retrieved_then.retrieved_as_of(
                    recorded.query,
                    recorded.position,
                    recorded_run(recorded, configurations),
                    connectors,
                    codec,
                    60.0,
                )
                assert difference_of(recorded.retrieved.passages, found.passages) == []
                seen.append({one.text for one in found.passages if "closed" in one.text})
    finally:
        await retrieved_then.close_all(connectors)
    assert len(seen[0]) == len(seen[1]) == 1
    assert seen[0] != seen[1]
    assert not seen[2], "by then the reader was in no group that may read it"
    again = running.playhead("replay", "as-of", "--request", requests[0], "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["same"]


def a_passage(chunk, version=1):
    return Passage(
        chunk=chunk, document="d", version=version, number=0, title="", uri="", text="", tokens=1
    )


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ("ab", []),
        ("a", ["lacks b of d, version 1"]),
        ("abc", ["has c of d, version 1, too"]),
        ("ba", ["has the same passages in another order"]),
    ],
)
def test_passages_that_differ_are_named(found, says):
    assert difference_of([*map(a_passage, "ab")], [*map(a_passage, found)]) == says


def test_another_version_is_another_passage():
    told = difference_of([a_passage("a")], [a_passage("a", 2)])
    assert told == ["lacks a of d, version 1", "has a of d, version 2, too"]


async def test_a_connector_that_does_not_close_keeps_no_other_from_it():
    closed = []

    class Closing:
        def __init__(self, error=None):
            self.error = error

        async def close(self):
            closed.append(self)
            if self.error:
                raise self.error

    await retrieved_then.close_all([Closing(Permanent("no")), Closing()])
    assert len(closed) == 2
