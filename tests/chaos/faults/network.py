"""The network between workers and a broker: cut, half dead, slow."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from tests.chaos.faults.happening import SEEN_PATIENCE_S, Effects, Happenings, note, until_seen
from tests.chaos.faults.link import FakeLink
from tests.chaos.plan import Fault

STATES = {"cut": "cut", "half-open": "half-open", "slow link": "slow"}


def network_faults(
    links: Sequence[FakeLink], effects: Effects, patience_s: float = SEEN_PATIENCE_S
) -> Happenings:
    """Return the faults of the links to the brokers; each hits one link.

    `patience_s` is how long each waits for something to pass there.
    """

    @contextmanager
    def happen(state: str, fault: Fault) -> Iterator[bool]:
        link = links[fault.slot % len(links)]
        before = Counter(link.counts)
        with link.being(state) as done:
            yield done
            if done:
                until_seen(lambda: link.counts - before, patience_s)
        if done:
            note(effects, fault.kind, link.counts - before)

    return {kind: partial(happen, state) for kind, state in STATES.items()}
