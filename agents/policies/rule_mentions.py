"""Mentions: by what of a principal or resource rules decide, read from their JSON.

Things that are alike in all of that are decided alike, so the engine is asked once for them. A rule
that names one thing, or a pattern, tells apart what is it, or fits, and what does not. Where a rule
takes a thing as a whole in another way, all of it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class RuleMention(NamedTuple):
    """One way in which rules tell things apart."""

    kind: str
    """whole, parents (tenant and groups), attribute, tag, named, or like."""
    name: str = ""
    """Of an attribute or tag, or id of the thing that is named."""
    pattern: tuple[str, ...] = ()
    """Of `like`: what stands between its wildcards."""


WHOLE = RuleMention("whole")
PARENTS = RuleMention("parents")


def mentions(
    rules: Sequence[Mapping[str, Any]], variable: str, own: str
) -> tuple[RuleMention, ...]:
    """List how rules tell things apart, in one order.

    `own` is the type of what stands for the variable, `principal` or `resource`.
    """
    found: set[RuleMention] = set()
    for rule in rules:
        found |= _of_scope(rule[variable], own)
        for condition in rule["conditions"]:
            found.update(_of_expression(condition["body"], variable, own))
    return (WHOLE,) if WHOLE in found else tuple(sorted(found))


def fits(text: str, pattern: Sequence[str]) -> bool:
    """Say whether a text fits a pattern of Cedar: pieces in their order, anything in between.

    Each piece is looked for once, so it is linear in text and pattern.
    """
    first, last = pattern[0], pattern[-1]
    if len(pattern) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    if not text.endswith(last):
        return False
    here, end = len(first), len(text) - len(last)
    for piece in pattern[1:-1]:
        at = text.find(piece, here, end)
        if at < 0:
            return False
        here = at + len(piece)
    return True


def _of_scope(scope: Mapping[str, Any], own: str) -> set[RuleMention]:
    named = [scope["entity"]] if "entity" in scope else []
    if isinstance(scope.get("in"), Mapping):  # `is T in E`
        named.append(scope["in"]["entity"])
    return {_of_entity(entity, own) for entity in named}


def _of_entity(entity: Mapping[str, Any], own: str) -> RuleMention:
    return RuleMention("named", entity["id"]) if entity["type"] == own else PARENTS


def _of_expression(root: Any, variable: str, own: str) -> Iterator[RuleMention]:
    """Walk an expression without recursion: rules are long before they are deep."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Mapping):
            told = _of_node(node, variable, own)
            if told is not None:
                yield from told
            else:
                waiting += node.values()


def _of_node(node: Mapping[str, Any], variable: str, own: str) -> list[RuleMention] | None:
    """Say what a node mentions; None where its parts are to be looked at."""
    if node.get("Var") == variable:
        return [WHOLE]
    for operator, inner in node.items():
        if not isinstance(inner, Mapping):
            continue
        left, right = inner.get("left"), inner.get("right")
        if operator == "like" and (attribute := _attribute_of(left, variable)):
            return [RuleMention("like", attribute, _pieces(inner["pattern"]))]
        if operator == "==" and right == {"Var": variable}:
            left, right = right, left
        if left != {"Var": variable}:
            continue
        if operator in {".", "has"}:
            return [RuleMention("attribute", str(inner["attr"]))]
        if operator in {"hasTag", "getTag"} and _is_text(right):
            return [RuleMention("tag", str(right["Value"]))]  # type: ignore[index]
        if operator in {"==", "in"} and (named := _entities(right)):
            return [_of_entity(entity, own) for entity in named]
    return None


def _attribute_of(node: Any, variable: str) -> str:
    """Name the attribute of the variable that a node is; empty where it is none."""
    inner = node.get(".") if isinstance(node, Mapping) else None
    if isinstance(inner, Mapping) and inner.get("left") == {"Var": variable}:
        return str(inner["attr"])
    return ""


def _is_text(node: Any) -> bool:
    return isinstance(node, Mapping) and isinstance(node.get("Value"), str)


def _pieces(pattern: Sequence[Any]) -> tuple[str, ...]:
    """Join the letters between wildcards."""
    pieces = [""]
    for one in pattern:
        if isinstance(one, Mapping):
            pieces[-1] += str(one["Literal"])
        else:
            pieces.append("")
    return tuple(pieces)


def _entities(node: Any) -> list[Mapping[str, Any]]:
    """List the entities that a node is, one or a set of them; none where it is something else."""
    if not isinstance(node, Mapping):
        return []
    entries = node["Set"] if isinstance(node.get("Set"), list) else [node]
    found = []
    for entry in entries:
        value = entry.get("Value") if isinstance(entry, Mapping) else None
        entity = value.get("__entity") if isinstance(value, Mapping) else None
        if not isinstance(entity, Mapping):
            return []
        found.append(entity)
    return found
