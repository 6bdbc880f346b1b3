"""All figures of the whole platform, over a running stack."""

from __future__ import annotations

import asyncio

import httpx

from bench.answers.asking import answers
from bench.answers.figures import Breakdown, Figure
from bench.answers.ingesting import ingest
from bench.answers.verifying import verify_archive, verify_log
from bench.facts import TENANT
from infra.demo.stack import create_key
from streams.settings import Settings


def measure(settings: Settings, questions: int) -> tuple[list[Figure], Breakdown]:
    """Measure everything, in an order in which nothing is warmed up for what follows."""
    worked, steps = work(settings, questions)
    verified = [verify_log(settings), *asyncio.run(verify_archive())]
    return [*worked, *verified], steps


def work(settings: Settings, questions: int) -> tuple[list[Figure], Breakdown]:
    """Have documents ingested and questions answered, and measure that."""
    with httpx.Client(
        base_url=settings.gateway,
        headers={"Authorization": f"Bearer {create_key(settings, TENANT)}"},
        timeout=300,
        trust_env=False,
    ) as client:
        ingested = ingest(settings, client)
        answered, steps = answers(settings, client, questions)
    return [ingested, *answered], steps
