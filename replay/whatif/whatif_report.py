"""What a what-if reports, for all requests and for each tenant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from replay.whatif.whatif_figures import (
    WhatIfFigure,
    drawn_figure,
    mean,
    ratio_at,
    ratio_of_sums,
    share_of,
)
from replay.whatif.whatif_finding import AnswerSide, WhatIfFinding

FIGURES: Mapping[str, str] = {
    "answers_changed": "answers that say something else, or end in another way",
    "citations_lost": "answers that lose a passage that they cited",
    "new_blocks": "questions that would be refused, and were not",
    "new_retractions": "answers that would be retracted, and were not",
    "let_through": "requests that would be answered, and were refused or retracted",
    "new_failures": "requests that a step would give up on",
    "values_found": "questions with a value that would be replaced, and was not",
    "leaks": "questions with a value that would not be replaced, and was",
    "retrieval_overlap": "retrieved passages in common, of all that either retrieved",
    "p50_ratio": "time in steps at the median, as a multiple of the recorded one",
    "p95_ratio": "the same at the 95th percentile",
    "cost_ratio": "price of the calls, as a multiple of the recorded one",
}
"""Figure -> what it is of all requests that were run."""
Kept = Callable[[AnswerSide, AnswerSide], bool]
STATES = ("same", "changed", "leaked", "erased", "open", "away", "not_run")


def report_of(
    findings: Sequence[WhatIfFinding],
    about: Mapping[str, Any],
    stopped: str = "",
    documents: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Sum findings up: one document, which the terminal and the page show too.

    `documents` tells of their chunks, where another redaction was asked for.
    """
    tenants = sorted({finding.tenant for finding in findings})
    by_tenant = {
        tenant: summed([one for one in findings if one.tenant == tenant]) for tenant in tenants
    }
    return {
        "what_if": dict(about),
        "stopped": stopped,
        "all": summed(findings),
        "tenants": by_tenant,
        "documents": documents,
        "retroactive": [told for one in findings if (told := retroactive(one))],
        "changed": [changed_request(one) for one in findings if one.state in {"changed", "leaked"}],
        "not_run": [
            {"request_id": one.request_id, "tenant": one.tenant, "reason": one.reason}
            for one in findings
            if one.state in {"not_run", "away"}
        ],
    }


def summed(findings: Sequence[WhatIfFinding]) -> dict[str, Any]:
    """Count and compare the requests of a tenant, or of all."""
    states = Counter[str](one.state for one in findings)
    figures = figures_of(findings)
    run = [one for one in findings if one.recorded and one.now]
    return {
        "requests": len(findings),
        **{state: states[state] for state in STATES},
        "figures": {name: one.as_json() if one else None for name, one in figures.items()},
        "found": _kinds(one.kind for finding in findings for one in finding.found),
        "lost": _kinds(one.kind for finding in findings for one in finding.lost),
        "cost_micros": {
            "recorded": sum(one.recorded.cost_micros for one in run if one.recorded),
            "now": sum(one.now.cost_micros for one in run if one.now),
            "spent": sum(one.cost_micros for one in findings),
        },
        "calls": sum(one.calls for one in findings),
        "assumed": sum(bool(one.assumed) for one in findings),
        "failed_calls": sum(len(one.failures) for one in findings),
    }


def _kinds(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))


def figures_of(findings: Sequence[WhatIfFinding]) -> dict[str, WhatIfFigure | None]:
    """Compute every figure; None for one that nothing was run for."""
    known = [one for one in findings if one.state in {"same", "changed", "leaked"}]
    pairs = [(one.recorded, one.now) for one in known if one.recorded and one.now]
    told = [(then, now) for then, now in pairs if then and now]
    shares: dict[str, Kept] = {
        "answers_changed": lambda then, now: (then.text, then.ended) != (now.text, now.ended),
        "citations_lost": lambda then, now: bool(set(then.citations) - set(now.citations)),
        "new_blocks": lambda then, now: now.ended == "refused" != then.ended,
        "new_retractions": lambda then, now: now.ended == "retracted" != then.ended,
        "let_through": lambda then, now: (
            now.ended == "released" and then.ended in {"refused", "retracted"}
        ),
        "new_failures": lambda then, now: now.ended == "gave_up" != then.ended,
    }
    figures: dict[str, WhatIfFigure | None] = {
        name: share_of(sum(is_so(then, now) for then, now in told), len(told))
        for name, is_so in shares.items()
    }
    figures["values_found"] = share_of(sum(bool(one.found) for one in known), len(known))
    figures["leaks"] = share_of(sum(bool(one.lost) for one in known), len(known))
    figures["retrieval_overlap"] = drawn_figure(mean, [_overlap(*pair) for pair in told])
    then_us = [then.took_us for then, _ in told]
    now_us = [now.took_us for _, now in told]
    figures["p50_ratio"] = drawn_figure(ratio_at(50), then_us, now_us)
    figures["p95_ratio"] = drawn_figure(ratio_at(95), then_us, now_us)
    costs = [[side.cost_micros for side in sides] for sides in zip(*told, strict=True)]
    figures["cost_ratio"] = drawn_figure(ratio_of_sums, *costs) if costs else None
    return {name: figures[name] for name in FIGURES}


def _overlap(then: AnswerSide, now: AnswerSide) -> float:
    either = set(then.passages) | set(now.passages)
    return len(set(then.passages) & set(now.passages)) / len(either) if either else 1.0


def changed_request(one: WhatIfFinding) -> dict[str, Any]:
    """Tell one request that comes out otherwise."""
    return {
        "request_id": one.request_id,
        "tenant": one.tenant,
        "state": one.state,
        "step": one.step,
        "field": one.field,
        "reason": one.reason,
        "question": one.question,
        "recorded": _side(one.recorded),
        "now": _side(one.now),
        "found": [{"placeholder": v.placeholder, "kind": v.kind} for v in one.found],
        "lost": [{"placeholder": v.placeholder, "kind": v.kind} for v in one.lost],
        "assumed": list(one.assumed),
    }


def _side(side: AnswerSide | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {name: getattr(side, name) for name in side.__struct_fields__}


def retroactive(one: WhatIfFinding) -> dict[str, Any] | None:
    """Tell what a policy would have kept from a reader or a model; None for nothing."""
    if one.recorded is None or not (one.found or one.shown):
        return None
    what: list[str] = []
    if one.now is not None and one.now.ended != one.recorded.ended:
        what.append(one.now.ended)
    elif one.shown is not None:
        what.append("masked")
    if one.found:
        what.append("redacted")
    shown = one.shown
    return {
        "request_id": one.request_id,
        "tenant": one.tenant,
        "session": one.session,
        "subject": one.subject,
        "at_us": one.at_us,
        "what": what,
        "kinds": _kinds(value.kind for value in one.found),
        "categories": [
            name
            for name in (one.now.categories if one.now else ())
            if name not in one.recorded.categories
        ],
        "models": [one.recorded.model] if one.found and one.recorded.model else [],
        "tokens_shown": shown.tokens if shown else 0,
        "shown_from_us": shown.from_us if shown else None,
        "shown_until_us": shown.until_us if shown else None,
    }
