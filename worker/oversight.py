"""Oversight of the steps of a process, whoever hosts them: the lease and the watchdog."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from streams.delivery.log_identity import topic_ids
from streams.log.offsets import OffsetReader
from streams.settings import Settings
from worker.lease import Lease
from worker.watchdog import Watchdog
from worker.wiring import Hosted, prove

Tell = Callable[[Sequence[str]], None]
"""Told why a worker is not ready; nothing: it is."""


def keep_lease(steps: Sequence[Hosted]) -> Coroutine[Any, Any, None]:
    """Have steps write only while their lanes are known to be ours; before their apps start.

    Returns what asks the groups after a standstill, to be run beside them for ever.
    """
    lease = Lease()
    for one in steps:
        one.app.may_write = lease.sure
    lease.hold()
    return lease.renew(partial(prove, steps))


def watch_over(
    steps: Sequence[Hosted], settings: Settings, tell: Tell
) -> Coroutine[Any, Any, None]:
    """Return what watches steps, to be run beside them; it raises what must end the worker."""
    offsets, topics = partial(OffsetReader, settings), partial(topic_ids, settings)
    return Watchdog(steps, settings.partitions, offsets, tell, topics).watch()
