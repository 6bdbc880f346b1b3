"""Moderate: release an answer batch by batch, and say at the end whether it stands.

Each batch is checked before anyone sees it (`agents.patterns`); text that could still become part
of a match waits for the next batch. A rule that masks shows its replacement, one that blocks ends
the release, and the answer is retracted with its last batch. The verdict then weighs the whole
answer, by terms and by moderation's model (`agents.classifier`), so what was shown may still be
withdrawn. The model is asked with the last batch and before that is shown: an answer of one batch
is judged before anyone sees it.

What stands word for word in a cited passage is the tenant's own document speaking, not the model:
it is weighed apart from the rest, by higher bounds. Sentences of the answer that are sentences of
a citation's quote count as such.

Why it is so: batches are inputs of their own and may meet different processes, so what is
remembered between them is a row of the request, read and written through `fx`. The first batch
reads nothing and the last one writes nothing: an answer of one batch costs no effect at all.
"""

from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any

import regex
from msgspec.structs import replace

from agents.classifier import NOTHING, ClassifierVerdict, judged
from agents.effects import Effects
from agents.errors import Permanent
from agents.language import sentences
from agents.normal_forms import folded
from agents.patterns import Rules, rules_of
from agents.placeholders import placeholders_in
from agents.reader_language import in_language
from schemas import (
    Answer,
    AnswerReleased,
    AnswerRetracted,
    Batch,
    MapEntry,
    ReadRelease,
    ReleaseState,
    TokensGenerated,
    TokensReleased,
    Verdict,
    WriteRelease,
)

OURS = frozenset(("not_found", "refused", "search", "calculated", "tools_ended"))
"""Finish reasons of texts that are written in the configuration: no model has to judge them."""
# letters that stand for others where someone avoids a word list
DISGUISES = str.maketrans("013457@$!", "oieastasi")

UNSEEN = frozenset({"Mn", "Cf"})
"""Categories of accents that stand apart from their letters, and of what has no width."""


async def moderate(
    event: TokensGenerated, fx: Effects
) -> AsyncIterator[TokensReleased | AnswerReleased | AnswerRetracted]:
    """Check one batch; with the last one, close the answer.

    Raises Permanent where the batch before it was never checked: what was held back then is not
    known, and releasing around it would fail open.
    """
    policy = fx.configuration
    rules = rules_of(policy["rules"])
    number, last = event.batch.number, event.batch.last
    anew = event.restart or (number == 0 and event.meta.attempt > 1)
    state = await _remembered(event, fx)
    if anew:
        state = replace(state, released="", held="", blocked=False, categories=())
    text, state = _check(rules, state, event.text, event.meta.request, final=last)
    state = replace(state, batch=number, batches=state.batches + 1)
    finding = NOTHING
    if not last:
        await fx(WriteRelease(state=state))
    elif not state.blocked and event.answer is not None:
        finding = await _found(event, event.answer, state.released, fx)
        text = "" if finding.refuses else text
    yield TokensReleased(
        batch=Batch(number=state.batches - 1, last=last),
        restart=anew,
        text=text,
        entries=state.entries if number == 0 else (),
        subject=event.subject,
    )
    if last:
        yield _close(event, state, finding, rules, policy)


async def _found(
    event: TokensGenerated, answer: Answer, text: str, fx: Effects
) -> ClassifierVerdict:
    """Ask moderation's model about a whole answer, where it is configured and a model may speak."""
    if "classifier" not in fx.configuration or answer.finish_reason in OURS:
        return NOTHING
    policy = fx.configuration["classifier"]
    own, quoted = parted(text, answer)
    own = "\n".join([own, *(call.arguments for call in answer.tool_calls)])
    return await judged(event, [(own, policy["heads"]), (quoted, policy["quoted"])], fx)


def parted(text: str, answer: Answer) -> tuple[str, str]:
    """Part an answer's own sentences from those that its citations quote."""
    quotes = {sentence for cited in answer.citations for sentence in sentences(cited.quote)}
    own: list[str] = []
    quoted: list[str] = []
    for sentence in sentences(text):
        (quoted if sentence in quotes else own).append(sentence)
    return "\n".join(own), "\n".join(quoted)


async def _remembered(event: TokensGenerated, fx: Effects) -> ReleaseState:
    """Return what the batch before left; raises Permanent where that is not known."""
    number = event.batch.number
    if number == 0:
        return ReleaseState(batch=-1, entries=event.entries)
    state = await fx(ReadRelease(batch=number))
    if state.batch != number - 1:
        raise Permanent(
            f"batch {number} of an answer, but the table of releases has batch {state.batch}: "
            "re-drive the answer's batches in their order"
        )
    return state


