"""A gateway in memory: takes documents and questions, and refuses as it is told to."""

import json

import httpx

from bench.flood.visitor import Visitor
from streams.log.clock import now_us


class FakeGateway:
    """Answers whatever is asked; `refusals` are the statuses of the next requests, first to last."""

    def __init__(
        self, *, refusals=(), frames=("accepted", "delta", "completed"), status="indexed", broken=0
    ):
        """Of `broken` requests the connection breaks."""
        self.broken = broken
        self.refusals = list(refusals)
        self.frames, self.status = frames, status
        self.asked, self.documents = [], {}

    def visitor(self):
        return Visitor("http://gateway", "key", httpx.MockTransport(self._answer))

    def _answer(self, request):
        if request.url.path.endswith("/timeline"):
            effects = [{"kind": "Detect", "took_ms": 3.0}]
            step = {
                "step": "redact",
                "began_us": now_us(),
                "queued_ms": 1.0,
                "took_ms": 5.0,
                "effects": effects,
            }
            return httpx.Response(200, json={"steps": [step]})
        if self.broken:
            self.broken -= 1
            raise httpx.ReadError("reset", request=request)
        if request.method == "GET":
            return httpx.Response(200, json={"status": self.status})
        if self.refusals:
            return httpx.Response(self.refusals.pop(0), headers={"Retry-After": "0"}, json={})
        body = json.loads(request.content)
        if request.url.path == "/v1/documents":
            self.documents[body["uri"]] = body["content"]
            return httpx.Response(202, json={"document_id": body["uri"]})
        self.asked.append(body["text"])
        frames = ({"type": kind, "request_id": f"r-{len(self.asked)}"} for kind in self.frames)
        text = "".join(f"data: {json.dumps(frame, separators=(',', ':'))}\n\n" for frame in frames)
        return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})
