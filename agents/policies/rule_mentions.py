"""Mentions: by what of a principal or resource rules decide, read from their JSON.

Things that are alike in all of that are decided alike, so the engine is asked once for them. Where
a rule takes a thing as a whole (`==`, a set that may hold it) all of it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WHOLE = "*"
"""Mentions the thing itself: no other is like it."""
PARENTS = "in"
"""Mentions what the thing lies in: its tenant and its groups."""
TAG = "tag:"


def mentions(rules: Sequence[Mapping[str, Any]], variable: str, own: str) -> frozenset[str]:
    """List attributes, tags (after TAG), PARENTS and WHOLE, as far as rules mention them.

    `own` is the type of what stands for the variable, `principal` or `resource`.
    """
    found: set[str] = set()
    for rule in rules:
        found |= _of_scope(rule[variable], own)
        for condition in rule["conditions"]:
            found.update(_of_expression(condition["body"], variable, own))
    return frozenset(found)


def _of_scope(scope: Mapping[str, Any], own: str) -> set[str]:
    named = [scope["entity"]] if "entity" in scope else []
    if isinstance(scope.get("in"), Mapping):  # `is T in E`
        named.append(scope["in"]["entity"])
    return {WHOLE if entity["type"] == own else PARENTS for entity in named}


def _of_expression(root: Any, variable: str, own: str) -> Iterator[str]:
    """Walk an expression without recursion: rules are long before they are deep."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Mapping):
            told = _of_node(node, variable, own)
            if told is not None:
                yield told
            else:
                waiting += node.values()


def _of_node(node: Mapping[str, Any], variable: str, own: str) -> str | None:
    """Say what a node mentions; None where its parts are to be looked at."""
    if node.get("Var") == variable:
        return WHOLE
    for operator, inner in node.items():
        if not isinstance(inner, Mapping) or inner.get("left") != {"Var": variable}:
            continue
        if operator in {".", "has"}:
            return str(inner["attr"])
        if operator in {"hasTag", "getTag"} and isinstance(inner["right"].get("Value"), str):
            return TAG + str(inner["right"]["Value"])
        if operator == "in" and not _names(inner["right"], own):
            return PARENTS
    return None


def _names(node: Mapping[str, Any], own: str) -> bool:
    """Say whether a node is more than entities of other types, one or a set of them."""
    entries = node["Set"] if isinstance(node.get("Set"), list) else [node]
    for entry in entries:
        value = entry.get("Value") if isinstance(entry, Mapping) else None
        entity = value.get("__entity") if isinstance(value, Mapping) else None
        if not isinstance(entity, Mapping) or entity.get("type") == own:
            return True
    return False
