"""The models that Triton serves, without Triton: embedder and moderator in one process of its own.

They are loaded by the code of infra/triton/models and with the weights of the installed part, so a
vector is the same to the byte as the stack's; only how requests wait for each other is not.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.child import MeasurementFailed
from infra.local.parts import all_parts
from infra.triton.install import EMBEDDER, site_packages
from infra.triton.launch import MODELS
from schemas import (
    Classified,
    Classify,
    Embed,
    Embedded,
    HeadScore,
    HeadScores,
    Record,
    Request,
    StreamRequest,
)
from streams.running.world import Call, Handler, StreamHandler

ROOT = Path(__file__).parents[2]
NUMBER_BYTES = 4  # of float32


def embedder_folder(part: Path) -> Path:
    """Say where an installed Triton keeps the embedder's weights and its tokenizer."""
    return part / "models-data" / EMBEDDER


def installed_triton() -> Path:
    """Find Triton's part; raises MeasurementFailed where it was never installed."""
    part = all_parts()["triton"]
    if not part.present:
        raise MeasurementFailed("the models are not installed: run `playhead parts` or `make up`")
    return part.place


def started(part: Path) -> subprocess.Popen[str]:
    """Start the program that holds the models."""
    module = "bench.quality.model_program"
    return subprocess.Popen(  # noqa: S603 - a module of ours
        [str(part / "venv" / "bin" / "python"), "-m", module, embedder_folder(part), MODELS],
        cwd=ROOT,
        env={"PYTHONPATH": f"{site_packages(part)}:{ROOT}", "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


class ServedModels:
    """Answers Embed and Classify; the same text is encoded once, new ones side by side."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        """Take the running program, as `started` makes it."""
        self._program = program
        self._kept: dict[tuple[str, bool, bool], dict[str, Any]] = {}
        self._turn = asyncio.Lock()

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what the embedder and the moderator answer."""
        return {Embed: self._embed, Classify: self._classify}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer nothing in parts."""
        return {}

    async def close(self) -> None:
        """End the program."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with suppress(BrokenPipeError):  # where it has ended by itself
            self._program.stdin.close()
        await asyncio.to_thread(self._program.wait)
        self._program.stdout.close()

    async def _embed(self, request: Embed, _call: Call) -> Record:
        rows = await self._encoded(
            request.texts, query=request.kind == "query", with_tokens=request.token_vectors
        )
        vectors = tuple(base64.b64decode(row["vector"]) for row in rows)
        tokens = tuple(base64.b64decode(row["token_vectors"]) for row in rows)
        return Embedded(
            vectors=vectors,
            token_vectors=tokens if request.token_vectors else (),
            counts=tuple(row["count"] for row in rows),
            model=rows[0]["model"],
            dimensions=len(vectors[0]) // NUMBER_BYTES,
        )

    async def _classify(self, request: Classify, _call: Call) -> Record:
        async with self._turn:
            asked = {"texts": request.texts, "heads": request.heads}
            answer = await asyncio.to_thread(self._answer, asked)
        return Classified(
            texts=tuple(
                HeadScores(
                    scores=tuple(
                        HeadScore(head=head, score=score)
                        for head, score in zip(request.heads, row, strict=True)
                    )
                )
                for row in answer["scores"]
            ),
            model=answer["model"],
        )

    async def _encoded(
        self, texts: Sequence[str], *, query: bool, with_tokens: bool
    ) -> list[dict[str, Any]]:
        """Have the program encode those that it has not; raises MeasurementFailed."""
        keys = [(text, query, with_tokens) for text in texts]
        async with self._turn:
            new = [text for text, *_ in dict.fromkeys(key for key in keys if key not in self._kept)]
            if new:
                how = {"query": query, "with_tokens": with_tokens}
                answer = await asyncio.to_thread(self._answer, {"texts": new, **how})
                columns = (answer["vectors"], answer["token_vectors"], answer["counts"])
                for text, vector, tokens, count in zip(new, *columns, strict=True):
                    self._kept[text, query, with_tokens] = {
                        "vector": vector,
                        "token_vectors": tokens,
                        "count": count,
                        "model": answer["model"],
                    }
        return [self._kept[key] for key in keys]

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        try:
            self._program.stdin.write(json.dumps(asked) + "\n")
            self._program.stdin.flush()
            answer = self._program.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise MeasurementFailed("the models' program ended: see what it says above")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed
