"""A client of the gateway's WebSocket."""

import asyncio
import json

import websockets

from schemas import QuestionAsked


def connect(url, key, **more):
    return websockets.connect(url, additional_headers={"Authorization": f"Bearer {key}"}, **more)


async def send(socket, **frame):
    await socket.send(json.dumps(frame))


async def frames_until(socket, *kinds):
    frames = []
    async with asyncio.timeout(60):
        while not frames or frames[-1]["type"] not in kinds:
            frames.append(json.loads(await socket.recv()))
    return frames


async def question(log):
    """Wait for a question on the log."""
    async with asyncio.timeout(60):
        while not log.published(QuestionAsked):  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.01)
    return log.published(QuestionAsked)[-1]
