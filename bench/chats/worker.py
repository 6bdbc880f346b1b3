"""The question chain in one process: real steps and runner, the stub model, fakes for retrieval.

python -m bench.chats.worker RUN_FOLDER TRITON WINDOW
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.chats.questions import FACTS, passage
from bench.chats.stub_server import STUB
from bench.direct import ANSWERING
from bench.facts import TENANT
from bench.synthetic.answers import CannedModels
from bench.trusted import trusting
from connectors.documents import Documents
from connectors.keyring import Keyring
from connectors.triton import Triton
from schemas import Generate, Generated, Request, StreamRequest
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings
from streams.topics import step
from streams.watching import logs
from worker.cli import Worker, run_to_the_end, supervise
from worker.wiring import host


class StubChat:
    """Triton's chat, with the stub for whichever model is asked."""

    def __init__(self, settings: Settings) -> None:
        self._triton = Triton(settings)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer nothing at once: the embedder is among the fakes."""
        return {}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer Generate."""
        return {Generate: self._generate}

    async def close(self) -> None:
        """Close the connection."""
        await self._triton.close()

    def _generate(self, request: Generate, call: Call) -> AsyncIterator[Generated]:
        return self._triton.generate(replace(request, model=STUB), call)


class FakeRetrieval(CannedModels):
    """Answers at once what the embedder, the recogniser and the index would answer."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(FACTS):
            self.add(TENANT, passage(number))

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer nothing in parts: that is the stub's."""
        return {}


async def main(run: Path, triton: str, window: int) -> int:
    """Run until SIGTERM."""
    settings = Settings.load(
        environment={},
        run=run,
        triton_grpc=triton,
        window=window,
        generations=2 * window,  # the stub says its words at any pace, however many ask
    )
    keyring = Keyring(settings)
    connectors = (keyring, Documents(settings), FakeRetrieval(), StubChat(settings))
    steps = [step(name) for name in ANSWERING]
    hosted = host(settings, steps, connectors, keyring, configured=trusting())
    return await supervise(Worker(hosted, None, loop=asyncio.get_running_loop()))


if __name__ == "__main__":
    logs.configure("warning")
    run_to_the_end(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
