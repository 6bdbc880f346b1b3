"""Faults of brokers and topics, on three brokers without any worker."""

import time

import pytest

from streams.log.setup import create_topics
from tests.chaos.faults.brokers import BrokerFaults, controller_of
from tests.chaos.faults.scripts import ScriptSlot
from tests.chaos.faults.topics import SETTINGS, WRITTEN, TopicFaults
from tests.chaos.ground import Ground
from tests.chaos.plan import Fault, Plan
from tests.chaos.profiles import BROKERS, TOPICS

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
PLAN = Plan(1, kills=0, profile="brokers")
ANSWER_S = 60.0


def elected(ground):
    """Return the controller, once there is one again: an election may be under way."""
    ends_s = time.monotonic() + ANSWER_S
    while (controller := controller_of(ground)) is None and time.monotonic() < ends_s:
        time.sleep(0.1)
    return controller


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    with Ground(PLAN, tmp_path_factory.mktemp("ground") / "run") as ground:
        create_topics(ground.settings)
        yield ground


def test_each_record_lies_on_three_brokers_and_two_must_have_it(ground):
    faults = TopicFaults(ground, [], {}, patience_s=0.0)
    assert ground.settings.replication == 3
    assert faults._of(WRITTEN[0], "min.insync.replicas") == "2"
    topics = faults._admin.list_topics(timeout=ANSWER_S).topics
    assert {len(lane.replicas) for lane in topics[WRITTEN[0]].partitions.values()} == {3}


@pytest.mark.parametrize("kind", BROKERS)
def test_a_broker_is_away_and_back(ground, kind):
    effects = {}
    faults = BrokerFaults(ground, effects, patience_s=0.0)
    with faults.happenings()[kind](Fault(0.0, kind, 1)) as done:
        assert done
        with faults.happenings()["broker killed"](Fault(0.0, "broker killed", 2)) as another:
            assert not another
    ground.wait_ready()
    assert elected(ground) in {0, 1, 2}
    assert effects[kind]["brokers without an answer"] == 1


@pytest.mark.parametrize("kind", TOPICS)
def test_a_setting_is_another_for_a_while_and_what_workers_say_of_it_is_counted(
    ground, tmp_path, kind
):
    name, value = SETTINGS[kind]
    slot = ScriptSlot(0, tmp_path, "", PLAN)
    effects = {}
    faults = TopicFaults(ground, [slot], effects)
    before = faults._of(WRITTEN[0], name)
    fault = Fault(0.0, kind)
    with faults.happenings()[kind](fault) as done:
        assert done
        assert faults._of(WRITTEN[0], name) == value != before
        slot.log.write_text(f"other\n{WRITTEN[0]} has {name}={value}, it must be\n")
    assert faults._of(WRITTEN[0], name) == before
    assert list(effects[kind].values()) == [1]
