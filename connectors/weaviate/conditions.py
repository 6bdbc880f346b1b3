"""Conditions on objects, as Weaviate's protocol spells them.

Each is on one property, which the schema must index for it; `every` joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from weaviate.proto.v1 import base_pb2

Condition: TypeAlias = base_pb2.Filters


def equal(name: str, value: str | int) -> Condition:
    """Let through what has this value; a truth value is one too."""
    if isinstance(value, bool):
        return _condition("OPERATOR_EQUAL", name, value_boolean=value)
    if isinstance(value, int):
        return _condition("OPERATOR_EQUAL", name, value_int=value)
    return _condition("OPERATOR_EQUAL", name, value_text=value)


def less(name: str, value: int) -> Condition:
    """Let through what is less."""
    return _condition("OPERATOR_LESS_THAN", name, value_int=value)


def at_most(name: str, value: int) -> Condition:
    """Let through what is no more."""
    return _condition("OPERATOR_LESS_THAN_EQUAL", name, value_int=value)


def any_text(name: str, values: Iterable[str]) -> Condition:
    """Let through what is, or holds, one of these texts."""
    texts = base_pb2.TextArray(values=values)
    return _condition("OPERATOR_CONTAINS_ANY", name, value_text_array=texts)


def any_number(name: str, values: Iterable[int]) -> Condition:
    """Let through what is one of these numbers."""
    numbers = base_pb2.IntArray(values=values)
    return _condition("OPERATOR_CONTAINS_ANY", name, value_int_array=numbers)


def every(conditions: Sequence[Condition]) -> Condition:
    """Let through what all of them do."""
    return base_pb2.Filters(operator="OPERATOR_AND", filters=conditions)


def _condition(operator: str, name: str, **value: object) -> Condition:
    target = base_pb2.FilterTarget(property=name)
    return base_pb2.Filters(operator=operator, target=target, **value)  # type: ignore[arg-type]
