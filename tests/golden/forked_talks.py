"""Conversations of the golden log that go on from others: on another tenant, and on their own with their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.requests.identity import Identities, stamp
from replay.forking.recorded_session import session_at
from schemas import AnswerReleased, SessionForked
from tests.golden import texts
from tests.golden.driving import Drive

if TYPE_CHECKING:
    from tests.golden.scenario import Scenario

TERN, TRIAL = "tern", "tern-test"
ASKED = ("And is Bram Tellier there?", "Does orla quist keep them?", "What does it cost?")


class ForkedTalks:
    """Puts the requests of the fifth part."""

    def __init__(self, scenario: Scenario, drive: Drive) -> None:
        self._scenario, self._drive = scenario, drive

    async def play(self) -> None:
        """Put all of them."""
        await self._scenario.submit("ferry.md", texts.FERRY, TRIAL)
        people = [
            await self._asked(text, "fork-origin", "orla")
            for text in (texts.PERSONAL[0], texts.QUESTIONS[0])
        ]
        ferry = [await self._asked(text, "fork-ferry", "ada") for text in texts.QUESTIONS[:2]]
        await self._forked(people[1], "trial-1", TRIAL, "eve")
        await self._forked(ferry[1], "trial-2", TRIAL, "eve", before=True)
        await self._forked(people[1], "again-1", TERN, "orla", values=True)
        last = await self._ask(ASKED[0], "trial-1", TRIAL, "eve")
        await self._forked(last, "trial-3", TRIAL, "mallory")

    async def _asked(self, text: str, session: str, user: str) -> str:
        return await self._ask(text, session, TERN, user)

    async def _ask(self, text: str, session: str, tenant: str, user: str) -> str:
        written = await self._scenario.ask(text, session, tenant, user=user)
        [released] = [one for one in written if isinstance(one, AnswerReleased)]
        return released.meta.request

    async def _forked(
        self,
        request: str,
        session: str,
        tenant: str,
        user: str,
        *,
        before: bool = False,
        values: bool = False,
    ) -> None:
        """Fork a conversation, and ask on in it."""
        drive = self._drive
        carried = session_at(drive.log, drive.codec, request, before=before)
        carried = carried if values else carried.without_values()
        subject = drive.requests.subject(tenant, user)
        identities = Identities(drive.settings.partitions)
        identity = identities.of_question(tenant, subject, session, f"fork {session}")
        fork = SessionForked(
            meta=stamp("fork", identity),
            subject=subject,
            origin=carried.origin,
            turns=carried.turns,
            summary=carried.summary,
            placeholders=carried.placeholders,
            people=carried.people,
            by="operator",
        )
        await drive.put(fork)
        for text in ASKED:
            await self._ask(text, session, tenant, user)
