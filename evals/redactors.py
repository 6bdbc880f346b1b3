"""Redactors: what finds personal data, each asked in the same batches, and the CPU time it takes.

They run in this process, so that their times compare; what the step would replace is asked of the
detector's own process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.known_values import Reading
from agents.redact import clean
from agents.spans import join
from connectors.presidio.connector import Presidio
from connectors.presidio.entities import MODEL
from connectors.tagger.tagger_detector import TaggerDetector
from connectors.tagger.value_forms import structured
from evals.step_alone import TENANT, in_force
from schemas import Detect
from streams.running.world import Call
from streams.settings import Settings

STOCK = "stock analyzer"
ALL_KINDS = "playhead, all kinds"
FORMS = "forms alone"
STOCK_SCORE_MIN = 0.3
BATCH = 16
Stretches = tuple[tuple[int, int], ...]
Redactor = Callable[[Sequence[str]], list[Stretches]]
"""From a batch of texts to the stretches that would be replaced in each."""


class Redactions(NamedTuple):
    """What a redactor found in texts."""

    found: list[Stretches]
    cpu_ms: list[float]
    """Of each batch, by text."""


def timed(redactor: Redactor, texts: Sequence[str], advance: Callable[[], None]) -> Redactions:
    """Ask a redactor about texts, batch by batch; the first batch is asked twice, to warm up."""
    redactor(texts[:BATCH])
    found: list[Stretches] = []
    times: list[float] = []
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        began = time.process_time()
        found += redactor(batch)
        times.append((time.process_time() - began) * 1_000 / len(batch))
        for _ in batch:
            advance()
    return Redactions(found, times)


async def redacted(texts: Sequence[str], advance: Callable[[], None]) -> list[Stretches]:
    """Say which stretches the step would replace, each text by itself."""
    policy = in_force("redact", {}).values
    presidio = Presidio(Settings())
    call = Call(TENANT, 0, "evaluation", "evaluation", "evaluation", "evaluation", 0)
    found: list[Stretches] = []
    try:
        for start in range(0, len(texts), BATCH):
            batch = [clean(text.encode()) for text in texts[start : start + BATCH]]
            detected = await presidio.detect(Detect(texts=tuple(batch)), call)
            for text, spans in zip(batch, detected.texts, strict=True):
                mentions = join(text, spans.spans, policy)
                reading = Reading((text,), (mentions,), policy, typed=True).repeated()
                found.append(tuple((one.start, one.end) for one in reading.mentions[0]))
                advance()
    finally:
        await presidio.close()
    return found


def all_kinds() -> Redactor:
    """Make a redactor that replaces whatever the detector finds."""
    detector = TaggerDetector()
    detector.entities.warm()

    def found(texts: Sequence[str]) -> list[Stretches]:
        return [
            tuple((span.start, span.end) for span in spans) for spans in detector.find(tuple(texts))
        ]

    return found


def forms(texts: Sequence[str]) -> list[Stretches]:
    """Replace what shows itself by its form."""
    return [tuple((one.start, one.end) for one in structured(text)) for text in texts]


def stock() -> Redactor:
    """Make a redactor of the analyzer as it comes, with the same model of language."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    models = [{"lang_code": "en", "model_name": MODEL}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    engine = AnalyzerEngine(nlp_engine=provider.create_engine())

    def found(texts: Sequence[str]) -> list[Stretches]:
        analyzed = (
            engine.analyze(text, language="en", score_threshold=STOCK_SCORE_MIN) for text in texts
        )
        return [tuple((span.start, span.end) for span in spans) for spans in analyzed]

    return found
