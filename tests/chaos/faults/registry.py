"""A registry that lies and lags: each worker that starts meets it, and each schema that is new."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.chaos.faults.fake_registry import FakeRegistryProxy
from tests.chaos.faults.happening import SEEN_PATIENCE_S, Effects, Happenings, note, until_seen
from tests.chaos.plan import Fault
from tests.chaos.profiles import REGISTRY


def registry_faults(
    proxy: FakeRegistryProxy, effects: Effects, patience_s: float = SEEN_PATIENCE_S
) -> Happenings:
    """Return the lies of a registry, by kind; `patience_s` is how long each waits to be heard."""

    @contextmanager
    def happen(lie: str, fault: Fault) -> Iterator[bool]:
        before = Counter(proxy.counts)
        with proxy.being(lie) as done:
            yield done
            if done:
                until_seen(lambda: proxy.counts - before, patience_s)
        if done:
            told = proxy.counts - before
            note(effects, fault.kind, {"answers": told.total()})

    return {kind: partial(happen, kind.removeprefix("registry ")) for kind in REGISTRY}
