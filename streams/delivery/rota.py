"""The rota: whose input of a lane begins next.

Tenants share lanes. Each takes its turn, one input at a time, and the inputs of one tenant are
looked at in the order of their offsets. The window bounds how many run at once; a tenant of whom
nothing runs may begin one beside a full window, so that another's slow inputs can't keep it out:

    a tenant may begin an input   while fewer run than the window holds,
                                  or it runs none, and fewer run than two windows hold

Pure bookkeeping.
"""

from __future__ import annotations

from collections import deque

from streams.delivery.item import Item

BESIDE = 2
"""Windows that may run at most: the second one holds a single input of each tenant."""


class Share:
    """What one tenant has of a lane."""

    __slots__ = ("held", "items", "queued", "ready", "running", "waiting")

    def __init__(self) -> None:
        self.items = 0
        """Inputs that were entered and have not ended."""
        self.running = 0
        self.waiting: deque[Item] = deque()
        """Inputs not looked at, in the order of their offsets."""
        self.ready: deque[Item] = deque()
        """Inputs that have waited for another of their session."""
        self.held: Item | None = None
        """An input that must be read before what waits behind it."""
        self.queued = False


class Rota:
    """The inputs of a lane that have not begun, by tenant."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._shares: dict[bytes, Share] = {}
        self._queue: deque[Share] = deque()
        """Tenants that have something to begin; whose turn it is stands first."""
        self.running = 0
        self.waiting = 0
        """Inputs not looked at."""

    def enter(self, item: Item) -> None:
        """Take an input in, behind the others of its tenant."""
        share = self._shares.get(item.tenant)
        if share is None:
            share = self._shares[item.tenant] = Share()
        item.share = share
        share.items += 1
        share.waiting.append(item)
        self.waiting += 1
        self._enqueue(share)

    def next(self, reach: int) -> Item | None:
        """Take out the input whose turn it is, or None; of those not looked at, before `reach`."""
        queue = self._queue
        for _ in range(len(queue)):
            share = queue[0]
            if not self._may_begin(share, reach):
                queue.rotate(-1)
                continue
            queue.popleft()
            share.queued = False
            if share.ready:
                item = share.ready.popleft()
            else:
                item = share.waiting.popleft()
                self.waiting -= 1
            self._enqueue(share)
            return item
        return None

    def has_next(self, reach: int) -> bool:
        """Say whether `next` would return an input."""
        return any(self._may_begin(share, reach) for share in self._queue)

    def begin(self, item: Item) -> None:
        """Count an input that was taken out as running."""
        self.running += 1
        item.share.running += 1

    def end(self, item: Item) -> None:
        """Count an input as running no longer."""
        self.running -= 1
        share = item.share
        share.running -= 1
        share.items -= 1
        if not share.items:
            del self._shares[item.tenant]

    def ready(self, item: Item) -> None:
        """Let an input begin that has waited for its session."""
        item.share.ready.append(item)
        self._enqueue(item.share)

    # ------------------------------------------------------------------ what can't be read yet

    def hold(self, item: Item) -> None:
        """Let nothing of a tenant that was not looked at begin before an input that was taken out.

        It ends with `let_pass` or `put_back`.
        """
        item.share.held = item

    def let_pass(self, item: Item) -> None:
        """Let what waits behind an input begin; the input itself stays outside."""
        share = item.share
        if share.held is item:
            share.held = None
            self._enqueue(share)

    def put_back(self, item: Item) -> None:
        """Let an input that was taken out begin as the next of its tenant."""
        self.let_pass(item)
        item.share.waiting.appendleft(item)
        self.waiting += 1
        self._enqueue(item.share)

    def _may_begin(self, share: Share, reach: int) -> bool:
        if not share.ready and (share.held is not None or share.waiting[0].offset >= reach):
            return False
        return self.running < self._window or (
            not share.running and self.running < BESIDE * self._window
        )

    def _enqueue(self, share: Share) -> None:
        if not share.queued and (share.ready or (share.waiting and share.held is None)):
            share.queued = True
            self._queue.append(share)
