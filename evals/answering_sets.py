"""Answers to question sets: from passages that are given, or asked of a running stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.configured.usability import OF_EXPERIMENTS, Unusable, hold_usable
from connectors.providers import Providers
from edge.client.gateway_client import connect
from evals.answer_figures import GivenAnswer, answer_outcome
from evals.data_sets import BadData
from evals.given_passages import BASELINES, PassageSource, answers_of_step, baseline_answers
from evals.outcome import OURS, SetOutcome
from evals.over_gateway import SetOverGateway, tenant_of
from evals.prompt_savings import add_savings
from evals.question_set import QuestionSet
from evals.win_rate import Judge, add_win_rate, by_model, by_rules
from infra.demo.stack import demo_stack
from schemas import Generate
from streams.log.configuration import load
from streams.settings import Settings

RUN = Path(".playhead")
NEAR = 3  # other passages for the baselines, which search no index
Counting = Callable[[str], AbstractContextManager[Callable[[int], Callable[[], None]]]]


@dataclass(frozen=True)
class AnswersAsked:
    """What is to be answered, and how."""

    sets: Sequence[QuestionSet]
    seed: int
    folder: Path | None
    """Where answers are kept."""
    run: Path | None
    at_once: int


def changed_values(path: Path) -> dict[str, Any]:
    """Read the values by which a configuration differs; raises BadData."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"{path}: {error}; it must be a JSON object of values") from None
    if not isinstance(values, dict):
        raise BadData(f"{path}: it must be a JSON object of values, such as those of generate.json")
    return values


def compared_with(path: Path) -> dict[str, dict[str, Any]]:
    """Read what is compared: a configuration with the one in force, or arms with the control.

    System -> the values by which it differs from what is in force, ours first. Raises BadData for
    what the step could not work by.
    """
    values = changed_values(path)
    try:
        hold_usable("generate", {**load()["generate"].values, **values})
    except Unusable as error:
        raise BadData(f"{path}: {error}") from None
    arms = values.get("arms")
    if not arms:
        return {OURS: {}, path.stem: values}
    rest = {key: value for key, value in values.items() if key not in OF_EXPERIMENTS}
    systems = {OURS: rest}
    for arm in arms:
        own = {key: value for key, value in arm.items() if key not in {"name", "share"}}
        systems[arm["name"]] = {**rest, **own}
    return systems


async def from_given_passages(
    wish: AnswersAsked, others: int, against: Path | None, judge: str | None, counting: Counting
) -> list[SetOutcome]:
    """Answer from passages that are given, by one configuration or by two."""
    configurations: Mapping[str, Mapping[str, Any]] = {OURS: {}}
    if against is not None:
        configurations = compared_with(against)
    models = None if wish.run is None else Providers(Settings.load(run=wish.run))
    connectors = () if models is None else (models,)
    judging: Judge = by_rules
    if judge is not None and models is not None:
        judging = by_model(models.stream_handlers()[Generate], judge)
    outcomes = []
    try:
        for asked in wish.sets:
            source = PassageSource(asked, others)
            by_system: dict[str, dict[str, GivenAnswer]] = {}
            with counting(asked.name) as advance:
                done = advance(len(asked.questions) * (len(configurations) + len(BASELINES)))
                for system, changed in configurations.items():
                    by_system[system] = await answers_of_step(
                        asked, source, connectors, changed, done
                    )
                for name, count in BASELINES.items():
                    by_system[name] = baseline_answers(asked, source, count, done)
            outcome = answer_outcome(asked, by_system, wish.seed)
            add_savings(outcome, asked, source, configurations, wish.seed)
            for other in list(configurations)[1:]:
                systems = (OURS, other)
                await add_win_rate(outcome, asked, by_system, systems, judging, wish.seed)
            if wish.folder is not None:
                keep_answers(wish.folder, asked.name, by_system[OURS])
            outcomes.append(outcome)
    finally:
        if models is not None:
            await models.close()
    return outcomes


def answers_file(folder: Path, name: str) -> Path:
    """Say where the answers to a set are kept."""
    return folder / f"{name.replace('/', '-')}.answers.jsonl"


def keep_answers(folder: Path, name: str, given: Mapping[str, GivenAnswer]) -> None:
    """Write the answers to a set into a folder, a row each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = (json.dumps(one.as_json(id_), ensure_ascii=False) for id_, one in given.items())
    text = "".join(f"{row}\n" for row in rows)
    answers_file(folder, name).write_text(text, encoding="utf-8")


def asked_of_stack(wish: AnswersAsked, counting: Counting) -> list[SetOutcome]:
    """Ask a stack, started if need be."""
    run = (wish.run or RUN).resolve()
    with demo_stack(run, stop=True) as stack:
        folder = wish.folder or stack.settings.run / "evals"
        return [_asked_over(stack.settings, one, wish, folder, counting) for one in wish.sets]


def _asked_over(
    settings: Settings, asked: QuestionSet, wish: AnswersAsked, folder: Path, counting: Counting
) -> SetOutcome:
    passages = list(asked.passages.values())
    tenant = tenant_of(passages)
    over = SetOverGateway(connect(settings, tenant), tenant, wish.at_once)
    with counting(f"{asked.name}: documents") as advance:
        failed = over.submit(passages, advance(len(passages)))
    kept = answers_file(folder, asked.name)
    with counting(f"{asked.name}: questions") as advance:
        answers, earlier = over.answers(asked.questions, kept, advance(len(asked.questions)))
    source = PassageSource(asked, NEAR)
    by_system = {OURS: answers}
    for name, count in BASELINES.items():
        by_system[name] = baseline_answers(asked, source, count, lambda: None)
    outcome = answer_outcome(asked, by_system, wish.seed)
    outcome.counts["documents failed"] = failed
    outcome.notes.append(f"tenant {tenant}; answers: {kept}")
    if earlier:
        outcome.notes.append(
            f"{earlier:,} answers are of an earlier run: remove the file to ask anew"
        )
    return outcome
