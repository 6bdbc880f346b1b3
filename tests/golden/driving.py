"""Drive requests through the real steps as a worker does: tries, dead letters, crashes and copies included."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agents.conversation.summary import summarised
from agents.errors import Transient
from agents.policies.policy_in_force import rules_in
from bench.synthetic.answers import Tables
from bench.synthetic.synthetic_log import SyntheticLog
from connectors.documents import Documents
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from replay.log import Stored
from schemas import (
    AnswerReleased,
    Begun,
    CancellationRequested,
    ConfigurationSet,
    Effect,
    Event,
    EventRejected,
    Meta,
    Now,
    Placeholders,
    ReadTurns,
    Record,
    SessionForked,
    SessionSummary,
    StepVersion,
    Turns,
)
from streams.delivery.answered_turns import makes_turn
from streams.delivery.failure_reasons import failed, unreadable_because
from streams.log.clock import now_us
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import FOLDER, POLICY, Configuration, load
from streams.log.ids import request_id
from streams.running.admit import admit, rejection, unreadable
from streams.running.cancellations import Wanted
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import Call, Connector, World
from streams.settings import Settings
from streams.topics import Step, step_reading, topic_of
from streams.version import CODE, RUNTIME, RUNTIME_WITH_POLICY
from tests.golden.canned_tools import CannedTools

TRACE = "00-0af7651916cd43dd8448eb211c80319c-{:016x}-01"
TRIES = 5
Conversation = tuple[str, str, str]
"""Tenant, subject and session."""
COARSE_US = 100_000  # times are kept no finer: what says nothing of a step would not deflate


class WorkerDied(BaseException):
    """Ends a run in the middle: nothing of it is written any more."""


class CoarseRun(LiveRun):
    """A run whose effects began, and took, whole tenths of a second; what the clock answered stays as it was."""

    def _effect(self, *about: Any, **more: Any) -> Effect:
        effect = super()._effect(*about, **more)
        if effect.kind == Now.SCHEMA:
            return effect
        return replace(effect, started=coarse(effect.started), took_us=coarse(effect.took_us))


def coarse(time_us: int) -> int:
    """Leave out of a time, or a duration, what is finer than is kept."""
    return time_us - time_us % COARSE_US


class OddLog(SyntheticLog):
    """A log in memory that also takes what no producer of ours writes."""

    def put(self, topic: str, lane: int, value: bytes | None, key: bytes | None) -> int:
        """Put bytes, whatever they are; return their offset."""
        records = self._records[topic, lane]
        records.append(Stored(topic, lane, len(records), now_us() // 1_000, key, value, ()))
        return len(records) - 1


class SummedTables(Tables):
    """Tables whose conversations are summed up, as the product's are: by what came before each turn."""

    def __init__(self) -> None:
        super().__init__()
        self._summaries: dict[tuple[Conversation, str], SessionSummary | None] = {}
        """By conversation and request."""

    def carry(self, forked: SessionForked) -> None:
        """Begin a conversation with what another one had."""
        meta = forked.meta
        place, summary = (meta.tenant, forked.subject, meta.session), forked.summary
        for turn in forked.turns:
            self._turns[place][turn.request] = turn
            self._summaries[place, turn.request] = summary
            summary = summarised(summary, turn)
        if forked.placeholders:
            self._placeholders[place] = Placeholders(entries=forked.placeholders)

    def remember(self, released: AnswerReleased) -> None:
        """Append an answer to its conversation, with the summary of those before it."""
        if not makes_turn(released):
            return
        meta = released.meta
        place = meta.tenant, released.subject, meta.session
        turns = self._turns[place]
        if turns and meta.request not in turns:
            last = list(turns.values())[-1]
            before = self._summaries.get((place, last.request))
            self._summaries[place, meta.request] = summarised(before, last)
        super().remember(released)
        unanswered = released.answer.finish_reason == "not_found"
        turns[meta.request] = replace(turns[meta.request], unanswered=unanswered)

    async def _read_some_turns(self, request: ReadTurns, call: Call) -> Record:
        read = await super()._read_some_turns(request, call)
        assert isinstance(read, Turns)
        place = call.tenant, call.subject, call.session
        summary = self._summaries.get((place, read.turns[0].request)) if read.turns else None
        return replace(read, summary=summary)


