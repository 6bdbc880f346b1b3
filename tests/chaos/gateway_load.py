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
from typing import Any

from edge.callers.api_keys import ApiKeys, keys_path
from edge.requests.identity import Identity
from streams.log.lanes import lane_of
from streams.settings import Settings
from tests.chaos.attempts import USER, KeyedAttempts
from tests.chaos.gateway_client import ChaosClient
from tests.chaos.gateway_tale import JUMP_MS, Tale, wrong_in
from tests.chaos.judgement import Expected
from tests.chaos.patient_reader import LOOK_TIMEOUT_S, PatientReader
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
        settings: Settings,
        expected: Expected,
        passed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._passed_s = passed_s
        self.expected = expected
        self._settings = settings
        self._lanes = settings.partitions
        self._chance = random.Random(f"gateway load {plan.seed}")
        self._url = url
        store = ApiKeys(keys_path(settings))
        self._secrets = {tenant: store.create(tenant, user=USER)[1] for tenant in TENANTS}
        store.close()
        self._attempts = {tenant: KeyedAttempts(settings, tenant) for tenant in TENANTS}
        self._over, self._gone = threading.Event(), threading.Event()
        self.clients = self._open_clients()
        self.count = int(plan.requests * SHARE)
        self.tales: list[Tale] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._left = self.count
        self.read_patiently = 0
        """Requests that had no end for their client, and were read back once all was quiet."""
        self.jumped = self.timelines = 0
        """Of the timelines that were read, those with a step of more than a quarter of an hour."""

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def _open_clients(self) -> dict[str, ChaosClient]:
        return {
            tenant: ChaosClient(self._url, secret, self._chance, self._over.is_set)
            for tenant, secret in self._secrets.items()
        }

    @property
    def waiting(self) -> int:
        """Requests that have no end for their client yet."""
        return self._left if self._thread.is_alive() else 0

    @property
    def at_work(self) -> bool:
        """Whether anything is still asked or read back."""
        return self._thread.is_alive()

    def give_up(self) -> None:
        """Let clients try no more; what was accepted is read back from then on."""
        self._over.set()

    def close(self) -> None:
        """Let nobody try nor read any more, and wait for them."""
        self._over.set()
        self._gone.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self.ask_all())
        asyncio.run(self.read_back())

    async def read_back(self) -> None:
        """Read patiently what was accepted and had no end for its client."""
        clients = self._open_clients()
        reader = PatientReader(
            lambda tale: clients[tale.tenant].look(tale, LOOK_TIMEOUT_S), self._gone.is_set
        )
        await reader.read(self.tales)
        self.read_patiently = reader.tried
        for client in clients.values():
            await client.close()

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
            await client.close()

    def _is_over_by(self, due_s: float) -> bool:
        """Wait until something is due by the plan's clock; say whether clients are to stop instead."""
        while (left_s := due_s - self._passed_s()) > 0:
            if self._over.wait(min(left_s, LOOK_S)):
                return True
        return self._over.is_set()

    async def _one(self, client: ChaosClient, tenant: str, number: int) -> None:
        is_document = self._chance.random() < DOCUMENTS
        session = f"{tenant}-{self._chance.randrange(SESSIONS)}"
        tale = Tale(f"k-{number}", "document" if is_document else "question", session, tenant)
        self.tales.append(tale)
        text, attempts = f"question {number}", self._attempts[tenant]
        try:
            if is_document:
                body = self._body(number)
                self._try(tale, attempts.document(tale.key, body["uri"]))
                await client.hand_in(tale, body)
            else:
                self._try(tale, attempts.question(tale.key, session, text))
                await client.ask(tale, text)
            # before it is looked at: what was accepted is owed an end, whatever becomes of its client
            self._expect(tale, tenant)
            await client.look_again(tale)
            if not is_document and self._chance.random() < TIMELINES:
                await self._read_timeline(client, tale)
        finally:
            self._left -= 1

    def _try(self, tale: Tale, attempt: Identity) -> None:
        """Note what is about to be sent: its client may give up before it hears of it, and it may be taken in."""
        tale.attempt = attempt.request
        self.expected.attempted[attempt.request] = attempt.lane

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
            self.expected.attempted.pop(request, None)

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
            "answered_after_a_failure": sum(
                tale.was_answered_after_a_failure for tale in self.tales
            ),
            "given_up": sum(tale.given_up for tale in self.tales),
            "read_patiently": self.read_patiently,
            "missing": sum(tale.is_missing for tale in self.tales),
            "timelines": self.timelines,
            "timelines_with_a_jump": self.jumped,
        }
