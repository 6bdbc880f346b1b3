"""The network between workers and a broker: cut, half dead, slow."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from tests.chaos.faults.happening import Effects, Happenings, note
from tests.chaos.faults.link import FakeLink
from tests.chaos.plan import Fault

STATES = {"cut": "cut", "half-open": "half-open", "slow link": "slow"}


def network_faults(links: Sequence[FakeLink], effects: Effects) -> Happenings:
    """Return the faults of the links to the brokers; each hits one link."""

    @contextmanager
    def happen(state: str, fault: Fault) -> Iterator[bool]:
        link = links[fault.slot % len(links)]
        before = Counter(link.counts)
        with link.being(state) as done:
            yield done
        if done:
            note(effects, fault.kind, link.counts - before)

    return {kind: partial(happen, state) for kind, state in STATES.items()}
