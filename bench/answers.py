"""The whole platform: ingest, answers, verify; each figure as a ratio to a baseline."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from bench.direct import Answered, Direct
from bench.facts import facts
from bench.hops import bare_hop_ms
from bench.synthetic import build
from connectors.triton import Triton
from edge.client import frames_in
from infra.demo.stack import create_key
from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.log import BrokerLog, Log
from replay.one_request import events_of
from replay.report import Report
from replay.selection import Selection
from replay.side_by_side import verify_side_by_side
from replay.verify import Verifier
from schemas import ChunksEmbedded, Embed
from streams.log.codec import Codec
from streams.operations.timeline import timeline
from streams.running.admit import INBOX_TOPICS
from streams.running.world import Call
from streams.settings import Settings
from streams.topics import topic_of

SECTIONS = 480  # about 120 chunks: filling and emptying the pipeline takes half a second of them
ROUNDS = 3  # of an ingest and the embedder alone
POLL_S = 0.05  # between two looks at a document: each costs the machine about 5 ms
DOCUMENTS = 6
TENANT = "bench"
CONVERSATIONS, ARCHIVED_DOCUMENTS = 180, 60  # an archive of 20,000 records


@dataclass(frozen=True)
class Figure:
    """A measured value beside its baseline."""

    name: str
    value: float
    unit: str
    baseline: float
    against: str
    quartiles: tuple[float, float] | None = None
    """Of the value, where it was measured several times: how noisy it is."""

    @property
    def ratio(self) -> float:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else float("nan")


class Bench:
    """One run of all benchmarks over a running stack."""

    def __init__(self, settings: Settings, questions: int) -> None:
        self.settings = settings
        self.facts = facts(2 * questions)
        self.client = httpx.Client(
            base_url=settings.gateway,
            headers={"Authorization": f"Bearer {create_key(settings, TENANT)}"},
            timeout=300,
            trust_env=False,
        )
        self.steps: dict[str, dict[str, float]] = {}

    def run(self) -> list[Figure]:
        """Measure everything, in an order in which nothing is warmed up for what follows."""
        found = [self.ingest()]
        found += self.answers()
        found.append(self.verify())
        found += asyncio.run(verify_figures())
        return found

    def ingest(self) -> Figure:
        """Compare chunks a second, request to searchable, with the embedder's own rate."""
        sections = [section for section, _ in facts(SECTIONS)]
        documents = [
            "# Guide\n\n" + "\n".join(sections[number::DOCUMENTS]) for number in range(DOCUMENTS)
        ]
        self._index([documents[0][:4_000].replace("ticket", "pass")], "warm-up")
        rates, alone = [], []
        for number in range(ROUNDS):  # they take turns, so that a change of speed meets both
            name = f"guide-{number}"
            began = time.perf_counter()
            chunks = self._index(documents, name)
            rates.append(chunks / (time.perf_counter() - began))
            alone.append(asyncio.run(self._embedder_rate(name)))
        return Figure(
            "ingest to searchable",
            _median(rates),
            "chunks/s",
            _median(alone),
            "the embedder alone, same chunks and batches",
            _quartiles(rates),
        )

    def _index(self, texts: list[str], name: str) -> int:
        ids = []
        for number, text in enumerate(texts):
            body = {"uri": f"{name}/{number}", "media_type": "text/markdown", "content": text}
            answer = self.client.post("/v1/documents", json=body)
            answer.raise_for_status()
            ids.append(answer.json()["document_id"])
        chunks = 0
        for document in ids:
            while True:
                state = self.client.get(f"/v1/documents/{document}").json()
                if state["status"] in {"indexed", "failed"}:
                    break
                time.sleep(POLL_S)
            if state["status"] == "failed":
                raise click.ClickException(f"{name} failed: {state.get('reason')}")
            chunks += state["chunks"]
        return chunks

    async def _embedder_rate(self, name: str) -> float:
        """Embed the chunks that are on the log again, without the log; chunks a second."""
        log = BrokerLog(self.settings)
        codec = Codec(log.ids)
        batches = []
        try:
            for topic, lane in sorted(log.extents()):
                if topic == topic_of(ChunksEmbedded):
                    for stored in log.records(topic, lane):
                        event = codec.decode(stored.value, ChunksEmbedded)
                        if event.chunks and event.document.uri.startswith(f"{name}/"):
                            batches.append(tuple(chunk.text for chunk in event.chunks))
        finally:
            log.close()
        triton = Triton(self.settings)
        handler = triton.handlers()[Embed]
        call = Call(TENANT, 0, "bench", "bench", "bench", "bench", 0)
        began = time.perf_counter()
        await asyncio.gather(
            *(handler(Embed(texts=b, kind="passage", token_vectors=True), call) for b in batches)
        )
        took_s = time.perf_counter() - began
        await triton.close()
        return sum(map(len, batches)) / took_s

    def answers(self) -> list[Figure]:
        """Compare times to the first token and the whole answer with the steps without a log.

        The two take turns, question by question, and so does who begins: a change of the machine's
        speed meets both. What the log adds is the median of the pairs' differences.
        """
        through: list[Answered] = []
        direct: list[Answered] = []
        requests: list[str] = []

        async def alternate() -> None:
            program = Direct(self.settings)
            try:
                for number, (_, question) in enumerate(self.facts):
                    if number % 4 in {1, 2}:
                        direct.append(await program.ask(TENANT, question))
                    else:
                        answered, request = await asyncio.to_thread(self._ask, question)
                        through.append(answered)
                        requests.append(request)
            finally:
                await program.close()

        asyncio.run(alternate())
        through, direct = through[1:], direct[1:]  # the first of each warms up
        hop_ms = bare_hop_ms(self.settings, 60)
        self._break_down(requests[1:])
        queued = statistics.mean(row["queued_ms"] for row in self.steps.values())
        against = "the same steps and models in one process"
        figures = []
        for name, ours, theirs in (
            ("time to first token", [a.first_ms for a in through], [a.first_ms for a in direct]),
            ("whole answer", [a.whole_ms for a in through], [a.whole_ms for a in direct]),
        ):
            added = [one - other for one, other in zip(ours, theirs, strict=True)]
            base = _median(theirs)
            figures += [
                Figure(f"{name}, p50", _median(ours), "ms", base, against, _quartiles(ours)),
                Figure(
                    f"{name}: added, p50", _median(added), "ms", base, against, _quartiles(added)
                ),
            ]
        return [
            *figures,
            Figure("queueing of a hop, p50", queued, "ms", hop_ms, "a bare consume-produce hop"),
        ]

    def _ask(self, question: str) -> tuple[Answered, str]:
        began, first_ms, request = time.perf_counter(), 0.0, ""
        body = {"text": question, "stream": True}
        with self.client.stream("POST", "/v1/messages", json=body) as response:
            for frame in frames_in(response):
                request = frame["request_id"]
                if frame["type"] == "delta" and not first_ms:
                    first_ms = (time.perf_counter() - began) * 1000
                if frame["type"] == "error":
                    raise click.ClickException(f"a question failed: {frame}")
        return Answered(first_ms, (time.perf_counter() - began) * 1000), request

    def _break_down(self, requests: list[str]) -> None:
        """Collect queueing, step and effect times of each step, from the records alone."""
        rows: dict[str, list[tuple[float, float, float]]] = {}
        log = BrokerLog(self.settings)
        try:
            for request in requests:
                seen = set()
                for run in timeline(events_of(log, request)):
                    if (
                        run.cause and run.step not in seen
                    ):  # the first batch is what the reader waits for
                        seen.add(run.step)
                        effects = sum(effect.took_us for effect in run.effects)
                        rows.setdefault(run.step, []).append(
                            (run.queued_us / 1000, run.took_us / 1000, effects / 1000)
                        )
        finally:
            log.close()
        self.steps = {
            name: dict(
                zip(
                    ("queued_ms", "running_ms", "effects_ms"),
                    map(_median, zip(*times, strict=True)),
                    strict=True,
                )
            )
            for name, times in rows.items()
        }

    def verify(self) -> Figure:
        """Verify the log of this run, which is small, over the broker."""
        log = BrokerLog(self.settings)
        try:
            read_rate = _read_rate(log)
            local, keyring = local_handlers(self.settings)
            report = asyncio.run(Verifier(log, local, keyring.digest_key).verify())
        finally:
            log.close()
        if report.diverged:
            raise click.ClickException(f"the log of this run diverges: {report.diverged[0]}")
        return _verify_figure("replay verify, this log", report, read_rate)


