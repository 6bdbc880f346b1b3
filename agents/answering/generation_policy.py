"""Policy: the configuration of generate, and which arm of it a request gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agents.arms import SHARES, place_of
from agents.configured.value_bounds import (
    Amount,
    ByLanguage,
    Fraction,
    ReaderText,
    Size,
    Weight,
    WithinMs,
)
from agents.errors import Permanent
from agents.prompting import PROMPT_PASSAGES_MAX, SAME_MIN
from schemas import Answer, AnswerFinishReason, ChunksRetrieved, Usage


@dataclass(frozen=True)
class GenerationPolicy:
    """Configuration of the step: agents/configuration/generate.json."""

    prompt: str
    """Template; see `agents.prompting.filled`."""
    models: list[str]
    """Models to ask, in this order, until one answers; for where there are no routes."""
    stop: list[str]
    """What ends an answer in prose."""
    temperature: Weight
    passage_tokens: Amount
    """Budget of the prompt's passages."""
    share_min: Fraction
    """Share of a statement's content words that one statement of the passages must hold."""
    near_min: Fraction
    """How near to the question that statement must be, as a share of the nearest one's score."""
    late_ms: WithinMs
    """What a model needs at least: with less time left it is not asked."""
    not_found: ReaderText
    """Answer where the documents hold none."""
    refused: ReaderText
    """Answer to a refused question that came without a reason."""
    patience_ms: WithinMs = 0
    """How long a model that is away is waited for; none in configurations of 0.1.0."""
    urgent_ms: WithinMs = 0
    """With less time left it is not waited for."""
    routes: dict[str, Any] | None = None
    """Models by route, in place of `models`; see `agents.routing`. None in those of 0.1.0."""
    asked_max: dict[str, Size] = field(default_factory=dict)
    """Bounds of what a question may ask for; none in configurations of 0.1.0."""
    nothing_about: ByLanguage = field(default_factory=dict)
    """By language, the answer where the documents hold none, with {names} of what was asked for."""
    differing: ByLanguage = field(default_factory=dict)
    """By language, what leads to passages that say different things."""
    answerable: dict[str, Any] = field(default_factory=dict)
    """`weights` of how likely passages hold an answer, and below what to `abstain`; may be none."""
    arms: list[dict[str, Any]] = field(default_factory=list)
    """Variants: name, share of the requests, and the values that differ."""
    arm: str = ""
    """Which of them this is; empty for none."""
    small_talk: dict[str, ByLanguage] = field(default_factory=dict)
    """Kind of small talk -> language -> reply; none in configurations of 0.1.0."""
    translated: dict[str, ByLanguage] = field(default_factory=dict)
    """`not_found` and `refused` in other languages: name -> language -> text."""
    tools: dict[str, Any] = field(default_factory=dict)
    """What tools there are; see `agents.tools.tool_policy`. None in configurations of 0.1.0."""
    passages_max: Amount = PROMPT_PASSAGES_MAX
    """First stage of a prompt: passages that are looked at."""
    same_min: Fraction = SAME_MIN
    """First stage: share of common content words from which two passages say the same."""
    order: Literal["retrieved", "nearest"] = "retrieved"
    """First stage: passages as they were retrieved, or those with the nearest statements first."""
    adaptive: dict[str, Weight] | None = None
    """Second stage: in place of `passage_tokens`; see `agents.prompting.distilled`."""
    distilling: dict[str, Any] | None = None
    """A small model that chooses the prompt's statements; see `agents.answering.distilling`."""
    experiment: str = ""
    """What the arms are compared in; its name is part of what decides on a request's arm."""

    def said(self, name: str, language: str) -> str:
        """Return `not_found` or `refused` in a language, or as it is where it has no such text."""
        text: str = getattr(self, name)
        return self.translated.get(name, {}).get(language, text)

    def small_talk_reply(self, kind: str, language: str) -> str:
        """Return the reply to small talk, in English where the language has none."""
        replies = self.small_talk.get(kind, {})
        return replies.get(language) or replies.get("en") or self.not_found

    def for_request(self, request: str) -> GenerationPolicy:
        """Return the policy of the arm that a request gets, by a hash of its id.

        The experiment's name goes into the hash, so that one experiment's arm says nothing of the
        next one's. Raises Permanent for an arm that can't be used.
        """
        place = place_of(self.experiment, request)
        for arm in self.arms:
            try:
                values = dict(arm)
                name, share = values.pop("name"), values.pop("share")
                place -= round(share * SHARES)
                chosen = replace(self, **values, arm=name, arms=[])
            except (KeyError, TypeError, ValueError) as error:
                raise Permanent(
                    f"configuration of generate: arm {arm.get('name', '?')}: "
                    f"{type(error).__name__}: {error}; see generate.json"
                ) from None
            if place < 0:
                return chosen
        return self


def policy_of(configuration: Mapping[str, Any]) -> GenerationPolicy:
    """Read the configuration; raises Permanent that says what it lacks."""
    try:
        return GenerationPolicy(**configuration)
    except TypeError as error:
        raise Permanent(f"configuration of generate: {error}; see generate.json") from None


def answer_of(
    event: ChunksRetrieved, text: str, finish_reason: AnswerFinishReason, **fields: Any
) -> Answer:
    """Make the answer to an event; `fields` are those that a model or the passages give."""
    values = {"usage": Usage(), "degraded": event.degraded, **fields}
    return Answer(
        text=text,
        finish_reason=finish_reason,
        question=event.question,
        query=event.query,
        **values,
    )
