"""A registry that lies and lags: each worker that starts meets it, and each schema that is new.

Where a machine is slow, nobody may ask in the few seconds of a lie: then it goes on until somebody has heard it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.chaos.faults.fake_registry import FakeRegistryProxy
from tests.chaos.faults.happening import Effects, Happenings, note
from tests.chaos.plan import Fault
from tests.chaos.profiles import REGISTRY

PATIENCE_S = 30.0  # for the first who hears a lie


def registry_faults(
    proxy: FakeRegistryProxy, effects: Effects, patience_s: float = PATIENCE_S
) -> Happenings:
    """Return the lies of a registry, by kind; each waits so long for somebody to hear it."""

    @contextmanager
    def happen(lie: str, fault: Fault) -> Iterator[bool]:
        before = Counter(proxy.counts)
        with proxy.being(lie) as done:
            yield done
            if done:
                proxy.wait_told(patience_s)
        if done:
            told = proxy.counts - before
            note(effects, fault.kind, {"answers": told.total()})

    return {kind: partial(happen, kind.removeprefix("registry ")) for kind in REGISTRY}
