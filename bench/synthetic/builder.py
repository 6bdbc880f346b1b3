"""Runs the steps over made-up requests and writes what comes of them."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from bench.step_runs import StepRuns
from bench.synthetic.answers import CannedModels, Tables
from bench.synthetic.request_maker import TURNS, RequestMaker
from bench.synthetic.synthetic_log import SyntheticLog
from connectors.documents import Documents
from connectors.keyring import Keyring
from infra.local.parts import all_parts
from infra.triton.install import tokenizer_path
from replay.export import export
from schemas import AnswerReleased, Event
from streams.log.setup import configuration_records
from streams.settings import Settings
from streams.topics import step_reading

CONVERSATIONS = 8  # under way at once


class Builder:
    """Runs the steps over made-up requests and keeps what they write."""

    def __init__(self, settings: Settings) -> None:
        self.log = SyntheticLog(settings.partitions)
        keyring = Keyring(settings)
        self._tables, self._models = Tables(), CannedModels()
        connectors = (keyring, Documents(settings), self._tables, self._models)
        self._steps = StepRuns(connectors, keyring, self.log.ids, timeout_s=60)
        self._requests = RequestMaker(settings, keyring)

    async def build(self, conversations: int, documents: int) -> SyntheticLog:
        """Ingest documents, then hold conversations about them; both go round the tenants.

        Documents are measured by the tokenizer of the settings, so it must be there.
        """
        for record in configuration_records(self._steps.configurations):
            self.log.append(self._steps.codec, record)
        for number in range(documents):
            await self._run_all([self._requests.document(number)])
        for first in range(0, conversations, CONVERSATIONS):
            under_way = range(first, min(first + CONVERSATIONS, conversations))
            for turn in range(TURNS):
                await self._run_all(
                    [self._requests.question(number, turn, documents) for number in under_way]
                )
        await self._steps.close()
        return self.log

    async def _run_all(self, requests: list[Event]) -> None:
        """Run requests through all steps; they take turns, record by record."""
        flows = deque(deque([request]) for request in requests)
        while flows:
            flow = flows.popleft()
            event = flow.popleft()
            offset = self.log.append(self._steps.codec, event)
            if isinstance(event, AnswerReleased):
                self._tables.remember(event)
            if (step := step_reading(type(event))) is not None:
                trace = self._requests.trace()
                await self._steps.run(step, event, offset, flow.append, trace)
            if flow:
                flows.append(flow)


def synthetic_settings(run: Path) -> Settings:
    """Return settings of a run folder with keys of its own, and the tokenizer of this machine."""
    return Settings(run=run, tokenizer=str(tokenizer_path(all_parts()["triton"].place)))


async def build(folder: Path, conversations: int, documents: int) -> tuple[Path, Settings]:
    """Write an archive and its keys into a folder; return the archive and the settings."""
    settings = synthetic_settings(folder / "run")
    log = await Builder(settings).build(conversations, documents)
    export(log, folder / "archive")
    return folder / "archive", settings
