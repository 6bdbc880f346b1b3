"""Runs the steps over made-up requests and writes what comes of them."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from bench.synthetic.answers import CannedModels, Tables
from bench.synthetic.log import SyntheticLog
from bench.synthetic.requests import TURNS, RequestMaker
from connectors.documents import Documents
from connectors.keyring import Keyring
from infra.local.parts import all_parts
from infra.triton.install import tokenizer_path
from replay.export import export
from schemas import AnswerReleased, Begun, ConfigurationSet, Event
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import World
from streams.settings import Settings
from streams.topics import Step, step_reading, topic_of
from streams.version import CODE

CONVERSATIONS = 8  # under way at once


class Builder:
    """Runs the steps over made-up requests and keeps what they write."""

    def __init__(self, settings: Settings) -> None:
        self.log = SyntheticLog()
        self._settings = settings
        self._keyring = Keyring(settings)
        self._tables, self._models = Tables(), CannedModels()
        self._has_tokenizer = Path(settings.tokenizer).is_file()
        self._world = World(
            (self._keyring, Documents(settings), self._tables, self._models), timeout_s=60
        )
        self._codec = Codec(self.log.ids)
        self._configurations = load()
        self._requests = RequestMaker(settings, self._keyring)

    async def build(self, conversations: int, documents: int) -> SyntheticLog:
        """Ingest documents, then hold conversations about them; both go round the tenants.

        Where no tokenizer is installed nothing is ingested: the index then knows the sections.
        """
        for configured in self._configurations.values():
            self._append_configuration(configured.step, configured.digest, configured.content)
        for number in range(documents):
            if self._has_tokenizer:
                await self._run_all([self._requests.document(number)])
            else:
                self._models.index_guide(number)
        for first in range(0, conversations, CONVERSATIONS):
            under_way = range(first, min(first + CONVERSATIONS, conversations))
            for turn in range(TURNS):
                await self._run_all(
                    [self._requests.question(number, turn, documents) for number in under_way]
                )
        await self._world.close()
        return self.log

    def _append_configuration(self, step: str, digest: str, content: str) -> None:
        meta = self._requests.meta("", f"configuration/{step}", "", 0)
        event = ConfigurationSet(meta=meta, step=step, digest=digest, content=content)
        self.log.append(self._codec, event)

    async def _run_all(self, requests: list[Event]) -> None:
        """Run requests through all steps, in turns."""
        waiting = deque(requests)
        while waiting:
            event = waiting.popleft()
            offset = self.log.append(self._codec, event)
            if isinstance(event, AnswerReleased):
                self._tables.remember(event)
            step = step_reading(type(event))
            if step is not None:
                await self._run(
                    step, Input(event, topic_of(event), event.meta.lane, offset), waiting
                )

    async def _run(self, step: Step, given: Input, waiting: deque[Event]) -> None:
        configuration = self._configurations[step.name]
        run = LiveRun(
            step,
            given,
            waiting.append,
            world=self._world,
            codec=self._codec,
            digest_key=self._keyring.digest_key(given.event.meta.tenant),
            begun=Begun(
                at=now_us(),
                attempt=1,
                code=CODE,
                configuration=configuration.digest,
                trace=self._requests.trace(),
            ),
            configuration={configuration.digest: configuration.values},
        )
        await run.execute()


def synthetic_settings(run: Path) -> Settings:
    """Return settings of a run folder with keys of its own, and the tokenizer of this machine."""
    return Settings(run=run, tokenizer=str(tokenizer_path(all_parts()["triton"].place)))


async def build(folder: Path, conversations: int, documents: int) -> tuple[Path, Settings]:
    """Write an archive and its keys into a folder; return the archive and the settings."""
    settings = synthetic_settings(folder / "run")
    log = await Builder(settings).build(conversations, documents)
    export(log, folder / "archive")
    return folder / "archive", settings
