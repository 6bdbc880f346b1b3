"""Hostile texts: families that grow, each made of what some reader of texts stumbled over or might."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, Self

import agents
from tests.counted_lines import CountedLines, traced

ROOM = Path(agents.__file__).parent


def filled(unit: str, size: int) -> str:
    """A text of a size that says one thing again and again."""
    return (unit * (size // len(unit) + 1))[:size]


def numbered(pattern: str, size: int) -> str:
    """A text of a size that says one thing again and again, each time with another number."""
    parts = (pattern.format(number) for number in itertools.count())
    return "".join(itertools.islice(parts, size // len(pattern) + 1))[:size]


REPEATED = {
    "short words": "x ",
    "two words": "x y ",
    "one long word": "x",
    "currency and joints": "$_",
    "pluses": "+_",
    "apostrophes": "'_",
    "open brackets": "(_",
    "genitives": "'s",
    "joints": "a-",
    "colons": "a:",
    "addresses": "a@a.",
    "dots": "a.",
    "commas": "a,",
    "brackets": "[](){}",
    "one placeholder": "<PERSON_1> ",
    "open placeholders": "<A_",
    "one-word sentences": "Ab. ",
    "abbreviations": "Dr. ",
    "zero-width joiners": "a\u200d",
    "joiners alone": "\u200d",
    "marks": "\u0301\u0323",
    "marks of marks": "\u0f73",
    "ligatures": "\ufdfa",
    "lines": "a\n",
    "line breaks": "\n",
    "spaces": " ",
    "digits": "1",
    "digits with commas": "1,",
    "digits with dashes": "1-",
    "telephones": "+1 555 123 4567 ",
    "names": "Peter Miller ",
    "quotes": '"a" ',
    "emoji": "😀",
    "unspaced": "我们在北京。",
    "pronouns": "it ",
    "determiners": "this ",
    "bridges": "a1 of the ",
    "who": "who x ",
    "orders": "ignore all a ",
    "swear words": "shit ",
    "keys": "-sk-",
    "tokens": "-eyJaaaaaaaaa",
    "passwords": ".password:",
    "begun keys": "-----BEGIN PRIVATE KEY-----",
    "levels": "[",
    "backslashes": '"\\',
    "questions": "Q: ",
    "negations": "not ",
    "negated words": "no x not ",
    "conditions": "if x unless ",
    "modal verbs": "must may x ",
    "dates": "12 May 2024 ",
    "dates of numbers": "1.2.2024/",
    "months": "May ",
    "days and hours": "May 2 at 2 pm, 1/2/2024. ",
    "questions of numbers": "$5k, 1,2 %? ",
    "numbers and units": "5 GB and 3 % ",
    "polar words": "more x less ",
}
NUMBERED = {
    "other words": "w{} ",
    "names of one word": "W{} ",
    "other sentences": "W{}. ",
    "other placeholders": "<A_{}>",
    "other addresses": "a{}@b.co ",
    "one word in common": "Ab w{}. ",
    "other numbers": "{} x ",
    "other polar words": "more w{} less ",
    "other negated words": "not w{}, ",
    "other unstable words": "unw{}stable ",
    "headings": "Head {}\n\n",
    "entries": "- entry {} of a list that has many words\n",
    "rows": "a | {}\n",
    "code": "x{} = f(1)  # a comment\n",
    "options": "-o{} --option\nDo it.\n\n",
    "numerals": "{}. A. ",
    "all layouts": "Head {}\n\nIt is:\n\n1. a w of it all\n2. b\n\na | b\nc | d\n\nx = f(1)\ny = 2  # a b c\n\n-o\nDo it.\n\n",
}
FAMILIES: dict[str, Callable[[int], str]] = {
    **{name: (lambda size, unit=unit: filled(unit, size)) for name, unit in REPEATED.items()},
    **{name: (lambda size, form=form: numbered(form, size)) for name, form in NUMBERED.items()},
    "nested phrases": lambda size: ". ".join(
        filled("x ", 2 * n) for n in range(int(size**0.5), 0, -1)
    )[:size],
    "one item of many digits": lambda size: "1" * (size // 2) + filled(". Dr", size // 2),
    "a wide table": lambda size: "a | " * (size // 8) + "b\n" + filled("c | d\n", size // 2),
    "a long lead": lambda size: (
        filled("w ", size // 2) + "it is:\n" + filled("- a b c d e\n", size // 2)
    ),
    "a gap": lambda size: "a." + " " * (size - 3) + "b",
    "a long placeholder": lambda size: "<" + filled("A_", size - 1),
    "an address at the end": lambda size: filled("a.", size - 1) + "@",
    "a marked letter": lambda size: "a" + filled("\u0301\u0323\u0f73", size - 1),
}


def lines_run(piece: Callable[[], Any]) -> Counter[tuple[str, str]]:
    """Count the lines of the steps' code that a call runs, by file and function; a loop's once a turn."""
    counts: list[tuple[CodeType, CountedLines]] = []

    def counted_by(code: CodeType) -> CountedLines | None:
        if not code.co_filename.startswith(f"{ROOM}/"):
            return None
        counts.append((code, CountedLines()))
        return counts[-1][1]

    with traced(counted_by):
        piece()
    counted: Counter[tuple[str, str]] = Counter()
    for code, lines in counts:
        counted[code.co_filename, code.co_qualname] += lines.take()
    return counted


def functions_run(piece: Callable[[], Any]) -> set[tuple[str, str]]:
    """Name the functions of the steps' code that a call runs, by file: no line is counted, which takes longest."""
    run = set[tuple[str, str]]()

    def noted(code: CodeType) -> None:
        if code.co_filename.startswith(f"{ROOM}/"):
            run.add((code.co_filename, code.co_qualname))

    with traced(noted):
        piece()
    return run


class LinesWithoutPause:
    """Counts the lines of the steps' code that run in one go; `pause` begins anew."""

    def __init__(self) -> None:
        self.most = 0
        self._counted = CountedLines()
        self._traced = traced(self._counted_by)

    def __enter__(self) -> Self:
        self._traced.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._traced.__exit__(*error)
        self.pause()

    def pause(self) -> None:
        self.most = max(self.most, self._counted.take())

    def _counted_by(self, code: CodeType) -> CountedLines | None:
        return self._counted if code.co_filename.startswith(f"{ROOM}/") else None


def functions_of_steps() -> set[tuple[str, str]]:
    """List file and qualified name of each function in the room that awaits nothing."""
    found = set()
    for file in sorted(ROOM.rglob("*.py")):
        for holder in ast.walk(ast.parse(file.read_text())):
            if isinstance(holder, ast.Module | ast.ClassDef):
                prefix = f"{holder.name}." if isinstance(holder, ast.ClassDef) else ""
                found |= {
                    (str(file), prefix + one.name)
                    for one in holder.body
                    if isinstance(one, ast.FunctionDef)
                }
    return found
