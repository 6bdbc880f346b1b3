"""What a changed setting would have done to one request: placeholders only, no plain value."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from replay.whatif.chain_walk import WalkedChain
from replay.whatif.outside import Away, SubjectErased, WouldAsk
from replay.whatif.recorded_chains import CHAIN
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    EventRejected,
    MapEntry,
    QuestionRedacted,
    TokensGenerated,
    TokensReleased,
)

RequestState = Literal["same", "changed", "leaked", "erased", "open", "away", "not_run"]
"""open: it would ask outside; away: whoever would answer is; both are run another time."""
REASON_MAX = 600  # characters of what is told of a request


class AnswerSide(msgspec.Struct, frozen=True):
    """How a request ended, then or now."""

    ended: Literal["released", "retracted", "refused", "gave_up"]
    text: str = ""
    finish_reason: str = ""
    model: str = ""
    citations: tuple[str, ...] = ()
    """Chunks, each once."""
    passages: tuple[str, ...] = ()
    """Chunks that were retrieved, best first."""
    categories: tuple[str, ...] = ()
    """What moderation found."""
    took_us: int = 0
    """In steps: what lay between them is left out."""
    cost_micros: int = 0


class ValueMention(msgspec.Struct, frozen=True):
    """A value of a question, by what stands in its place."""

    placeholder: str
    kind: str


class AnswerShown(msgspec.Struct, frozen=True):
    """What a reader was shown of an answer, and from when to when."""

    tokens: int
    """As many as would not have been shown."""
    from_us: int
    until_us: int | None
    """When it was retracted; None where it still stands."""


class WhatIfFinding(msgspec.Struct, frozen=True):
    """What came of one request."""

    request_id: str
    tenant: str
    session: str
    subject: str
    at_us: int
    state: RequestState
    reason: str = ""
    step: str = ""
    """The first whose outcome is another one."""
    field: str = ""
    question: str = ""
    recorded: AnswerSide | None = None
    now: AnswerSide | None = None
    found: tuple[ValueMention, ...] = ()
    """Values of the question that are found now, and were not."""
    lost: tuple[ValueMention, ...] = ()
    """Values that were found, and are not now."""
    shown: AnswerShown | None = None
    """Where less would have been shown: what was."""
    calls: int = 0
    cost_micros: int = 0
    """Of the calls that were made to find this out."""
    assumed: tuple[str, ...] = ()
    """Tables that nobody here could read: taken for empty."""
    failures: tuple[str, ...] = ()
    """Live calls that failed for good."""

    @property
    def is_final(self) -> bool:
        """Whether it need not be run another time: all calls were answered.

        What was lacking here before anybody was asked may be here then: a key store, or its end.
        """
        lacking = self.state == "not_run" and not self.calls
        return self.state not in {"open", "away"} and not self.failures and not lacking

    @property
    def is_run(self) -> bool:
        """Whether both of its ends are known."""
        return self.now is not None and self.recorded is not None


def finding_of(walked: WalkedChain) -> WhatIfFinding:
    """Tell what came of a walk."""
    chain, masked = walked.chain, walked.plain.masked
    meta = chain.asked.meta
    about: dict[str, Any] = {
        "request_id": meta.request,
        "tenant": meta.tenant,
        "session": meta.session,
        "subject": chain.asked.subject,
        "at_us": meta.at,
        "calls": walked.calls,
        "cost_micros": walked.cost_micros,
        "assumed": walked.assumed,
        "failures": tuple(masked(one)[:REASON_MAX] for one in walked.failures),
    }
    if walked.not_run is not None:
        reason = masked(str(walked.not_run))[:REASON_MAX]
        return WhatIfFinding(**about, state=_state_of(walked.not_run), reason=reason)
    about["recorded"] = then = side_of(chain.outcomes, masked)
    about["found"], about["lost"] = _mentions(chain.outcomes("redact"), walked.outcomes("redact"))
    step = walked.first_difference
    if step is None or step.difference is None:
        about["now"] = then
        return WhatIfFinding(**about, state="same")
    asked = next(iter(walked.outcomes("redact")), None)
    about |= {"step": step.step, "field": step.difference[0]}
    about["question"] = masked(asked.text) if isinstance(asked, QuestionRedacted) else ""
    if walked.leaked:
        reason = f"{', '.join(walked.leaked)} would stand in plain, so nobody is asked further"
        return WhatIfFinding(**about, state="leaked", reason=reason)
    about["now"] = now = side_of(walked.outcomes, masked)
    failed = next((one.failed for one in walked.steps if one.failed), "")
    told = masked(failed or step.strayed)[:REASON_MAX]
    shown = _shown(chain.outcomes("moderate"), then, now)
    return WhatIfFinding(**about, state="changed", reason=told, shown=shown)


def _state_of(reason: BaseException) -> RequestState:
    match reason:
        case SubjectErased():
            return "erased"
        case WouldAsk():
            return "open"
        case Away():
            return "away"
    return "not_run"


def side_of(outcomes: Callable[[str], Sequence[Event]], masked: Callable[[str], str]) -> AnswerSide:
    """Tell how a request ended, by what each step came to."""
    by_step = {one.name: list(outcomes(one.name)) for one in CHAIN}
    events = [event for of in by_step.values() for event in of]
    retrieved = next((one for one in events if isinstance(one, ChunksRetrieved)), None)
    answer = next(
        (one.answer for one in reversed(events) if isinstance(one, TokensGenerated) and one.answer),
        None,
    )
    end = next((e for e in events if isinstance(e, AnswerReleased | AnswerRetracted)), None)
    cited = answer.citations if answer else ()
    text = end.text if isinstance(end, AnswerReleased) else ""
    if isinstance(end, AnswerRetracted):
        text = "".join(one.text for one in events if isinstance(one, TokensReleased))
    return AnswerSide(
        ended=_ended(events, end),
        text=masked(text),
        finish_reason=answer.finish_reason if answer else "",
        model=answer.model if answer else "",
        citations=tuple(dict.fromkeys(one.chunk for one in cited)),
        passages=tuple(one.chunk for one in retrieved.passages) if retrieved else (),
        categories=end.verdict.categories if end else (),
        took_us=sum(_took(of) for of in by_step.values()),
        cost_micros=sum(one.cost_micros for event in events for one in event.meta.effects),
    )


def _ended(
    events: Sequence[Event], end: Event | None
) -> Literal["released", "retracted", "refused", "gave_up"]:
    if any(getattr(event, "outcome", "") == "refused" for event in events):
        return "refused"
    if isinstance(end, AnswerRetracted):
        return "retracted"
    if end is None or any(isinstance(event, EventRejected) for event in events):
        return "gave_up"
    return "released"


def _took(events: Sequence[Event]) -> int:
    """Return how long the last run of a step took: of moderate's that over the last batch."""
    spans: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    cause = ""
    for event in events:
        cause = event.meta.cause.id if event.meta.cause else ""
        spans[cause] += [(one.started, one.started + one.took_us) for one in event.meta.effects]
    last = spans[cause]
    return max(end for _, end in last) - min(began for began, _ in last) if last else 0


