"""`playhead chat`: ask a question over HTTP, like any other client."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from edge.cli.output import print_json
from edge.client.gateway_client import GatewayClient, connect
from edge.requests import limits
from streams.operations.options import run_option
from streams.settings import Settings


@click.command()
@click.option("--tenant", required=True, help="Tenant whose documents answer.")
@click.option("--session", default="", help="Conversation to go on with; default: a new one.")
@click.option(
    "--max-tokens",
    type=click.IntRange(1, limits.ANSWER_TOKENS_MAX),
    default=limits.ANSWER_TOKENS,
    show_default=True,
    help="Length of the answer at most.",
)
@click.option(
    "--budget-ms",
    type=click.IntRange(*limits.BUDGET_MS),
    help="Time for the answer, in milliseconds.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON document.")
@click.argument("question")
def chat(
    tenant: str,
    session: str,
    max_tokens: int,
    budget_ms: int | None,
    run: Path | None,
    as_json: bool,
    question: str,
) -> None:
    """Ask a question; the answer streams, then come its citations.

    \b
    Example:
      playhead chat --tenant acme "How long is the notice period?"
      playhead chat --tenant acme --session s-42 "And for part-time staff?"
    """
    body: dict[str, Any] = {
        "text": question,
        "stream": True,
        "max_tokens": max_tokens,
        "tenant": tenant,
    }
    if session:
        body["session_id"] = session
    if budget_ms is not None:
        body["budget_ms"] = budget_ms
    answer = answer_of(connect(Settings.load(run=run), tenant, reads=True), body, show=not as_json)
    if as_json:
        print_json(answer)


def answer_of(gateway: GatewayClient, body: dict[str, Any], *, show: bool) -> dict[str, Any]:
    """Stream an answer to the terminal and return it; raises click.ClickException."""
    screen = _Screen(show=show)
    answer: dict[str, Any] = {}
    for frame in gateway.stream("/v1/messages", body):
        match frame["type"]:
            case "accepted":
                answer["session_id"] = frame["session_id"]
            case "delta":
                screen.add(frame["text"])
            case "restarted":
                screen.start_over()
            case "completed":
                answer.update({k: v for k, v in frame.items() if k not in ("type", "cursor")})
            case "retracted":
                raise click.ClickException(f"the answer was retracted: {frame['reason']}")
            case "error":
                raise click.ClickException(
                    f"{frame['title']}: {frame['detail']} (request {frame['request_id']})"
                )
            case _:
                pass
    screen.close(answer)
    return answer


class _Screen:
    """An answer on the terminal; nothing of it where it is not to be shown."""

    def __init__(self, *, show: bool) -> None:
        self._text = Console(highlight=False, soft_wrap=True, quiet=not show)
        self._notes = Console(stderr=True, highlight=False, soft_wrap=True, quiet=not show)
        self._began_s = time.monotonic()
        self._first_ms: int | None = None

    def add(self, text: str) -> None:
        """Show what came to the answer."""
        self._first_ms = self._first_ms or round((time.monotonic() - self._began_s) * 1_000)
        self._text.print(text, end="", markup=False)
        self._text.file.flush()

    def start_over(self) -> None:
        """Say that what was shown is void."""
        self._text.print()
        self._notes.print("[dim]the answer starts over[/dim]")

    def close(self, answer: dict[str, Any]) -> None:
        """Show what the answer rests on and what was left out of it."""
        self._text.print()
        for number, citation in enumerate(answer["citations"], start=1):
            line = Text(f"  [{number}] ", style="dim")
            if citation["title"]:
                line.append(f"{citation['title']}  ", style="bold")
            line.append(f"{citation['uri']}\n", style="dim")
            line.append(f"      {citation['quote']}", style="italic dim")
            self._text.print(line)
        if answer["degraded"]:
            self._text.print(
                Text(f"  skipped to save time: {', '.join(answer['degraded'])}", style="dim")
            )
        self._notes.print(
            f"[dim]session {answer['session_id']} · request {answer['request_id']} · "
            f"first words after {self._first_ms} ms · {answer['finish_reason']}[/dim]"
        )
