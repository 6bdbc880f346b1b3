"""The part of the load that comes through the real gateway: clients in a thread of their own, at a steady rate.

They ask over WebSockets and hand documents in over HTTP, lose their connections and come back. What they were told is
judged as they see it (`gateway_tale`); what was accepted is owed an end on the log like all else.
"""

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.callers.api_keys import ApiKeys
from streams.log.lanes import lane_of
from tests.chaos.gateway_client import ChaosClient
from tests.chaos.gateway_tale import JUMP_MS, Tale, wrong_in
from tests.chaos.judgement import Expected
from tests.chaos.plan import Plan

SHARE = 0.04  # of all requests
DOCUMENTS = 0.2  # share of these that are documents
SESSIONS = 20  # of each tenant
TENANTS = ("gateway-0", "gateway-1")
LOOK_S = 0.2  # at the plan's clock, which may stand
TIMELINES = 0.05  # share of answers whose timeline is read


class GatewayLoad:
    """Clients of one gateway, whose address stays as it is killed and started again."""

    def __init__(
        self,
        plan: Plan,
        url: str,
        keys: Path,
        expected: Expected,
        lanes: int,
        passed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._passed_s = passed_s
        self.expected = expected
        self._lanes = lanes
        self._chance = random.Random(f"gateway load {plan.seed}")
        store = ApiKeys(keys)
        secrets = {tenant: store.create(tenant, user="u")[1] for tenant in TENANTS}
        store.close()
        self._over = threading.Event()
        self.clients = {
            tenant: ChaosClient(url, secret, self._chance, self._over.is_set)
            for tenant, secret in secrets.items()
        }
        self.count = int(plan.requests * SHARE)
        self.tales: list[Tale] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._left = self.count
        self.jumped = self.timelines = 0
        """Of the timelines that were read, those with a step of more than a quarter of an hour."""

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that have no end for their client yet."""
        return self._left if self._thread.is_alive() else 0

    def close(self) -> None:
        """Let clients try no more, and wait for them."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self.ask_all())

    async def ask_all(self) -> None:
        """Ask all that is to be asked, and wait for the ends."""
        began, pause_s = self._passed_s(), self._plan.seconds * 0.97 / max(1, self.count)
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.count):
                if await asyncio.to_thread(self._is_over_by, began + number * pause_s):
                    self._left -= self.count - number
                    break
                tenant = self._chance.choice(TENANTS)
                tasks.create_task(self._one(self.clients[tenant], tenant, number))
        for client in self.clients.values():
            await client.http.aclose()

    def _is_over_by(self, due_s: float) -> bool:
        """Wait until something is due by the plan's clock; say whether clients are to stop instead."""
        while (left_s := due_s - self._passed_s()) > 0:
            if self._over.wait(min(left_s, LOOK_S)):
                return True
        return self._over.is_set()

    async def _one(self, client: ChaosClient, tenant: str, number: int) -> None:
        is_document = self._chance.random() < DOCUMENTS
        session = f"{tenant}-{self._chance.randrange(SESSIONS)}"
        tale = Tale(f"k-{number}", "document" if is_document else "question", session)
        self.tales.append(tale)
        try:
            if is_document:
                await client.hand_in(tale, self._body(number))
            else:
                await client.ask(tale, f"question {number}")
            # before it is looked at: what was accepted is owed an end, whatever becomes of its client
            self._expect(tale, tenant)
            await client.look_again(tale)
            if not is_document and self._chance.random() < TIMELINES:
                await self._read_timeline(client, tale)
        finally:
            self._left -= 1

    def _body(self, number: int) -> dict[str, Any]:
        batches = self._chance.randint(1, 3)
        return {
            "uri": f"{batches}:through-the-gateway-{number}",
            "media_type": "text/plain",
            "content": f"document {number}",
        }

    def _expect(self, tale: Tale, tenant: str) -> None:
        for request in set(tale.accepted):
            self.expected.fates[request] = lane_of(tenant, tale.session, self._lanes), "either"

    async def _read_timeline(self, client: ChaosClient, tale: Tale) -> None:
        if not tale.accepted:
            return
        with contextlib.suppress(Exception):
            answer = await client.http.get(f"/v1/messages/{tale.accepted[0]}/timeline")
            steps = answer.json()["steps"]
            self.timelines += 1
            self.jumped += any(step["after_ms"] > JUMP_MS for step in steps)

    # ------------------------------------------------------------------ what came of it

    def wrong(self) -> list[str]:
        """Say what of all that clients were told can't stand."""
        return [line for tale in self.tales for line in wrong_in(tale)]

    def as_json(self) -> Mapping[str, int]:
        """Count what clients lived through."""
        return {
            "requests": len(self.tales),
            "accepted": sum(bool(tale.accepted) for tale in self.tales),
            "questions": sum(tale.kind == "question" for tale in self.tales),
            "frames": sum(len(tale.frames) for tale in self.tales),
            "connections_lost": sum(tale.cuts for tale in self.tales),
            "refused": sum(tale.refused for tale in self.tales),
            "sent_again": sum(len(tale.accepted) > 1 for tale in self.tales),
            "past_their_deadline": sum(tale.late for tale in self.tales),
            "given_up": sum(tale.given_up for tale in self.tales),
            "timelines": self.timelines,
            "timelines_with_a_jump": self.jumped,
        }
