"""Routes about the service: whether it runs and can serve, its metrics and its pages."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from edge.callers.caller import bearer_of
from edge.load.measures import without_what_is_left
from edge.problems import Problem
from edge.protocols.http.dependencies import TheGateway
from streams.version import CODE
from streams.watching.metrics import exposition

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process runs."""
    return {"status": "ok", "version": CODE}


@router.get("/readyz")
async def readyz(gateway: TheGateway, *, whole: bool = False) -> JSONResponse:
    """Tell whether requests can be served, and which new ones are refused for load.

    Load alone leaves the gateway ready: it still serves what reads and what it has taken in. So
    does history that is read while it serves; ask with `whole` to be told once all is known.
    """
    missing = await gateway.missing(whole=whole)
    if missing:
        detail = "; ".join(f"{part}: {why}" for part, why in missing.items())
        raise Problem(503, "not-ready", detail, retryable=True, retry_after_s=1)
    left_s = math.ceil(gateway.log.left_s)
    shedding = gateway.admission.shedding()
    return JSONResponse({"status": "ready", "shedding": shedding, "history_left_s": left_s})


@router.get("/metrics", include_in_schema=False)
async def prometheus(
    gateway: TheGateway, authorization: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Return the metrics of this process as Prometheus text; to a key of operators, all of them."""
    is_operator = False
    if authorization:
        caller = await gateway.caller(bearer_of(authorization))
        is_operator = "metrics" in caller.scopes
    text, media_type = await asyncio.to_thread(exposition)
    return Response(text if is_operator else without_what_is_left(text), media_type=media_type)


@router.get("/", include_in_schema=False)
async def chat_page(request: Request) -> HTMLResponse:
    """Serve the chat page."""
    return _served(request, "chat")


@router.get("/review", include_in_schema=False)
async def review_page(request: Request) -> HTMLResponse:
    """Serve the page of reviewers; what it shows needs a key, the page itself none."""
    return _served(request, "review")


@router.get("/audit", include_in_schema=False)
async def audit_page(request: Request) -> HTMLResponse:
    """Serve the page of auditors; what it shows needs a key, the page itself none."""
    return _served(request, "audit")


PAGES = ("chat", "review", "audit")
PART = re.compile(r"\{\{([a-z/.-]+)\}\}")


@dataclass(frozen=True)
class ServedPage:
    """A page, and what its browser may load and run."""

    content: str
    policy: str

    @classmethod
    def of(cls, name: str) -> ServedPage:
        """Read a page, and put into it what stands in files of its own, or of every page.

        `{{chat.css}}` and `{{page.css}}`, say.
        """
        folder = files("edge.protocols.http")
        content = PART.sub(
            lambda part: folder.joinpath(part[1]).read_text("utf-8"),
            folder.joinpath(f"{name}.html").read_text("utf-8"),
        )
        return cls(content, page_policy(content))


def _served(request: Request, name: str) -> HTMLResponse:
    page: ServedPage = request.app.state.pages[name]
    headers = {"Content-Security-Policy": page.policy, "Cache-Control": "no-cache"}
    return HTMLResponse(page.content, headers=headers)


def page_policy(page: str) -> str:
    """Allow the page its own script and style by their digests, and nothing else."""

    def digests(tag: str) -> str:
        contents = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes = (hashlib.sha256(content.encode()).digest() for content in contents)
        return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)

    return (
        f"default-src 'none'; script-src {digests('script')}; style-src {digests('style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
