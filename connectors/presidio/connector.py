"""The connector: answers Detect, in one thread beside the event loop, askers in turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from connectors.presidio.detector import Detector
from schemas import Detect, Detected, Request, Spans, StreamRequest
from streams.running.fair_queue import FairQueue
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings


class Presidio:
    """Answers Detect, in one thread beside the event loop."""

    def __init__(self, settings: Settings) -> None:
        del settings  # what is detected is the same everywhere; what is replaced is redact's policy
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="presidio")
        self._queue = FairQueue(1)
        self._loading = threading.Lock()
        self._detector: Detector | None = None
        self._pool.submit(self.detect, ())  # loads in the background; no question waits for it

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Detect."""
        return {Detect: self._detect}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Let the thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _detect(self, request: Detect, call: Call) -> Detected:
        loop = asyncio.get_running_loop()
        async with self._queue.turn(call):
            return await loop.run_in_executor(self._pool, self.detect, request.texts)

    def detect(self, texts: tuple[str, ...]) -> Detected:
        """Find personal data; waits for the model to be loaded (about 2 s)."""
        with self._loading:
            if self._detector is None:
                self._detector = Detector()
        return Detected(
            texts=tuple(Spans(spans=spans) for spans in self._detector.find(texts)),
            model=self._detector.name,
        )
