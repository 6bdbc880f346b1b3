"""The connector: answers Detect in processes of their own, forks of one that has the model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from connectors.presidio.detection_task import (
    DETECTION,
    DETECTION_STOCK,
    DOCUMENT_TASK_CHARS,
    SHORT_TASK_CHARS,
    TextPiece,
    detection_of,
    detection_part,
    detection_task,
    is_long,
    tasks_of,
)
from connectors.processes.program import GIVING_WAY, Limits
from connectors.processes.shared_processes import SharedProcesses, close_all
from connectors.processes.template import NotStarted, Template
from schemas import Detect, Detected, Request, StreamRequest
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

LONG_GIVING_WAY = GIVING_WAY // 2
"""Niceness of what looks at long texts of questions: short ones get three times as much of a
core."""


class Presidio:
    """Answers Detect.

    Documents have a process, short texts of questions have another, and long ones a third: a batch
    of a document takes seconds, a question of 8,000 characters half of one, and nobody whose
    question takes a few milliseconds waits behind either. They share the cores, by the kernel's
    turns, so that what is found depends on nothing but the text; and the memory of what all three
    look with, since they are forks of one template. That is started at once, so that no question
    waits for the model to be loaded; each of the three with the first text that it is asked about.
    """

    def __init__(self, settings: Settings, *, ahead: bool = True) -> None:
        """Load the model `ahead` of questions, or with the first."""
        program = DETECTION_STOCK if settings.detector == "presidio" else DETECTION
        limits = Limits(settings.detection_cpu_s, settings.detection_memory_mb * 1_000_000)
        self._template = Template(program.load, limits)
        self._short = SharedProcesses(program, limits, 1, self._template)
        of_long = replace(limits, niceness=LONG_GIVING_WAY)
        self._long = SharedProcesses(program, of_long, 1, self._template)
        patient = replace(limits, niceness=GIVING_WAY)
        self._documents = SharedProcesses(program, patient, 1, self._template)
        if ahead:
            with suppress(NotStarted):  # who asks will hear of it
                self._template.start()

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Detect."""
        return {Detect: self.detect}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def loaded(self) -> None:
        """Wait until questions can be answered at once, or can't be at all."""
        await self._template.loaded()

    async def close(self) -> None:
        """End the processes; what they are asked is dropped."""
        await close_all(self._template, self._short, self._long, self._documents)

    async def detect(self, request: Detect, call: Call) -> Detected:
        """Find personal data; raises BeyondMeans for what takes more work or memory than it may."""
        chars_max = SHORT_TASK_CHARS if call.deadline else DOCUMENT_TASK_CHARS
        asked: list[TextPiece] = []
        parts: list[Detected] = []
        for task in tasks_of(request.texts, chars_max):
            processes = self._processes_for(task, call)
            parts += await processes.ask(call, detection_task(task), detection_part)
            asked += task
        return detection_of(len(request.texts), asked, parts)

    def _processes_for(self, task: list[TextPiece], call: Call) -> SharedProcesses:
        if not call.deadline:
            return self._documents
        return self._long if is_long(task) else self._short


class LatePresidio(Presidio):
    """One that few ask: nothing is loaded until somebody does."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, ahead=False)
