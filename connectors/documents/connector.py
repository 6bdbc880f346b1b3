"""The connector: answers Parse in processes of their own, and CountTokens beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from agents.errors import BeyondMeans
from connectors.documents.tokens import TokenCounter, load_tokenizer
from connectors.processes.program import GIVING_WAY, Limits
from connectors.processes.shared_processes import SharedProcesses, close_all
from connectors.processes.template import Template
from connectors.readers.document_task import READING, document_of, document_part, document_task
from schemas import CountTokens, Parse, Parsed, Request, StreamRequest, TokenCounts
from streams.running.fair_queue import FairQueue
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

PROCESSES = 2  # documents read at once: more would only starve the event loop
THREADS = 2  # texts measured at once: more would only starve the event loop
HERE_CHARS_MAX = 16_384  # what is smaller is measured at once, since a thread would cost more


class Documents:
    """Answers Parse and CountTokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        limits = Limits(
            settings.document_cpu_s,
            settings.document_memory_mb * 1_000_000,
            niceness=GIVING_WAY,
        )
        self._template = Template(READING.load, limits)
        self._readers = SharedProcesses(READING, limits, PROCESSES, self._template)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="documents")
        self._queue = FairQueue(THREADS)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {Parse: self.parse, CountTokens: self.count_tokens}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no answer comes in parts."""
        return {}

    async def close(self) -> None:
        """End the processes and let the threads go; what they are reading is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await close_all(self._template, self._readers)

    async def parse(self, request: Parse, call: Call) -> Parsed:
        """Read a document; what is wrong with it stands in the answer.

        Raises BeyondMeans for one that takes more work or memory than it may.
        """
        task = document_task(request.media_type, request.content, request.formats)
        return document_of(await self._readers.ask(call, task, document_part))

    async def count_tokens(self, request: CountTokens, call: Call) -> TokenCounts:
        """Measure texts. Raises BeyondMeans where the tokenizer is not installed."""
        counter = self._counter
        texts = list(request.texts)
        if sum(map(len, texts)) <= HERE_CHARS_MAX:
            return counter.count(texts)
        loop = asyncio.get_running_loop()
        async with self._queue.turn(call):
            return await loop.run_in_executor(self._threads, counter.count, texts)

    @cached_property
    def _counter(self) -> TokenCounter:
        path = Path(self._settings.tokenizer)
        if not self._settings.tokenizer or not path.exists():
            raise BeyondMeans(
                f"the embedder's tokenizer is not at {path}: set PLAYHEAD_TOKENIZER to its "
                "tokenizer.json, or run `playhead up`"
            )
        return load_tokenizer(path)
