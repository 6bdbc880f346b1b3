"""A what-if over many requests: first what the record alone can tell, then what must be asked.

The first pass asks nobody. It finishes every request that nothing changes for, or for which the
record holds all that is asked; of the others it knows where they leave the record, and so what
asking on will take. That is told before anybody is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from replay.recorded import Contradiction
from replay.whatif.asking_options import RecordedQuestions
from replay.whatif.chain_walk import ChainWalker, WalkedChain
from replay.whatif.finished_work import FinishedWork
from replay.whatif.outside import ASKED, CapReached, Outside, WouldAsk, likely_price
from replay.whatif.recorded_chains import CHAIN, RecordedChain
from replay.whatif.settings_changed import ChangedSettings
from replay.whatif.whatif_finding import WhatIfFinding, finding_of
from schemas import Generate, TokensGenerated
from streams.version import CODE

AWAY_MAX = 3  # requests in turn that nobody answered: then nobody will
ASKED_NAMES = frozenset(kind.SCHEMA for kind in ASKED)


@dataclass
class WhatIfEstimate:
    """What asking will take, before anybody is asked."""

    requests: int = 0
    finished: int = 0
    """Known already, from the record alone or from the work folder."""
    changed: int = 0
    """Of them, those that come out otherwise."""
    open: int = 0
    """Those that ask outside."""
    calls: Counter[str] = field(default_factory=Counter)
    """By kind, as many as the record has from where each leaves it."""
    cost_micros: int = 0
    """By the prices of the requests, and the record's tokens."""

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {**vars(self), "calls": dict(self.calls)}

    def add(self, walked: WalkedChain) -> None:
        """Count a request that would ask outside."""
        assert isinstance(walked.not_run, WouldAsk)
        self.open += 1
        done = {one.step for one in walked.steps}
        left = [one.name for one in CHAIN if one.name not in done]
        effects = [
            effect
            for name in left
            for event in walked.chain.outcomes(name)
            for effect in event.meta.effects
            if effect.kind in ASKED_NAMES and effect.part == 0
        ]
        request = walked.not_run.request
        kinds = Counter(effect.kind for effect in effects)
        kinds[request.SCHEMA] = max(1, kinds[request.SCHEMA])
        self.calls += kinds
        if isinstance(request, Generate):
            self.cost_micros += likely_price(request, _answer_tokens(walked.chain))
        else:
            self.cost_micros += sum(
                effect.cost_micros
                for name in left
                for event in walked.chain.outcomes(name)
                for effect in event.meta.effects
            )


def _answer_tokens(chain: RecordedChain) -> int | None:
    for event in chain.outcomes("generate"):
        if isinstance(event, TokensGenerated) and event.answer is not None:
            return event.answer.usage.completion_tokens or None
    return None


@dataclass
class WhatIfRun:
    """What a run came to."""

    findings: list[WhatIfFinding] = field(default_factory=list)
    stopped: str = ""
    """Why not all were run."""


class AskingAgain:
    """Asks recorded questions again with something changed."""

    def __init__(
        self,
        questions: RecordedQuestions,
        changed: ChangedSettings,
        work: FinishedWork,
        anew: frozenset[Any],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`progress` is told how many requests were looked at, in each pass."""
        self._questions = questions
        self._changed = changed
        self._work = work
        self._anew = anew
        self._progress = progress
        self._open: list[RecordedChain] = []
        self._told: dict[tuple[str, str], WhatIfFinding] = {}

    def _walker(self, outside: Outside) -> ChainWalker:
        asked = self._questions
        return ChainWalker(asked.codec, asked.digest_key, outside, self._changed, anew=self._anew)

    async def estimate(self) -> WhatIfEstimate:
        """Find out what the record alone can tell, and what asking for the rest will take."""
        estimate = WhatIfEstimate(requests=len(self._questions.chains))
        walker = self._walker(Outside(self._questions.local, None))
        for number, chain in enumerate(self._questions.chains, start=1):
            meta = chain.asked.meta
            finding = self._work.of(meta.tenant, meta.request)
            if finding is None or await walker.is_erased(chain):
                walked = await walker.walk(chain)
                finding = finding_of(walked)
                self._work.keep(finding)
                if finding.state == "open":
                    estimate.add(walked)
                    self._open.append(chain)
            self._told[meta.tenant, meta.request] = finding
            estimate.finished += finding.state not in {"open", "away"}
            estimate.changed += finding.state in {"changed", "leaked"}
            self._progress(number)
        return estimate

    async def ask(self, outside: Outside) -> WhatIfRun:
        """Ask for the rest, until all are finished or a cap is reached."""
        walker, away, stopped = self._walker(outside), 0, ""
        try:
            for number, chain in enumerate(self._open, start=1):
                finding = finding_of(await walker.walk(chain))
                self._work.keep(finding)
                self._told[finding.tenant, finding.request_id] = finding
                away = away + 1 if finding.state == "away" or finding.failures else 0
                if away == AWAY_MAX:
                    stopped = "; ".join(finding.failures) or finding.reason
                    break
                self._progress(number)
        except CapReached as cap:
            stopped = str(cap)
        finally:
            await outside.close()
        return WhatIfRun(self.findings(), stopped)

    def findings(self) -> list[WhatIfFinding]:
        """Return what is known of each request so far, in the order of asking."""
        return list(self._told.values())


def question_of(
    changed: ChangedSettings, chains: Sequence[RecordedChain], told: dict[str, Any]
) -> dict[str, Any]:
    """Spell all that findings depend on: what is changed into what, over which requests."""
    pairs = {
        (event.meta.step.name, event.meta.step.configuration)
        for chain in chains
        for name in chain.runs
        for event in chain.outcomes(name)
    }
    laid = {f"{step} {digest}": _laid(changed, step, digest) for step, digest in sorted(pairs)}
    policy = changed.policy("") or "as it was"
    return {**told, "code": CODE, "configurations": laid, "policy": policy}


def _laid(changed: ChangedSettings, step: str, digest: str) -> str:
    try:
        return changed.configuration(step, digest)
    except Contradiction as error:  # whoever ran with it is not run
        return str(error)
