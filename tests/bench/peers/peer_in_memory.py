"""A peer over real HTTP on this machine, whose answers a test writes."""

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web

from bench.peers.askers import PeerAddress


def event(kind, **fields):
    return f"data: {json.dumps({'type': kind, **fields}, separators=(',', ':'))}\n\n".encode()


def whole(text, *uris, words=None, **fields):
    """Return the frames of an answer, a word each."""
    said = text.split(" ") if words is None else words
    deltas = [event("delta", text=word if not n else f" {word}") for n, word in enumerate(said)]
    return [
        event("accepted"),
        *deltas,
        event("completed", text=text, citations=[{"uri": uri} for uri in uris], **fields),
    ]


class Asked(list):
    """The bodies that came, and how many questions were being answered at most at once."""

    running = most = 0


@asynccontextmanager
async def peer(answer, *, refusals=(), status=200, states=("indexed",)):
    """Serve what `answer` makes of a question; `asked` of what is yielded has the bodies that came."""
    left, states, asked = list(refusals), list(states), Asked()

    async def messages(request):
        body = await request.json()
        asked.append({**body, "key": request.headers.get("authorization", "")})
        if left:
            return web.json_response({}, status=left.pop(0), headers={"Retry-After": "0"})
        if status != 200:
            return web.json_response({"detail": "no such thing"}, status=status)
        asked.running += 1
        asked.most = max(asked.most, asked.running)
        await asyncio.sleep(0.02)  # so that whoever asks at once is there at once
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for frame in answer(body["text"]):
            await response.write(frame)
        asked.running -= 1
        await response.write_eof()
        return response

    async def documents(request):
        body = await request.json()
        asked.append(body)
        if left:
            return web.json_response({}, status=left.pop(0), headers={"Retry-After": "0"})
        if status != 200:
            return web.json_response({"detail": "no such thing"}, status=status)
        return web.json_response({"document_id": body["uri"].replace("/", "-")}, status=202)

    async def state(_):
        return web.json_response(
            {"status": states.pop(0) if len(states) > 1 else states[0], "reason": "torn"}
        )

    app = web.Application()
    app.router.add_post("/v1/messages", messages)
    app.router.add_post("/v1/documents", documents)
    app.router.add_get("/v1/documents/{id}", state)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield (
            PeerAddress(
                f"http://127.0.0.1:{port}", {"Authorization": "Bearer key"}, {"max_tokens": 9}
            ),
            asked,
        )
    finally:
        await runner.cleanup()
