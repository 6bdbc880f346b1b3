"""Which faults a run can have, by kind: those that its ground is made for."""

from collections.abc import Callable, Sequence

from tests.chaos.faults.brokers import BrokerFaults
from tests.chaos.faults.disk import DiskFaults
from tests.chaos.faults.happening import Effects, Happenings
from tests.chaos.faults.network import network_faults
from tests.chaos.faults.registry import registry_faults
from tests.chaos.faults.topics import TopicFaults
from tests.chaos.faults.workers import WorkerFaults
from tests.chaos.ground import Ground
from tests.chaos.plan import Plan
from tests.chaos.profiles import kinds_of
from tests.chaos.slots import Slot

Offer = Callable[[Plan, Ground, Sequence[Slot], Effects], Happenings]


def happenings(plan: Plan, ground: Ground, slots: Sequence[Slot], effects: Effects) -> Happenings:
    """Return what makes each kind of the plan's profile."""

    def another(number: int, place: str) -> Slot:
        return Slot(number, ground, plan, place)

    every = {
        **network_faults(ground.links, effects),
        **BrokerFaults(ground, effects).happenings(),
        **(registry_faults(ground.registry, effects) if ground.registry else {}),
        **TopicFaults(ground, slots, effects).happenings(),
        **DiskFaults(ground, slots, effects).happenings(),
        **WorkerFaults(slots, effects, another).happenings(),
    }
    return {kind: every[kind] for kind in kinds_of(plan.profile)}