def _mentions(
    recorded: Sequence[Event], now: Sequence[Event]
) -> tuple[tuple[ValueMention, ...], tuple[ValueMention, ...]]:
    """List the values of a question that only one of two redactions found."""
    then, here = _entries(recorded), _entries(now)
    found = tuple(_mention(one) for key, one in here.items() if key not in then)
    refused = any(getattr(event, "outcome", "") == "refused" for event in now)
    lost = () if refused else tuple(_mention(o) for key, o in then.items() if key not in here)
    return found, lost


def _entries(events: Sequence[Event]) -> dict[str, MapEntry]:
    told = [event for event in events if isinstance(event, QuestionRedacted)]
    return {entry.digest: entry for event in told for entry in event.entries}


def _mention(entry: MapEntry) -> ValueMention:
    return ValueMention(entry.placeholder, entry.kind)


def _shown(moderated: Sequence[Event], then: AnswerSide, now: AnswerSide) -> AnswerShown | None:
    """Say how much of an answer was shown that would not have been; None for nothing."""
    released = [e for e in moderated if isinstance(e, TokensReleased) and e.text]
    if not released or then.ended != "released":
        return None
    withheld = now.ended in {"retracted", "refused"}
    more = [one for one in now.categories if one not in then.categories]
    if not (withheld or more):
        return None
    before, after = then.text.split(), [] if withheld else now.text.split()
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = sum(block.size for block in blocks)
    retracted = [e.meta.at for e in moderated if isinstance(e, AnswerRetracted)]
    until = retracted[-1] if retracted else None
    return AnswerShown(len(before) - kept, released[0].meta.at, until)