class Drive:
    """Runs the steps over what is put, and keeps what they write."""

    def __init__(self, settings: Settings, models: Connector) -> None:
        self.settings = settings
        self.log = OddLog(settings.partitions)
        self.keyring = Keyring(settings)
        self.requests = RequestBuilder(settings, self.keyring, edge="gateway")
        self.codec = Codec(self.log.ids)
        self._tables = SummedTables()
        connectors = (
            self.keyring,
            Documents(settings),
            self._tables,
            CannedTools(settings),
            models,
        )
        self._world = World(connectors, timeout_s=60)
        self._known: dict[str, dict[str, Any]] = {}
        self._runs = 0
        self.configurations: dict[str, Configuration] = {}
        self._cancelled: set[Wanted] = set()
        self.code = CODE
        """By whose rules the steps run: this version's, or an earlier one's that are kept."""
        self.configure()

    def configure(self, place: Path | None = None, **changes: Mapping[str, Any]) -> None:
        """Go on under the configurations of the repository, some values of some steps changed."""
        self.configurations = load()
        if place is not None:
            shutil.copytree(FOLDER, place)
            for path in FOLDER.glob("*.json"):
                text = path.read_text()
                if changed := changes.get(path.stem):
                    text = json.dumps({**json.loads(text), **changed})
                (place / path.name).write_text(text)
            self.configurations = load(place)
        for name, one in self.configurations.items():
            if one.digest in self._known:
                continue
            self._known[one.digest] = one.values
            identity = request_id("", f"{name}|{one.digest}")
            meta = Meta(id=identity, tenant="", lane=0, request=identity, session="", at=now_us(),
                        step=StepVersion(name="setup", code=CODE, configuration=""))  # fmt: skip
            self.log.append(
                self.codec,
                ConfigurationSet(meta=meta, step=name, digest=one.digest, content=one.content),
            )

    async def close(self) -> None:
        """Close the connectors."""
        await self._world.close()

    # ---------------------------------------------------------------- what is put

    async def put(self, *requests: Event, crashes: Mapping[str, int] | None = None) -> list[Event]:
        """Run requests through all steps, in turns; return all that was written.

        `crashes` says after how many outcomes a step's first run ends, as if its worker had died.
        """
        flows, written = deque(deque([request]) for request in requests), []
        while flows:
            flow = flows.popleft()
            event = flow.popleft()
            written.append(event)
            offset = self.log.append(self.codec, event)
            if isinstance(event, AnswerReleased):
                self._tables.remember(event)
            if isinstance(event, SessionForked):
                self._tables.carry(event)
            if isinstance(event, CancellationRequested):
                self._cancelled.add(Wanted.of(event))
            step = step_reading(type(event))
            if step is not None and not isinstance(event, EventRejected):
                flow.extend(
                    await self._outcomes(step, event, offset, (crashes or {}).get(step.name))
                )
            if flow:
                flows.append(flow)
        return written

    def copy(self, event: Event) -> None:
        """Put what is on the log already a second time."""
        self.log.append(self.codec, event)

    async def put_bytes(
        self, record: type[Event], value: bytes | None, key: bytes | None, lane: int = 0
    ) -> None:
        """Put what reaches no step, and the dead letter that comes of it."""
        topic = topic_of(record)
        offset = self.log.put(topic, lane, value, key)
        step = step_reading(record)
        assert step is not None
        try:
            admit(self.codec, record, value, key, lane)
        except Undecodable as error:
            given = unreadable(topic, lane, offset)
            run, letters = self._run(step, given, 1)
            await run.begin()
            run.fail_with(unreadable_because(error, f"{topic}[{lane}]@{offset}"))
            await run.reject(rejection(step.name, given, key, value))
            self.log.append(self.codec, letters[0])
        else:
            raise AssertionError("a step would take it")

    # ---------------------------------------------------------------- how a worker runs it

    async def _outcomes(
        self, step: Step, event: Event, offset: int, crash: int | None
    ) -> Iterable[Event]:
        given = Input(event, topic_of(event), event.meta.lane, offset)
        written: list[Event] = []
        first = event.meta.attempt
        if crash is not None:
            run, outcomes = self._run(step, given, first, crash)
            before = {name: dict(table) for name, table in vars(self._tables).items()}
            with suppress(WorkerDied):
                await run.execute()
            for name, table in vars(self._tables).items():  # a row counts with its outcome
                table.clear()
                table.update(before[name])
            written += outcomes
            first += 1
        for tries in range(1, TRIES + 1):
            run, outcomes = self._run(step, given, first + tries - 1)
            try:
                await run.execute()
            except Exception as error:  # noqa: BLE001 - whatever a step may raise is an outcome
                if isinstance(error, Transient) and tries < TRIES:
                    written += outcomes
                    continue
                run.fail_with(failed(error, tries))
                await run.reject(
                    rejection(
                        step.name, given, event.meta.tenant.encode(), self.codec.encode(event)
                    )
                )
            return [*written, *outcomes]
        raise AssertionError("the last try is an outcome")

    def _run(
        self, step: Step, given: Input, attempt: int, crash: int | None = None
    ) -> tuple[LiveRun, list[Event]]:
        configuration, outcomes = self.configurations[step.name], list[Event]()
        policy = self.configurations[POLICY]
        policy_digest = policy.digest if step.by_policy and rules_in(policy.values) else ""

        def emit(outcome: Event) -> None:
            if len(outcomes) == crash:
                raise WorkerDied
            outcomes.append(outcome)

        tenant = given.event.meta.tenant
        self._runs += 1  # spans are told apart, as by chance, and deflate
        cancelled = step.stoppable and Wanted.of(given.event) in self._cancelled
        run = CoarseRun(
            step, given, emit, world=self._world, codec=self.codec,
            digest_key=self.keyring.digest_key(tenant) if tenant else b"",
            begun=Begun(at=coarse(now_us()), attempt=attempt, code=self.code, configuration=configuration.digest,
                        trace=TRACE.format(self._runs), policy=policy_digest, region="eu" if policy_digest else "",
                        runtime=RUNTIME_WITH_POLICY if policy_digest else RUNTIME, cancelled=cancelled),
            configuration=self._known,
        )  # fmt: skip
        return run, outcomes
