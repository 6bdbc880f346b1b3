"""What an effect answers now beside what it answered then: the first field that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replay.effect_rules import described
from schemas import Event, Generated, Record, Request

WHERE_ONLY = frozenset({"index", "position", "took_us"})
"""Fields that tell where an answer was found, and nothing of what was."""
SHOWN_MAX = 80  # characters of a value


@dataclass(frozen=True)
class EffectDifference:
    """An effect that was answered otherwise than then."""

    step: str
    effect: int
    kind: str
    request: str
    """What was asked, each field cut short."""
    field: str
    recorded: str
    now: str

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return dict(vars(self))

    def __str__(self) -> str:
        return (
            f"effect {self.effect} ({self.kind}): {self.field or 'the answer'}: "
            f"recorded {self.recorded}, now {self.now}"
        )


def effect_difference(
    step: str,
    number: int,
    request: Request[Any],
    recorded: Sequence[Record | Exception],
    now: Sequence[Record | Exception],
) -> EffectDifference | None:
    """Say in which field two answers differ first; None where they say the same.

    A streamed answer is compared as a whole: how it was cut into parts is the moment's.
    """
    place = first_field(_whole(recorded), _whole(now))
    if place is None:
        return None
    return EffectDifference(step, number, request.SCHEMA, described(request), *place)


def first_field(one: Any, other: Any, path: str = "") -> tuple[str, str, str] | None:
    """Name the first field in which two values differ, with both, cut short."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = [name for name in one if name not in WHERE_ONLY]
        pairs = ((f"{path}.{name}" if path else name, one[name], other.get(name)) for name in names)
        return next((found for at, a, b in pairs if (found := first_field(a, b, at))), None)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other) and not (one and other):
            return path, f"{len(one)} entries", f"{len(other)} entries"
        pairs = ((f"{path}[{at}]", a, b) for at, (a, b) in enumerate(zip(one, other, strict=False)))
        found = next((found for at, a, b in pairs if (found := first_field(a, b, at))), None)
        if found is None and len(one) != len(other):
            return path, f"{len(one)} entries", f"{len(other)} entries"
        return found
    return None if one == other else (path, _short(one), _short(other))


def _whole(parts: Sequence[Record | Exception]) -> Any:
    """Spell an answer as what it says; of an error its kind and message."""
    if failed := next((one for one in parts if isinstance(one, Exception)), None):
        kind = getattr(failed, "recorded_kind", type(failed).__name__)
        return f"{kind}: {failed}"
    told = [one for one in parts if isinstance(one, Record)]
    if told and isinstance(told[0], Generated):
        generated = [one for one in told if isinstance(one, Generated)]
        return {
            "text": "".join(token.text for one in generated for token in one.tokens),
            "finish_reason": generated[-1].finish_reason,
            "model": generated[-1].model,
            "tool_calls": [call.to_avro() for one in generated for call in one.tool_calls],
        }
    return told[0].to_avro() if told else None


def same_content(one: Event, other: Event) -> bool:
    """Say whether two outcomes say the same, whoever came to them, and when."""
    return content_difference(one, other) is None


def content_difference(one: Event, other: Event) -> tuple[str, str, str] | None:
    """Name the first field in which two outcomes differ, their meta and times aside."""
    if one.SCHEMA != other.SCHEMA:
        return "", one.SCHEMA, other.SCHEMA
    return first_field(_content(one), _content(other))


def _content(event: Event) -> dict[str, Any]:
    values: dict[str, Any] = event.to_avro()
    return {name: value for name, value in values.items() if name not in {"meta", "times"}}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
