"""Redaction: is all personal data of a text replaced, and nothing else?

Characters are counted, letters and digits alone, whatever kind a span is given: what matters is
whether anything stays readable. The detector's process is the real one, the policy that in force;
a baseline is the analyzer that it is built on, as it comes.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.known_values import Reading
from agents.redact import clean
from agents.spans import join
from connectors.presidio.connector import Presidio
from connectors.presidio.detector import MODEL
from evals.bootstrap import Floats, Statistic, mean_of, statistic_of
from evals.data_sets import Choice, EvalRow, name_of, rows_of
from evals.outcome import OURS, SetOutcome
from evals.step_alone import TENANT, in_force
from evals.stored_runs import StoredRun
from schemas import Detect
from streams.running.world import Call
from streams.settings import Settings

STOCK = "stock analyzer"
STOCK_SCORE_MIN = 0.3
BATCH = 16
BETA2 = 4.0
"""F2: what leaks weighs more than what is replaced for nothing."""
LEAKS = "texts that leak"
COUNTED = ("characters right", "characters wrong", "characters missed")
Stretches = tuple[tuple[int, int], ...]
Redactor = Callable[[Sequence[str]], list[Stretches]]


@dataclass(frozen=True)
class SpannedText:
    """A text and where its personal data stands."""

    id: str
    text: str
    spans: tuple[tuple[int, int, str], ...]
    group: str


def spanned_text(row: EvalRow) -> SpannedText:
    """Read a row; raises BadData."""
    text, listed = row.text("text"), row.values.get("spans")
    if not isinstance(listed, list):
        raise row.bad('\'spans\' must be a list of {"start", "end", "type"}')
    spans = []
    for one in listed:
        start, end = (one.get(key) if isinstance(one, dict) else None for key in ("start", "end"))
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise row.bad(
                f"a span from {start} to {end}: 0 <= start < end <= {len(text)} must hold"
            )
        spans.append((start, end, str(one.get("type"))))
    group = row.values.get("template_id", row.text("id"))
    return SpannedText(row.text("id"), text, tuple(spans), str(group))


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


def stock(texts: Sequence[str], advance: Callable[[], None]) -> list[Stretches]:
    """Say what the analyzer finds as it comes, with the same model of language."""
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    models = [{"lang_code": "en", "model_name": MODEL}]
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    engine = AnalyzerEngine(nlp_engine=provider.create_engine())
    found: list[Stretches] = []
    for text in texts:
        spans = engine.analyze(text, language="en", score_threshold=STOCK_SCORE_MIN)
        found.append(tuple((span.start, span.end) for span in spans))
        advance()
    return found


def evaluate_redaction(
    path: Path,
    choice: Choice,
    advance: Callable[[int], Callable[[], None]],
    against: StoredRun | None = None,
) -> SetOutcome:
    """Evaluate one file, and compare it with a stored run."""
    rows = choice.of([spanned_text(row) for row in rows_of(path)], lambda one: one.group, path)
    texts = [row.text for row in rows]
    done = advance(2 * len(rows))
    outcome = SetOutcome(name_of(path), len(rows), seed=choice.seed)
    outcome.counts["spans"] = sum(len(row.spans) for row in rows)
    add_found(outcome, OURS, rows, asyncio.run(redacted(texts, done)), choice.seed)
    add_found(outcome, STOCK, rows, stock(texts, done), choice.seed)
    if against is not None:
        against.add_changes(outcome, COMPARED, {row.id: row.group for row in rows})
    return outcome


def letters_in(text: str, stretches: Sequence[tuple[int, int]]) -> frozenset[int]:
    """List the places of the letters and digits within stretches."""
    return frozenset(
        place for start, end in stretches for place in range(start, end) if text[place].isalnum()
    )


def add_found(
    outcome: SetOutcome,
    system: str,
    rows: Sequence[SpannedText],
    found: Sequence[Stretches],
    seed: int,
) -> None:
    """Take in what a system found."""
    right, wrong, missed, leaks = [], [], [], []
    by_kind: defaultdict[str, list[float]] = defaultdict(list)
    for row, stretches in zip(rows, found, strict=True):
        gold = letters_in(row.text, [span[:2] for span in row.spans])
        hidden = letters_in(row.text, stretches)
        right.append(float(len(gold & hidden)))
        wrong.append(float(len(hidden - gold)))
        missed.append(float(len(gold - hidden)))
        leaks.append(float(bool(gold - hidden)))
        for start, end, kind in row.spans:
            by_kind[kind].append(float(letters_in(row.text, [(start, end)]) <= hidden))
    groups = [row.group for row in rows]
    if system == OURS:
        ids = [row.id for row in rows]
        columns = zip((*COUNTED, LEAKS), (right, wrong, missed, leaks), strict=True)
        outcome.by_row = {name: dict(zip(ids, column, strict=True)) for name, column in columns}
    for name, figure in (("F2", _f2), ("precision", _precision), ("recall", _recall)):
        estimate = statistic_of(figure, right, wrong, missed, groups=groups, seed=seed)
        outcome.add(f"characters, {name}", system, estimate)
    outcome.add(LEAKS, system, mean_of(leaks, groups, seed))
    for kind in sorted(by_kind):
        outcome.add(f"whole, {kind}", system, mean_of(by_kind[kind], seed=seed))


def _ratio(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def _precision(right: Floats, wrong: Floats, _missed: Floats) -> float:
    return _ratio(float(right.sum()), float(wrong.sum()))


def _recall(right: Floats, _wrong: Floats, missed: Floats) -> float:
    return _ratio(float(right.sum()), float(missed.sum()))


def _f2(right: Floats, wrong: Floats, missed: Floats) -> float:
    weighed = (1 + BETA2) * float(right.sum())
    return _ratio(weighed, BETA2 * float(missed.sum()) + float(wrong.sum()))


def _mean(column: Floats) -> float:
    return float(column.mean())


COMPARED: dict[str, tuple[Statistic, tuple[str, ...]]] = {
    "characters, F2": (_f2, COUNTED),
    "characters, precision": (_precision, COUNTED),
    "characters, recall": (_recall, COUNTED),
    LEAKS: (_mean, (LEAKS,)),
}
"""What is compared with a stored run, and the columns of rows that it is computed from."""
