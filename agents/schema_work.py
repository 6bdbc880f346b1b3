"""How much a model's grammar has to unfold for a response schema.

Whoever serves a model turns the schema into a grammar, in which what may repeat so often stands so
often: of a schema of fifty characters it made a gigabyte, for five seconds, while others waited
(measured: 5 µs and 1 kB for an item of `maxItems`, about 1 µs for a character that a pattern
repeats). So what is counted is what a schema unfolds to, however short it is.
"""

import json
import re
from typing import Any

WORK_MAX = 10**9
"""Where counting ends: more is never of interest."""
COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains")
"""Keywords by which something repeats. Lengths of strings cost nothing."""
REPEATS = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]++|\\.)*+\]?", re.DOTALL)
DIGITS_MAX = 9  # of a number that is read: above stands WORK_MAX


def schema_work(text: str) -> int:
    """Count what a response schema unfolds to: its values, what may repeat, and its patterns.

    A text that is no JSON counts as nothing: the model refuses it.
    """
    try:
        waiting = [json.loads(text)] if text else []
    except (ValueError, RecursionError):
        return 0
    work = 0
    while waiting and work < WORK_MAX:
        value = waiting.pop()
        work += 1
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            work += sum(_count(value.get(name)) for name in COUNTS)
            work += sum(map(pattern_work, _patterns(value)))
    return min(work, WORK_MAX)


def pattern_work(pattern: str) -> int:
    """Count the characters that a regular expression unfolds to, repeats of repeats included."""
    groups, last, at = [0], 0, 0
    while at < len(pattern):
        repeats = REPEATS.match(pattern, at)
        if repeats is not None:
            times = max(1, *(_number(digits) for digits in repeats.groups() if digits))
            groups[-1] = min(WORK_MAX, groups[-1] + last * (times - 1))
            last, at = min(WORK_MAX, last * times), repeats.end()
            continue
        character, at = pattern[at], at + 1
        if character == "(":
            groups.append(0)
            last = 0
        elif character == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] = min(WORK_MAX, groups[-1] + last)
        else:
            if character == "[" and (whole := CLASS.match(pattern, at - 1)) is not None:
                at = whole.end()
            at += character == "\\"
            groups[-1], last = min(WORK_MAX, groups[-1] + 1), 1
    return min(WORK_MAX, sum(groups))


def _patterns(schema: dict[str, Any]) -> list[str]:
    pattern, of_names = schema.get("pattern"), schema.get("patternProperties")
    found = [pattern] if isinstance(pattern, str) else []
    return found + list(of_names) if isinstance(of_names, dict) else found


def _count(value: Any) -> int:
    if not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < WORK_MAX else WORK_MAX * (value > 0)


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= DIGITS_MAX else WORK_MAX
