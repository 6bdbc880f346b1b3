"""Structured answers: whether a text is JSON of a schema, and how a model is asked to mend it.

Schema and text are both written by others, so what is done for them is bounded: the keywords that
are applied are counted, patterns are matched in linear time, and no reference leads anywhere but
into the schema itself. What is over a bound was not checked, and so does not follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import re2
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import SchemaError, UnknownType
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from agents.json_texts import levels

WORK_MAX = 100_000  # keywords applied; of a large answer to a large schema some 10,000 are
DEPTH_MAX = 60  # levels of keywords within keywords: each takes some frames of a stack of 1,000
UNCHECKED = ("unevaluatedItems", "unevaluatedProperties", "$dynamicRef")
"""Keywords whose own work can't be counted."""
UNCHECKED_SAID = f"the schema uses one of {', '.join(UNCHECKED)}, which are not checked"
VALUES = ("const", "enum", "default", "examples")
"""Keywords that hold values, not schemas."""
MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
"""Keywords that hold schemas by names, which are no keywords whatever they are."""


class _Bounded(Exception):
    """What a schema asks for is not checked; says why."""


class _Work:
    """Counts what is done for one text."""

    def __init__(self) -> None:
        self._left = WORK_MAX
        self._depth = 0

    def counted(self, keyword: Callable[..., Any]) -> Callable[..., Iterator[ValidationError]]:
        """Return a keyword that counts."""

        def check(
            validator: Any, value: Any, instance: Any, schema: Any
        ) -> Iterator[ValidationError]:
            self.spend(1 + (len(instance) if isinstance(instance, dict | list) else 0))
            if self._depth >= DEPTH_MAX:
                raise _Bounded(f"it nests deeper than {DEPTH_MAX} levels")
            self._depth += 1
            try:
                yield from keyword(validator, value, instance, schema) or ()
            finally:
                self._depth -= 1

        return check

    def spend(self, work: int) -> None:
        """Count; raises _Bounded where it is too much."""
        self._left -= work
        if self._left < 0:
            raise _Bounded("it takes too long to check")


def breach(text: str, schema: str) -> str:
    """Say where a text breaks a schema, without a word of either's values; empty where it does not.

    A text that is no JSON, and one that can't be checked within the bounds, break it too.
    """
    if levels(text) > DEPTH_MAX or levels(schema) > 2 * DEPTH_MAX:
        return f"it nests deeper than {DEPTH_MAX} levels"
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return "it is no JSON"
    try:
        return _first_breach(value, json.loads(schema))
    except _Bounded as bounded:
        return str(bounded)
    except Unresolvable:
        return "the schema refers to what is not in it"
    except (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, UnknownType):
        return "the schema can't be used"


def _first_breach(value: Any, schema: Any) -> str:
    work = _Work()
    keywords = {**Draft202012Validator.VALIDATORS, **OWN, **dict.fromkeys(UNCHECKED, _unchecked)}
    counted = {name: work.counted(keyword) for name, keyword in keywords.items()}
    kind = validators.create(Draft202012Validator.META_SCHEMA, counted)
    error = next(kind(schema, registry=Registry()).iter_errors(value), None)
    if error is None:
        return ""
    place = "".join(f"[{step}]" if isinstance(step, int) else ".…" for step in error.absolute_path)
    return f"at ${place[:80]} it breaks {str(error.validator)[:40]!r}"


def fault_of(schema: str) -> str:
    """Say why no answer could be shown to follow a schema; empty where one could.

    Its words are places in the schema, never what stands there.
    """
    if levels(schema) > 2 * DEPTH_MAX:
        return f"it nests deeper than {2 * DEPTH_MAX} levels"
    try:
        content = json.loads(schema, parse_constant=_no_constant)
        Draft202012Validator.check_schema(content)
        return _fault_within(content)
    except SchemaError as error:
        return f"what it gives at {error.json_path[:80]} is no JSON schema (draft 2020-12)"
    except _Bounded as bounded:
        return str(bounded)
    except (ValueError, RecursionError):
        return "it is no JSON"


def _fault_within(schema: Any) -> str:
    """Look for what `breach` can't check, in a schema that is one."""
    references, has_ids = set(), False
    for part in _schemas_in(schema):
        if not part.keys().isdisjoint(UNCHECKED):
            return UNCHECKED_SAID
        has_ids = has_ids or isinstance(part.get("$id"), str)
        if isinstance(reference := part.get("$ref"), str):
            references.add(reference)
        for pattern in (part.get("pattern"), *(part.get("patternProperties") or ())):
            if isinstance(pattern, str):
                _compiled(pattern)
    if has_ids:  # a reference may lead to any of them
        return ""
    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    if all(_leads_within(reference, resolver) for reference in sorted(references)):
        return ""
    return "it refers to what is not in it"


def _schemas_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and those within it."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, dict):
            continue
        yield part
        for name, value in part.items():
            if name in MAPS and isinstance(value, dict):
                waiting += value.values()
            elif name not in VALUES:
                waiting.append(value)


def _leads_within(reference: str, resolver: Any) -> bool:
    if not reference.startswith("#"):
        return False
    if reference.startswith("#/"):
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError):
            return False
    return True


def mended(prompt: str, text: str, breaks: str) -> str:
    """Return the prompt that asks a model to write again what breaks its schema."""
    return f"{prompt}{text}\n\nThis is not JSON of the schema: {breaks}. Corrected JSON:\n"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unchecked(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> None:
    raise _Bounded(UNCHECKED_SAID)


def _compiled(pattern: Any) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise _Bounded("a pattern of the schema is none that is matched in linear time") from None


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError("pattern")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in patterns.items():
        matcher = _compiled(pattern)
        for name, value in instance.items():
            if matcher.search(name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional(validator: Any, additional: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    named = schema.get("properties", {})
    matchers = [_compiled(pattern) for pattern in schema.get("patternProperties", {})]
    for name, value in instance.items():
        if name in named or any(matcher.search(name) for matcher in matchers):
            continue
        if additional is False:
            yield ValidationError("additional", path=[name])
        else:
            yield from validator.descend(value, additional, path=name)


def _unique(_validator: Any, unique: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    if not unique or not isinstance(instance, list):
        return
    spelt = {json.dumps(_plain(item), sort_keys=True) for item in instance}
    if len(spelt) < len(instance):
        yield ValidationError("unique")


def _plain(value: Any) -> Any:
    """Spell 1 and 1.0 the same, as the standard takes them to be."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


OWN = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique,
}
"""Keywords that the library itself would match by backtracking, or compare in squares."""
