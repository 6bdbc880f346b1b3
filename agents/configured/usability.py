"""Problems: what keeps a step from working by a configuration, said before it comes into force.

A step itself reads values as they come, for it runs by what the log holds. So all that it could
stumble over is looked for here: names, types and bounds, then what must fit together, by the same
functions that the step reads it with.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec
import regex

from agents.answering.distilling import distilling_of
from agents.answering.generation_policy import GenerationPolicy
from agents.arms import OF_ARMS, SHARES, changes_of
from agents.asked import SIZES
from agents.checking.answerability import answerable
from agents.chunk_policies import ChunkPolicy
from agents.configured.personal_lists import hold_policies
from agents.configured.types_of_steps import (
    EmbedConfiguration,
    IndexConfiguration,
    IngestConfiguration,
    LimitsConfiguration,
    ModerateConfiguration,
    PolicyConfiguration,
    ProducersConfiguration,
    RedactConfiguration,
    RetrieveConfiguration,
    RewriteConfiguration,
)
from agents.dictionaries import forms_of
from agents.errors import BeyondMeans, Permanent
from agents.patterns import rules_of
from agents.placeholders import inexpressible
from agents.policies.placed_faults import hold_loadable, hold_valid
from agents.policies.policy_in_force import rules_in
from agents.policies.policy_text import PolicyFault
from agents.routing import Routes, routes_of
from schemas.prepared_types import prepared

TYPES: Mapping[str, type[Any]] = {
    "ingest": IngestConfiguration,
    "redact": RedactConfiguration,
    "embed": EmbedConfiguration,
    "index": IndexConfiguration,
    "rewrite": RewriteConfiguration,
    "retrieve": RetrieveConfiguration,
    "generate": GenerationPolicy,
    "moderate": ModerateConfiguration,
    "policy": PolicyConfiguration,
    "producers": ProducersConfiguration,
    "limits": LimitsConfiguration,
}
"""Step, policy, producers or limits -> what it can be configured with."""
prepared(*TYPES.values())
OF_EXPERIMENTS = OF_ARMS
NOT_CONFIGURED = ("arm",)
"""Fields that a request's own policy has, and no configuration."""
ADAPTIVE = ("near", "tokens_max")
SLOTS = ("{{passages}}", "{{question}}")
SHOWN_MAX = 60  # characters of a value that is told back
_AT = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key` in `)?\$\.?(?P<path>.*)`)?\Z", re.DOTALL)


class Unusable(ValueError):
    """A configuration by which a step can't work; the message names the field and what to do."""


def known_fields(step: str) -> tuple[str, ...]:
    """TermName the values that a step can be configured with; raises KeyError for no step."""
    of = TYPES[step]
    names = (one.name for one in fields(of)) if of is GenerationPolicy else of.__struct_fields__
    return tuple(name for name in names if name not in NOT_CONFIGURED)


def hold_usable(step: str, values: Mapping[str, Any]) -> None:
    """Raise Unusable for a configuration by which a step can't work."""
    known = known_fields(step)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean `{near[0]}`? " if near else ""
            raise Unusable(f"`{name}` is nothing that {step} knows: {meant}It knows {_list(known)}")
    _hold_types(step, values)
    fits = FITTING.get(step)
    if fits is not None:
        fits(values)


def hold_choosable(step: str, values: Mapping[str, Any]) -> None:
    """Raise Unusable for a configuration that may not come into force; one that is may stay."""
    hold_usable(step, values)
    if step == "policy":
        _hold_policy(hold_loadable, values)


def _hold_types(step: str, values: Mapping[str, Any]) -> None:
    try:
        msgspec.convert(values, TYPES[step])
    except msgspec.ValidationError as error:
        told = _AT.fullmatch(str(error))
        assert told is not None
        path = _named(step, values, told["path"] or "")
        if told["key"]:
            raise Unusable(f"`{path}`: a name in it is none: {told['what']}: mend it") from None
        raise Unusable(_said(told["what"], path, _at(values, path))) from None


def _said(what: str, path: str, value: Any) -> str:
    """Say what is wrong with which field, and what to do about it."""
    if "missing required field" in what:
        name = what.rpartition("`")[0].rpartition("`")[2]
        return f"`{f'{path}.' if path else ''}{name}` is missing: add it"
    if "unknown field" in what:
        name = what.rpartition("`")[0].rpartition("`")[2]
        return f"`{path}.{name}` is unknown: remove it, or mend its spelling"
    shown = "" if isinstance(value, dict | list) else f", and it is {_short(value)}"
    return f"`{path}`: {what[:1].lower()}{what[1:]}{shown}: write one that is so"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _list(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _named(step: str, values: Mapping[str, Any], path: str) -> str:
    """Put the key in the place of each `[...]`, by which the library means some key of a map."""
    while "[...]" in path:
        before, _, after = path.partition("[...]")
        held = _at(values, before)
        if not isinstance(held, dict):
            return path
        guilty = (
            key for key in held if not _converts(step, _with(values, before, {key: held[key]}))
        )
        path = f"{before}.{next(guilty, '')}{after}"
    return path


def _converts(step: str, values: Mapping[str, Any]) -> bool:
    try:
        msgspec.convert(values, TYPES[step])
    except msgspec.ValidationError:
        return False
    return True


def _parts(path: str) -> list[str | int]:
    return [
        int(number) if number else name
        for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    ]


def _at(values: Any, path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    for part in _parts(path):
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _with(values: Any, path: str, put: Any) -> Any:
    """Return values with something else at a path."""
    parts = _parts(path)
    if not parts:
        return put
    first, rest = parts[0], "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts[1:])
    inner = _with(values[first], rest, put)
    if isinstance(values, list):
        return [inner if at == first else one for at, one in enumerate(values)]
    return {**values, first: inner}


# ---------------------------------------------------------------------- what must fit together


def _ingest_fits(values: Mapping[str, Any]) -> None:
    if not values["policies"]:
        raise Unusable("`policies` names no way to cut a document: add one, such as `procedural`")
    for name, policy in values["policies"].items():
        try:
            ChunkPolicy.read(policy)
        except Permanent as error:
            raise Unusable(f"`policies.{name}`: {error}") from None
    default = values.get("default_policy", "")
    if default and default not in values["policies"]:
        raise Unusable(
            f"`default_policy`: there is no policy {default!r}: name one of "
            f"{', '.join(sorted(values['policies']))}"
        )


def _redact_fits(values: Mapping[str, Any]) -> None:
    if unnamed := inexpressible(values["repeated_kinds"]):
        raise Unusable(
            f"`repeated_kinds`: no placeholder can name {unnamed[0]}: write it in capital "
            "letters joined by single underscores, such as IP_ADDRESS"
        )
    hold_policies(values, Unusable)
    for at, pattern in enumerate(values["refused_patterns"]):
        _hold_pattern(f"refused_patterns[{at}]", pattern, re.compile)
    for category, said in values.get("refusals", {}).items():
        _hold_english(f"refusals.{category}", said)


def _retrieve_fits(values: Mapping[str, Any]) -> None:
    _hold_bounds(values)
    if values["reranked"] > values["candidates"]:
        raise Unusable(
            f"`reranked`: {values['reranked']} of {values['candidates']} `candidates` can't be "
            "ranked: lower it, or raise `candidates`"
        )
    for tenant, groups in values.get("dictionary", {}).items():
        for at, group in enumerate(groups):
            if nameless := [name for name in group if not forms_of(name)]:
                raise Unusable(
                    f"`dictionary.{tenant}[{at}]`: {nameless[0]!r} holds no word: write a name"
                )
    _hold_experiment("retrieve", values)


def _moderate_fits(values: Mapping[str, Any]) -> None:
    try:
        rules_of(values["rules"])
    except ValueError as error:
        raise Unusable(f"`rules`: {error}") from None
    for at, term in enumerate(values["terms"]):
        _hold_pattern(f"terms[{at}].pattern", term["pattern"], regex.compile)
    if isinstance(values["retracted"], dict):
        _hold_english("retracted", values["retracted"])
    classifier = values.get("classifier")
    if classifier and set(classifier["heads"]) - set(classifier.get("quoted", {})):
        raise Unusable(
            "`classifier.quoted` lacks a bound for a head of `classifier.heads`: give each one"
        )


def _generate_fits(values: Mapping[str, Any]) -> None:
    _hold_prompt(values["prompt"])
    _hold_bounds(values)
    try:
        routes = routes_of(values.get("routes"))
    except Permanent as error:
        raise Unusable(f"`routes`: {error}") from None
    _hold_distilling(values.get("distilling"), routes)
    if not values["models"] and not values.get("routes"):
        raise Unusable("`models` is empty and there are no `routes`: name a model")
    adaptive = values.get("adaptive")
    if adaptive is not None and set(adaptive) != set(ADAPTIVE):
        raise Unusable(f"`adaptive` must have {' and '.join(ADAPTIVE)}, and nothing else")
    if weighed := values.get("answerable"):
        _hold_answerable(weighed)
    _hold_experiment("generate", values)


def _hold_distilling(configured: Mapping[str, Any] | None, routes: Routes | None) -> None:
    try:
        how = distilling_of(configured)
    except Permanent as error:
        raise Unusable(f"`distilling`: {error}") from None
    if how and how.route not in {route.name for route in (routes.routes if routes else ())}:
        raise Unusable(f"`distilling.route` names {how.route!r}, which is none of the `routes`")


def _hold_prompt(prompt: str) -> None:
    for slot in SLOTS:
        if slot not in prompt:
            raise Unusable(f"`prompt` has no {slot}: write it where that belongs")


def _hold_answerable(weighed: Mapping[str, Any]) -> None:
    try:
        float(weighed["abstain"])
        answerable("Who keeps the key?", ["The porter keeps the key."], weighed["weights"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(
            f"`answerable`: {type(error).__name__}: {error}: give `abstain` and `weights` as "
            "agents/configuration/answerable-1.json does"
        ) from None


def _hold_experiment(step: str, values: Mapping[str, Any]) -> None:
    """Look at the arms: each must be a configuration of its own, together at most all requests."""
    arms, seen, parts = values.get("arms", []), set[str](), 0
    if arms and not values.get("experiment"):
        raise Unusable("`experiment` is missing: name what the `arms` are compared in")
    for at, arm in enumerate(arms):
        name, share = arm.get("name"), arm.get("share")
        place = f"arms[{at}]"
        if not isinstance(name, str) or not re.fullmatch(r"[\w][\w.-]{0,63}", name):
            raise Unusable(f"`{place}.name` must be a word of up to 64 letters, digits, . - or _")
        if name in seen or name == "control":
            raise Unusable(f"`{place}.name`: {name} names another arm already: choose another name")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise Unusable(f"`{place}.share` must be a number above 0 and up to 1")
        seen.add(name)
        parts += round(share * SHARES)
        changed = changes_of(arm)
        if unfit := [key for key in OF_EXPERIMENTS if key in changed]:
            raise Unusable(f"`{place}.{unfit[0]}`: an arm has no arms of its own: remove it")
        rest = {key: value for key, value in values.items() if key not in OF_EXPERIMENTS}
        try:
            hold_usable(step, {**rest, **changed})
        except Unusable as error:
            raise Unusable(f"`{place}` ({name}): {error}") from None
    if parts > SHARES:
        raise Unusable(f"`arms` ask for {parts / SHARES:.0%} of all requests: lower their shares")


def _hold_bounds(values: Mapping[str, Any]) -> None:
    for name in values.get("asked_max", {}):
        if name not in SIZES:
            raise Unusable(
                f"`asked_max.{name}` is nothing that is asked for: it has {_list([*SIZES])}"
            )


def _hold_pattern(path: str, pattern: str, compile_: Callable[[str], Any]) -> None:
    try:
        compile_(pattern)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise Unusable(f"`{path}` is no pattern: {error}: mend it") from None


def _hold_english(path: str, said: Mapping[str, str]) -> None:
    if "en" not in said:
        raise Unusable(f"`{path}` has no text in English, which others fall back to: add `en`")


def _rewrite_fits(values: Mapping[str, Any]) -> None:
    _hold_experiment("rewrite", values)


def _policy_fits(values: Mapping[str, Any]) -> None:
    _hold_policy(hold_valid, values)


def _hold_policy(hold: Callable[[str], None], values: Mapping[str, Any]) -> None:
    try:
        hold(rules_in(values))
    except PolicyFault as error:
        raise Unusable(f"`cedar`: {error}") from None
    except BeyondMeans:
        # what is judged unusable gives way to the policy before it, or to none: without its engine
        # a process takes the policy, and then decides nothing
        return


FITTING: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "ingest": _ingest_fits,
    "redact": _redact_fits,
    "rewrite": _rewrite_fits,
    "retrieve": _retrieve_fits,
    "moderate": _moderate_fits,
    "generate": _generate_fits,
    "policy": _policy_fits,
}
"""What must fit together in a step's configuration, beside types and bounds."""
