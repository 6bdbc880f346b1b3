"""Sets put to a running system, over its gateway like any client's.

Documents of a set live in a tenant of their own, named after the set's content: another run finds
them there and goes on where the last one ended. Answers are written as they come, one row each, so
that a run that was stopped asks the rest alone. Several are asked at once, and no more than that.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, unquote

import click

from evals.answer_figures import CitedQuote, GivenAnswer, given_answer
from evals.data_sets import BadData, rows_of
from evals.given_passages import Advance
from evals.question_set import SetQuestion
from evals.rankings import distinct

ItemT = TypeVar("ItemT")
AnsweredT = TypeVar("AnsweredT")
SCHEME = "evaluation:"
POLL_S = 1.0
STILL_S = 600.0
"""How long indexing may stand still."""
PAGE = 100
UNDER_WAY = ("accepted", "ingested")
ERROR = "error"
"""Finish reason of a question to which no answer came; it is asked again by the next run."""


class AskedGateway(Protocol):
    """What is used of `edge.client.gateway_client.GatewayClient`."""

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request; raises click.ClickException."""

    def get(self, path: str) -> dict[str, Any]:
        """Read; raises click.ClickException."""


class Text(Protocol):
    """A document or a passage of a set."""

    @property
    def id(self) -> str:
        """Id in the set."""

    @property
    def title(self) -> str:
        """Title, or nothing."""

    @property
    def text(self) -> str:
        """All of it."""


def tenant_of(texts: Iterable[Text]) -> str:
    """Name the tenant of a set after what it holds."""
    digest = hashlib.sha256()
    for one in texts:
        digest.update(json.dumps([one.id, one.title, one.text]).encode())
    return f"eval-{digest.hexdigest()[:16]}"


def uri_of(identity: str) -> str:
    """Name a document of a set."""
    return SCHEME + quote(identity, safe="")


def identity_of(uri: str) -> str:
    """Return the id of a document by its name, nothing for another document."""
    return unquote(uri.removeprefix(SCHEME)) if uri.startswith(SCHEME) else ""


class TimedRanking(NamedTuple):
    """What a search found, and how long that took."""

    documents: tuple[str, ...]
    """Best first."""
    took_ms: float


class SetOverGateway:
    """One set in its tenant."""

    def __init__(
        self,
        gateway: AskedGateway,
        tenant: str,
        at_once: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the gateway, with a key of the tenant; so many requests are sent at once."""
        self._gateway = gateway
        self._tenant = tenant
        self._at_once = at_once
        self._pause = pause

    def submit(self, texts: Sequence[Text], advance: Advance) -> int:
        """Hand in what is not there yet, and wait until all can be searched.

        Returns how many failed. Raises click.ClickException.
        """
        there = {identity_of(one["uri"]) for one in self._documents() if one["status"] == "indexed"}
        lacking = [one for one in texts if one.id not in there]
        for _ in range(len(texts) - len(lacking)):
            advance()
        for _ in self._each(lacking, self._hand_in):
            advance()
        return self._wait()

    def _hand_in(self, one: Text) -> None:
        body = {
            "uri": uri_of(one.id),
            "media_type": "text/markdown" if one.text.lstrip().startswith("#") else "text/plain",
            "content": one.text or one.title,
            "title": one.title,
            "tenant": self._tenant,
        }
        self._gateway.post("/v1/documents", body)

    def _documents(self, status: str = "") -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            path = f"/v1/documents?limit={PAGE}&after={quote(after)}&status={status}"
            page = self._gateway.get(path)
            yield from page["documents"]
            after = page.get("next") or ""
            if not after:
                return

    def _wait(self) -> int:
        """Wait until nothing is under way; raises click.ClickException where it stands still."""
        left, moved_s = -1, time.monotonic()
        while pending := sum(1 for status in UNDER_WAY for _ in self._documents(status)):
            if pending != left:
                left, moved_s = pending, time.monotonic()
            if time.monotonic() - moved_s > STILL_S:
                raise click.ClickException(
                    f"{pending:,} documents of {self._tenant} made no progress for {STILL_S:g} s: "
                    "see `playhead status` and `playhead dead-letters list`"
                )
            self._pause(POLL_S)
        return sum(1 for _ in self._documents("failed"))

    def _each(
        self, items: Iterable[ItemT], work: Callable[[ItemT], AnsweredT]
    ) -> Iterator[AnsweredT]:
        """Do the work for each, several at once; on the way out what was not begun is dropped."""
        pool = ThreadPoolExecutor(self._at_once)
        try:
            futures: list[Future[AnsweredT]] = [pool.submit(work, item) for item in items]
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def answers(
        self, questions: Sequence[SetQuestion], kept: Path, advance: Advance
    ) -> tuple[dict[str, GivenAnswer], int]:
        """Ask each question in a conversation of its own, and keep the answers in a file.

        Those that the file holds are not asked again; returns how many these were, too.
        """
        answers = kept_answers(kept)
        wanted = {question.id for question in questions}
        earlier = len(wanted & set(answers))
        for _ in range(earlier):
            advance()
        writing = threading.Lock()
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab", buffering=0) as file:

            def ask(question: SetQuestion) -> tuple[str, GivenAnswer]:
                answer = self._ask(question)
                if answer.finish_reason != ERROR:
                    row = json.dumps(answer.as_json(question.id), ensure_ascii=False)
                    with writing:
                        file.write(f"{row}\n".encode())
                return question.id, answer

            lacking = [question for question in questions if question.id not in answers]
            for identity, answer in self._each(lacking, ask):
                answers[identity] = answer
                advance()
        return {identity: answers[identity] for identity in wanted}, earlier

    def _ask(self, question: SetQuestion) -> GivenAnswer:
        try:
            said = self._gateway.post(
                "/v1/messages", {"text": question.text, "stream": False, "tenant": self._tenant}
            )
        except click.ClickException:
            return GivenAnswer("", ERROR)
        cited = tuple(
            CitedQuote(identity_of(one["uri"]), one["quote"]) for one in said["citations"]
        )
        return GivenAnswer(said["text"], said["finish_reason"], cited)

    def rankings(
        self, queries: Mapping[str, str], depth: int, advance: Advance, budget_ms: int | None = None
    ) -> dict[str, TimedRanking]:
        """Search for each query, with a time that an answer must come within if one is given.

        Raises click.ClickException; with a time, what was not answered in it is left out.
        """

        def search(entry: tuple[str, str]) -> tuple[str, TimedRanking | None]:
            identity, text = entry
            body = {"text": text, "k": depth, "tenant": self._tenant}
            if budget_ms is not None:
                body["budget_ms"] = budget_ms
            began = time.perf_counter()
            try:
                passages = self._gateway.post("/v1/search", body)["passages"]
            except click.ClickException:
                if budget_ms is None:
                    raise
                return identity, None
            took_ms = (time.perf_counter() - began) * 1_000
            found = distinct([identity_of(one["uri"]) for one in passages])
            return identity, TimedRanking(tuple(found), took_ms)

        found = {}
        for identity, ranking in self._each(queries.items(), search):
            if ranking is not None:
                found[identity] = ranking
            advance()
        return found


def kept_answers(path: Path) -> dict[str, GivenAnswer]:
    """Read answers of an earlier run; a row that a stop cut off is taken away. Raises BadData."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        try:
            path.write_bytes(whole)
        except OSError as error:
            raise BadData(f"{path}: {error.strerror}; name another folder: --answers") from None
    return {row.text("id"): given_answer(row) for row in rows_of(path)}