def _check(
    rules: Rules, state: ReleaseState, text: str, request: str, *, final: bool
) -> tuple[str, ReleaseState]:
    """Check new text behind what was held back; return what to show, and what to remember."""
    if state.blocked:
        return "", state
    checked = rules.check(state.released, state.held + text, final=final, request=request)
    return checked.released, replace(
        state,
        released=state.released + checked.released,
        held=checked.held,
        blocked=checked.blocked,
        categories=tuple(dict.fromkeys((*state.categories, *checked.categories))),
    )


def _close(
    event: TokensGenerated,
    state: ReleaseState,
    finding: ClassifierVerdict,
    rules: Rules,
    policy: Mapping[str, Any],
) -> AnswerReleased | AnswerRetracted:
    """Say whether the whole answer stands."""
    if event.answer is None:
        raise Permanent("the last batch holds no answer: generate must put one there")
    above = [] if state.blocked else _above(state.released, event.answer, policy)
    allowed = not (state.blocked or above or finding.refuses)
    verdict = Verdict(
        allowed=allowed,
        categories=tuple(dict.fromkeys((*state.categories, *above, *finding.categories))),
        policy=policy["policy"],
        scores=finding.scores,
        model=finding.model,
        degraded=finding.degraded,
    )
    if not allowed:
        reason = _retracted(event.answer.question, policy)
        return AnswerRetracted(reason=reason, verdict=verdict, subject=event.subject)
    answer = _shown(event.answer, state.released, rules)
    return AnswerReleased(
        text=state.released,
        answer=answer,
        verdict=verdict,
        entries=_needed(answer, state.entries),
        subject=event.subject,
    )


def _above(text: str, answer: Answer, policy: Mapping[str, Any]) -> list[str]:
    """Name the categories whose terms weigh too much, in what is said and in what is quoted."""
    bounds = [(text, policy["score_max"])]
    if "quoted_score_max" in policy:
        own, quoted = parted(text, answer)
        bounds = [(own, policy["score_max"]), (quoted, policy["quoted_score_max"])]
    return [
        category
        for part, most in bounds
        for category, score in scores(part, policy["terms"]).items()
        if score > most
    ]


def _retracted(question: str, policy: Mapping[str, Any]) -> str:
    """Say that an answer was withdrawn, as who asked may read it."""
    said: str | dict[str, str] = policy["retracted"]
    return said if isinstance(said, str) else in_language(said, question)


def _shown(answer: Answer, text: str, rules: Rules) -> Answer:
    """Return the answer as a reader may see it: whatever else it shows passes the same rules."""
    return replace(
        answer,
        text=text,
        citations=tuple(
            replace(citation, quote=rules.mask(citation.quote), title=rules.mask(citation.title))
            for citation in answer.citations
        ),
        neutralised=tuple(replace(one, text=rules.mask(one.text)) for one in answer.neutralised),
        tools=tuple(
            replace(use, arguments=rules.mask(use.arguments), result=rules.mask(use.result))
            for use in answer.tools
        ),
        tool_calls=tuple(
            replace(call, arguments=rules.mask(call.arguments)) for call in answer.tool_calls
        ),
    )


def _needed(answer: Answer, entries: tuple[MapEntry, ...]) -> tuple[MapEntry, ...]:
    """Keep the entries of placeholders that the answer or its citations show."""
    called = (call.arguments for call in answer.tool_calls)
    shown = [answer.text, *called, *(f"{cited.title} {cited.quote}" for cited in answer.citations)]
    used = set(placeholders_in(" ".join(shown)))
    return tuple(entry for entry in entries if entry.placeholder in used)


def scores(text: str, terms: list[dict[str, Any]]) -> dict[str, float]:
    """Score a whole text by category, 0 to 1; categories that nothing speaks for are left out.

    Each match of a term is taken as independent evidence of its weight: 1 - Π(1 - weight). The
    text is read as it stands and with common disguises taken off, whichever scores higher.
    """
    readings = dict.fromkeys((_plain(text), _plain(text).translate(DISGUISES)))
    highest: dict[str, float] = {}
    for reading in readings:
        doubts: dict[str, float] = {}
        for term in terms:
            for _ in _term(term["pattern"]).finditer(reading):
                doubts[term["category"]] = doubts.get(term["category"], 1.0) * (1 - term["weight"])
        for category, doubt in doubts.items():
            highest[category] = max(highest.get(category, 0.0), 1 - doubt)
    return highest


def _plain(text: str) -> str:
    """Fold case, width, accents and white space away, and what has no width at all."""
    return " ".join(folded("NFKD", text, UNSEEN).split())


@lru_cache(maxsize=256)
def _term(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)
