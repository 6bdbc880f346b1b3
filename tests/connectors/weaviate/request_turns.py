"""Two who ask the memory index in turns, as many requests at a time as a test says."""

import asyncio
from collections import defaultdict
from contextvars import ContextVar, copy_context

WHO = ContextVar("who asks", default="")
SETTLED = 12  # rounds of the loop in which whoever may go on has come to the next request
ALL = 40  # requests: more than anybody makes


class RequestTurns:
    """Has each request of an actor wait until it is let go; others are not kept waiting."""

    def __init__(self, server):
        self.allowed = defaultdict(lambda: asyncio.Semaphore(0))
        server.turn = self._turn

    async def _turn(self):
        if who := WHO.get():
            await self.allowed[who].acquire()

    def begin(self, who, work):
        """Start work as an actor: it stands before its first request."""
        context = copy_context()
        context.run(WHO.set, who)
        return asyncio.create_task(work, context=context)

    async def let(self, who, requests=ALL):
        """Let an actor make so many requests, and come to the next one."""
        for _ in range(requests):
            self.allowed[who].release()
        for _ in range(SETTLED * (1 + requests)):
            await asyncio.sleep(0)
