"""Whether what is up is what an `up` asks for."""

import pytest

from infra.local import components, ports
from infra.local.matching import match
from infra.local.supervisor import Wish
from infra.stack_error import StackError

NOW = ports.block(7700)


def entries(**states):
    up = dict.fromkeys([*components.NAMES, "documents"], "ready")
    return {name.replace("_", "-"): {"state": state} for name, state in {**up, **states}.items()}


def test_the_same_again_is_met():
    again = Wish(ports={"gateway": 7700}, ports_from=7700)
    assert match(again, entries(), NOW, {"PLAYHEAD_PORT_KAFKA": "7701"}) == ""


@pytest.mark.parametrize(
    ("wish", "environment", "said"),
    [
        (Wish(workers=3), {}, "without documents-2, documents-3, worker-2, worker-3; run"),
        (Wish(ports={"gateway": 9000}), {}, "with gateway at port 7700 instead of 9000; run"),
        (Wish(), {"PLAYHEAD_PORT_KAFKA": "9092"}, "with kafka at port 7701 instead of 9092; run"),
        (Wish(ports_from=8000), {}, "with gateway at port 7700 instead of 8000, with kafka at"),
        (
            Wish(workers=2, ports={"kafka": 1}),
            {},
            "without documents-2, worker-2, with kafka at port",
        ),
    ],
)
def test_an_option_that_is_not_met_is_told_of(wish, environment, said):
    with pytest.raises(StackError) as error:
        match(wish, entries(), NOW, environment)
    assert str(error.value).startswith(said)


def test_what_stopped_is_missing_and_what_is_unwell_is_named():
    with pytest.raises(StackError, match="without weaviate;"):
        match(Wish(), entries(weaviate="stopped"), NOW, {})
    with pytest.raises(StackError, match="but triton is unhealthy"):
        match(Wish(), entries(triton="unhealthy"), NOW, {})
    assert match(Wish(frozenset({"kafka"})), entries(triton="unhealthy"), NOW, {})


def test_more_than_was_asked_for_is_named_and_no_error():
    only = Wish(frozenset({"kafka", "registry", "weaviate", "triton", "gateway"}))
    assert match(only, entries(worker_2="ready"), NOW, {}) == "worker, documents, worker-2"
