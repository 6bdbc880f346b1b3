"""A log of questions that five steps handed on: what verifying costs beside what steps do.

The last of them releases an answer, of which verify keeps something to its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from agents.effects import Effects, StepFunction
from bench.handing_on import noop
from bench.step_runs import StepRuns
from bench.synthetic.request_maker import TENANTS, RequestMaker
from bench.synthetic.synthetic_log import SyntheticLog
from connectors.keyring import Keyring
from replay.export import export
from schemas import Answer, AnswerReleased, Event, TokensGenerated, Usage, Verdict
from streams.log.setup import configuration_records
from streams.settings import Settings
from streams.topics import Step


async def _release(event: TokensGenerated, _fx: Effects) -> AsyncIterator[AnswerReleased]:
    answer = Answer(text="", usage=Usage(), finish_reason="stop", question="", query="")
    verdict = Verdict(allowed=True)
    yield AnswerReleased(text="", answer=answer, verdict=verdict, subject=event.subject)


*_HANDING_ON, _LAST = noop(5)
STEPS_HANDING_ON: list[Step] = [
    *_HANDING_ON,
    replace(
        _LAST, function=cast(StepFunction, _release), flows={TokensGenerated: (AnswerReleased,)}
    ),
]
"""Those on a question's way."""


async def hand_on(folder: Path, questions: int) -> tuple[Path, Settings]:
    """Write an archive of so many questions and its keys into a folder, as `synthetic` does."""
    settings = Settings(run=folder / "run")
    log, keyring = SyntheticLog(settings.partitions), Keyring(settings)
    requests = RequestMaker(settings, keyring)
    runs = StepRuns((), keyring, log.ids, timeout_s=60)
    for record in configuration_records(runs.configurations):
        log.append(runs.codec, record)
    for number in range(questions):
        event: Event = requests.question(number, 0, len(TENANTS))
        for step in STEPS_HANDING_ON:
            outcomes: list[Event] = []
            offset = log.append(runs.codec, event)
            await runs.run(step, event, offset, outcomes.append, requests.trace())
            [event] = outcomes
        log.append(runs.codec, event)
    export(log, folder / "archive")
    return folder / "archive", settings
