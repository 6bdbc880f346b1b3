"""The question chain with trivial steps, as a worker of its own: for faults that real steps can't be made to have.

    python -m tests.streams.fake_chain RUN_FOLDER

What a question's subject says decides what happens to it in `retrieve`: "transient" fails twice, then works;
"permanent" and "bug" fail for good; "slow" takes half a second. Every model call is counted in a file.
"""

import asyncio
import contextlib
import dataclasses
import os
import sys
from pathlib import Path

from msgspec.structs import replace

from agents.errors import Permanent, Transient
from schemas import (
    Answer,
    AnswerReleased,
    Batch,
    ChunksRetrieved,
    Embed,
    Embedded,
    Generate,
    Generated,
    GeneratedToken,
    QueryRewritten,
    QuestionRedacted,
    ReadRelease,
    ReadTurns,
    TokensGenerated,
    TokensReleased,
    Usage,
    Verdict,
    WriteRelease,
)
from streams.settings import Settings
from streams.topics import step
from streams.watching import logs, tracing
from tests.fakes import DIGEST_KEY
from worker.cli import Worker, run_to_the_end, supervise
from worker.wiring import host


async def redact(event, fx):
    yield QuestionRedacted(outcome="redacted", subject=event.subject, text="q", ask=event.ask)


async def rewrite(event, fx):
    turns = await fx(ReadTurns(limit=5))
    yield QueryRewritten(
        outcome="rewritten",
        subject=event.subject,
        question=event.text,
        query=event.text,
        turns=len(turns.turns),
        ask=event.ask,
    )


async def retrieve(event, fx):
    await fx(Embed(texts=(event.subject,), kind="query"))
    if event.subject == "bug":
        raise ZeroDivisionError(f"division of {event.question}")
    yield ChunksRetrieved(
        outcome="retrieved",
        subject=event.subject,
        question=event.question,
        query=event.query,
        ask=event.ask,
    )


async def generate(event, fx):
    if event.subject == "hop":
        yield generated(event, 0, last=True)
        return
    number = 0
    request = Generate(prompt="p", max_tokens=3)
    async with contextlib.aclosing(fx.stream(request)) as parts:
        async for part in parts:
            if part.last:
                break
            yield generated(event, number, last=False)
            number += 1
    yield generated(event, number, last=True)


def generated(event, number, *, last):
    answer = Answer(
        text="t",
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        finish_reason="stop",
        question="q",
        query="q",
    )
    return TokensGenerated(
        batch=Batch(number=number, last=last),
        text="t",
        answer=answer if last else None,
        ask=event.ask,
        subject=event.subject,
    )


async def moderate(event, fx):
    if event.subject == "hop":
        yield _released(event)
        return
    state = await fx(ReadRelease(batch=event.batch.number))
    await fx(
        WriteRelease(
            state=replace(state, batch=event.batch.number, released=state.released + event.text)
        )
    )
    if event.batch.last:
        yield _released(event, state.released + event.text)
    else:
        yield TokensReleased(batch=event.batch, text=event.text, subject=event.subject)


def _released(event, text="t"):
    return AnswerReleased(
        text=text, answer=event.answer, verdict=Verdict(allowed=True), subject=event.subject
    )


class FakeKeyring:
    def digest_key(self, tenant):
        return DIGEST_KEY

    def handlers(self):
        return {}

    def stream_handlers(self):
        return {}

    async def close(self):
        pass


class FakeModels(FakeKeyring):
    """Counts its calls in a file, by event; fails where the text says so."""

    def __init__(self, calls: Path):
        self._calls = calls.open("a", buffering=1)
        self._failures = {}

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {Generate: self.generate}

    async def embed(self, request, call):
        self._calls.write(f"Embed {call.event}\n")
        [text] = request.texts
        if text == "transient":
            failures = self._failures[call.event] = self._failures.get(call.event, 0) + 1
            if failures < 3:
                raise Transient("the fake model is away")
        if text == "permanent":
            raise Permanent("the fake model refuses")
        if text == "slow":
            await asyncio.sleep(0.5)
        return Embedded(vectors=(b"\0\0\0\0",), model="fake", dimensions=1)

    async def generate(self, request, call):
        self._calls.write(f"Generate {call.event}\n")
        for number in range(3):
            await asyncio.sleep(0.005)
            yield Generated(tokens=(GeneratedToken(text="t", at_us=number),), model="fake")
        yield Generated(tokens=(), model="fake", last=True, finish_reason="stop")


FUNCTIONS = {
    "redact": redact,
    "rewrite": rewrite,
    "retrieve": retrieve,
    "generate": generate,
    "moderate": moderate,
}


def chain():
    return [
        dataclasses.replace(step(name), function=function) for name, function in FUNCTIONS.items()
    ]


async def main(run: Path) -> int:
    settings = Settings.load(run=run)
    keyring = FakeKeyring()
    hosted = host(settings, chain(), [keyring, FakeModels(run / "calls")], keyring)
    ready = os.environ.get("PLAYHEAD_READY_FILE")
    return await supervise(
        Worker(hosted, Path(ready) if ready else None, loop=asyncio.get_running_loop())
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    logs.configure("info")
    tracing.configure(Settings.load(run=folder), "fake-chain")
    run_to_the_end(main(folder))