async def verify_figures() -> list[Figure]:
    """Compare verifying an archive of many records with reading it, in one process and in more."""
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        archive, settings = await build(Path(folder), CONVERSATIONS, ARCHIVED_DOCUMENTS)
        log = ArchiveLog(archive)
        read_rate = _read_rate(log)
        local, keyring = local_handlers(settings)
        alone = await Verifier(log, local, keyring.digest_key).verify()
        jobs = os.cpu_count() or 1
        together = verify_side_by_side(log, archive, settings, Selection(), jobs)
    for report in (alone, together):
        if report.diverged or report.equal != report.records:
            raise click.ClickException(f"the archive diverges: {report.as_json()}")
    return [
        _verify_figure("replay verify, archive", alone, read_rate),
        _verify_figure(f"the same in {jobs} processes", together, read_rate),
    ]


def _read_rate(log: Log) -> float:
    """Read and decode a log's records; records a second."""
    codec, count, began = Codec(log.ids), 0, time.perf_counter()
    for topic, lane in log.extents():
        if topic not in INBOX_TOPICS:
            for stored in log.records(topic, lane):
                codec.decode_any(stored.value)
                count += 1
    return count / (time.perf_counter() - began)


def _verify_figure(name: str, report: Report, read_rate: float) -> Figure:
    rate = report.records / report.seconds
    against = f"reading and decoding the same log, {report.records:,} records verified"
    return Figure(name, rate, "records/s", read_rate, against)


def _median(values: Any) -> float:
    return float(statistics.median(list(values)))


def _quartiles(values: list[float]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def show(figures: list[Figure], steps: dict[str, dict[str, float]], console: Console) -> None:
    """Print the figures for people."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("figure", "value", "quartiles", "baseline", "ratio", "baseline is"):
        table.add_column(name, justify="left" if "is" in name or name == "figure" else "right")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:,.1f} {figure.unit}",
            "–".join(f"{value:,.1f}" for value in figure.quartiles or ()),
            f"{figure.baseline:,.1f}",
            f"{figure.ratio:.2f}",
            figure.against,
        )
    console.print(table)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("step", "queued ms", "running ms", "of which effects ms"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for name, row in steps.items():
        table.add_row(name, *(f"{value:.1f}" for value in row.values()))
    console.print()
    console.print(table)
