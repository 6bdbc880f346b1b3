"""A conversation over HTTP: documents in, answers out as they stream, each looked at."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.markup import escape

from edge.client.gateway_client import frames_in
from infra.demo.checks import Checks
from infra.demo.samples import Question, Tenant, documents
from schemas import Event, QueryRewritten, QuestionRedacted

INDEXED_WITHIN_S = 240.0  # the sample documents on two busy cores, with room
POLL_S = 0.2
QUOTE_CHARS = 90


@dataclass
class StreamedAnswer:
    """What came back for one question."""

    request: str = ""
    text: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    first_ms: float = 0.0
    error: str = ""


def load(
    client: httpx.Client,
    tenant: Tenant,
    checks: Checks,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Submit a tenant's documents and wait until they can be searched."""
    started = time.monotonic()
    ids = submit(client, tenant)
    states: dict[str, dict[str, Any]] = {}
    waiting = set(ids)
    while waiting and time.monotonic() - started < INDEXED_WITHIN_S:
        for document_id in sorted(waiting):
            states[document_id] = client.get(f"/v1/documents/{document_id}").json()
            if states[document_id].get("status") in {"indexed", "failed"}:
                waiting.discard(document_id)
        pause(POLL_S)
    took = time.monotonic() - started
    missing = [ids[name] for name in sorted(ids) if states[name].get("status") != "indexed"]
    chunks = sum(map(chunk_count, states.values()))
    checks.holds(
        f"{tenant.name}: {len(ids)} documents, {chunks} chunks searchable in {took:.1f} s",
        not missing,
        f"not searchable: {', '.join(missing)}",
    )


def submit(client: httpx.Client, tenant: Tenant) -> dict[str, str]:
    """Submit a tenant's documents; return document id -> uri."""
    ids = {}
    for sample in documents(tenant):
        body = {
            "uri": sample.uri,
            "media_type": "text/markdown",
            "content": sample.text,
            "chunk_policy": sample.policy,
        }
        reply = client.post("/v1/documents", json=body)
        reply.raise_for_status()
        ids[reply.json()["document_id"]] = sample.uri
    return ids


def chunk_count(state: dict[str, Any]) -> int:
    """Count the chunks of a document's state, which gives them as a number or as a list."""
    chunks = state.get("chunks") or 0
    return chunks if isinstance(chunks, int) else len(chunks)


def ask(client: httpx.Client, session: str, question: Question, checks: Checks) -> StreamedAnswer:
    """Ask one question and print the answer as it streams."""
    console = checks.console
    fresh = "  [dim](a new conversation)[/dim]" if question.fresh else ""
    console.print(f"\n[bold cyan]›[/bold cyan] [bold]{escape(question.text)}[/bold]{fresh}")
    answer, started = StreamedAnswer(), time.monotonic()
    body = {"session_id": session, "text": question.text, "stream": True}
    with client.stream("POST", "/v1/messages", json=body) as response:
        if response.status_code != httpx.codes.OK:
            response.read()
            answer.error = f"HTTP {response.status_code}: {response.text[:200]}"
            return answer
        for frame in frames_in(response):
            if frame["type"] == "delta" and not answer.text:
                answer.first_ms = (time.monotonic() - started) * 1000
            follow(answer, frame, checks)
    show_sources(answer, checks)
    return answer


def follow(answer: StreamedAnswer, frame: dict[str, Any], checks: Checks) -> None:
    """Take one frame into an answer and print what is new in it."""
    answer.request = frame.get("request_id", answer.request)
    match frame["type"]:
        case "delta":
            answer.text += frame["text"]
            checks.console.print(frame["text"], end="", markup=False, highlight=False)
        case "restarted":
            answer.text = ""
            checks.console.print("\n[dim]… not supported by the passages; again:[/dim]")
        case "completed":
            answer.citations = frame["citations"]
            answer.finish_reason = frame["finish_reason"]
            answer.text = frame["text"]
        case "retracted" | "error":
            answer.error = json.dumps(frame)


def show_sources(answer: StreamedAnswer, checks: Checks) -> None:
    """Print the sentences that an answer rests on."""
    checks.console.print()
    for number, citation in enumerate(answer.citations[:3], start=1):
        quote = textwrap.shorten(citation["quote"], QUOTE_CHARS, placeholder=" …")
        checks.console.print(
            f"  [dim]\\[{number}] {escape(citation['uri'])}: “{escape(quote)}”[/dim]",
            highlight=False,
        )
    checks.console.print(
        f"  [dim]first words after {answer.first_ms:.0f} ms · {answer.finish_reason}[/dim]"
    )


def judge(question: Question, answer: StreamedAnswer, checks: Checks) -> None:
    """Check what an answer must show."""
    if answer.error or not answer.text:
        checks.holds("answered", False, answer.error or "no text")
    elif question.absent:
        checks.holds(
            f"says that the documents don't hold it ({question.absent})",
            answer.finish_reason == "not_found",
            f"finish_reason {answer.finish_reason}",
        )
    else:
        checks.holds(
            f"says “{question.says}”, cited",
            question.says in answer.text and bool(answer.citations),
            f"it says “{answer.text}” with {len(answer.citations)} citations",
        )


def judge_log(question: Question, events: Iterable[Event], checks: Checks) -> None:
    """Check what the log must hold of a question."""
    for event in events:
        if question.needs_rewrite and isinstance(event, QueryRewritten):
            changed = event.query != event.question
            checks.holds(f"searched for “{event.query}”", changed, "as asked")
        if question.personal and isinstance(event, QuestionRedacted):
            redacted = not any(value in event.text for value in question.personal)
            checks.holds(f"on the log: “{event.text}”", redacted, "not redacted")
