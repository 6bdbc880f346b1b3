"""The connector: answers Detect in processes of their own, one kept for questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.presidio.detection_task import (
    DETECTION,
    DOCUMENT_TASK_CHARS,
    QUESTION_TASK_CHARS,
    TextPiece,
    detection_of,
    detection_part,
    detection_task,
    tasks_of,
)
from connectors.processes.program import GIVING_WAY, Limits
from connectors.processes.shared_processes import SharedProcesses
from schemas import Detect, Detected, Request, StreamRequest
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings


class Presidio:
    """Answers Detect.

    Documents have a process and questions have another: a batch of a document takes seconds, and
    nobody whom a question waits for waits behind one. That of questions is started at once, so that
    no question waits for the model to be loaded; that of documents with the first of them.
    """

    def __init__(self, settings: Settings) -> None:
        limits = Limits(settings.detection_cpu_s, settings.detection_memory_mb * 1_000_000)
        self._questions = SharedProcesses(DETECTION, limits, 1, ahead=True)
        patient = replace(limits, niceness=GIVING_WAY)
        self._documents = SharedProcesses(DETECTION, patient, 1, ahead=False)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Detect."""
        return {Detect: self.detect}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def loaded(self) -> None:
        """Wait until questions can be answered at once, or can't be at all."""
        await self._questions.loaded()

    async def close(self) -> None:
        """End the processes; what they are asked is dropped."""
        await asyncio.gather(self._questions.close(), self._documents.close())

    async def detect(self, request: Detect, call: Call) -> Detected:
        """Find personal data; raises BeyondMeans for what takes more work or memory than it may."""
        if call.deadline:
            processes, chars_max = self._questions, QUESTION_TASK_CHARS
        else:
            processes, chars_max = self._documents, DOCUMENT_TASK_CHARS
        asked: list[TextPiece] = []
        parts: list[Detected] = []
        for task in tasks_of(request.texts, chars_max):
            parts += await processes.ask(call, detection_task(task), detection_part)
            asked += task
        return detection_of(len(request.texts), asked, parts)
