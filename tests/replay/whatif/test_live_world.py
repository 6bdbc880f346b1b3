"""What is asked live has no connector that writes."""

import pytest

from connectors.who_answers import KEYRING, connectors_for
from replay.whatif.live_world import INDEX, OnlyAsked
from replay.whatif.outside import ASKED, KEPT_HERE, REFUSED
from schemas import CallTool, Detect, Detected, Generate, IndexChunks, Search
from tests.fake_connectors import FakeAnsweringConnector


def answer(_request):
    return Detected(texts=(), model="m")


def test_of_a_connector_only_what_is_asked_is_left():
    connector = FakeAnsweringConnector(
        dict.fromkeys((Search, Detect, IndexChunks, CallTool, Generate), answer)
    )
    only = OnlyAsked(connector)
    assert set(only.handlers()) == {Search, Detect}
    assert set(only.stream_handlers()) == {Generate}
    assert not hasattr(only, "circuit")


async def test_its_circuit_and_its_end_are_the_connectors():
    class Guarded(FakeAnsweringConnector):
        service = "index"

        def circuit(self, _request):
            return None

        async def close(self):
            self.closed = True

    connector = Guarded({})
    only = OnlyAsked(connector)
    assert only.service == "index"
    assert only.circuit(None) is None
    await only.close()
    assert connector.closed


def test_the_index_is_among_the_connectors_and_the_keyring_is_left_out():
    paths = connectors_for(ASKED)
    assert INDEX in paths
    assert INDEX.endswith(":Weaviate")
    assert KEYRING in paths  # of every worker; here it is not made


@pytest.mark.parametrize("kind", sorted({*KEPT_HERE, *REFUSED}, key=lambda kind: kind.__name__))
def test_no_write_is_ever_asked_live(kind):
    assert kind not in ASKED
