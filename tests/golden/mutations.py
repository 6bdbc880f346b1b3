"""Mutations: one-line changes of the code, such as a slip of the hand makes, which an outcome should show.

Found by the syntax tree and made in the text, so that each can be shown as a line of today and a line of the mutant.
Left alone is what no outcome can show: annotations, docstrings, decorators, messages of errors, assertions, that of
`zip(..., strict=True)` among them.

mutmut and cosmic-ray were looked at: both run a test command in a process of its own for each mutant, over a tree that
they rewrite, which with this product's imports is seconds a mutant and minutes of the golden logs; neither can judge by
two measures in turn, nor name a mutant so that an edit elsewhere leaves its name.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

OPERATORS = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"),
    ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"), ast.BitOr: ("|", "&"), ast.BitAnd: ("&", "|"),
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "bisect_left": "bisect_right",
           "bisect_right": "bisect_left"}  # fmt: skip
LEFT_OUT = {"strip", "rstrip", "lstrip", "lower", "upper", "casefold"}
"""Methods without which the text itself goes on."""
REORDERED = {"sorted", "sort"}
UNWRAPPED = {"reversed", "sorted", "set", "frozenset"}


@dataclass(frozen=True)
class Mutant:
    """A change of one place of a file."""

    file: str
    line: int
    before: str
    """The line as it is, without what it is indented by."""
    after: str
    source: str
    """The whole file with the change."""
    again: int
    """How often the same change of the same text came before in the file."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Name it by what it says, not by where it stands."""
        return self.file, self.before, self.after, self.again

    def rank(self, seed: int) -> str:
        """Draw its place in a sample: no edit of another line changes it."""
        return hashlib.sha256(repr((seed, *self.key)).encode()).hexdigest()


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from one place of the file to another one."""

    start: tuple[int, int]
    """Line from 1, and byte within it."""
    end: tuple[int, int]
    text: str


def mutants_of(root: Path, file: str) -> tuple[Mutant, ...]:
    """Make all mutants of a file of a tree."""
    source = (root / file).read_bytes()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    parts = _parts_of(source)
    seen: Counter[tuple[str, str]] = Counter()
    made = []
    for edit in sorted(set(edits_of(source)), key=lambda edit: (edit.start, edit.end, edit.text)):
        at, end = (starts[line - 1] + column for line, column in (edit.start, edit.end))
        changed = source[:at] + edit.text.encode() + source[end:]
        line = edit.start[0]
        edited = changed.splitlines(keepends=True)
        part = next(part for part in parts if line in part)
        if not _compiles(b"".join(edited[part.start - 1 : part.stop - 1]), file):
            continue
        before = lines[line - 1].decode().strip()
        after = edited[line - 1].decode().strip()
        made.append(Mutant(file, line, before, after, changed.decode(), seen[before, after]))
        seen[before, after] += 1
    return tuple(made)


def _parts_of(source: bytes) -> list[range]:
    """Return the lines of each part that is Python by itself: one statement of the module, or more on one line.

    To compile the part that an edit stands in is as good as to compile the file, and a fraction of the work.
    """
    parts: list[range] = []
    for node in ast.parse(source).body:
        begun = [node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]
        assert node.end_lineno is not None
        part = range(min(begun), node.end_lineno + 1)
        if parts and part.start in parts[-1]:
            part = range(parts.pop().start, part.stop)
        parts.append(part)
    return parts


def _compiles(source: bytes, file: str) -> bool:
    """Say whether it is Python: an operand in brackets begins before its brackets."""
    try:
        compile(source, file, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def sample(mutants: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """Draw so many, in the order of the draw: whoever ends early has judged a sample, too."""
    return sorted(mutants, key=lambda mutant: mutant.rank(seed))[:size]


def edits_of(source: bytes) -> Iterator[Edit]:
    """Find what can be changed."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    yield from finder.edits


def _start(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr | ast.stmt) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes) -> None:
        self.edits: list[Edit] = []
        self._lines = source.splitlines(keepends=True)

    def _put(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        if start[0] == end[0]:  # one line alone
            self.edits.append(Edit(start, end, text))

    def _text(self, node: ast.expr) -> str:
        (line, start), (last, end) = _start(node), _end(node)
        return self._lines[line - 1][start:end].decode() if line == last else ""

    def _operator(self, left: ast.expr, right: ast.expr, operator: ast.AST) -> None:
        """Replace an operator that stands between two operands, on one line."""
        spelt = OPERATORS.get(type(operator))
        (line, start), (last, end) = _end(left), _start(right)
        if spelt is None or line != last:
            return
        between = self._lines[line - 1][start:end].decode()
        place = between.find(spelt[0])
        if place >= 0:
            at = start + len(between[:place].encode())
            self._put((line, at), (line, at + len(spelt[0])), spelt[1])

    # ---------------------------------------------------------------- what is left alone

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave messages alone."""

    visit_Assert = visit_JoinedStr = visit_Raise

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Look at defaults and body."""
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Look at the body."""
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Look at the value."""
        if node.value is not None:
            self.visit(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        """Look at the value; `strict=True` asserts that two are of one length."""
        if node.arg != "strict":
            self.generic_visit(node)

    # ---------------------------------------------------------------- what is changed

    def visit_Expr(self, node: ast.Expr) -> None:
        """Drop a call whose value nobody takes."""
        if isinstance(node.value, ast.Constant):
            return
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            self._put(_start(node), _end(node), "pass")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Move a bound, turn a comparison."""
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self._operator(left, right, operator)
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Turn `and` to `or`."""
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._operator(left, right, node.op)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Turn a sum; not one of texts, whose difference is no mutant but an error."""
        texts = (ast.JoinedStr, ast.Tuple, ast.List)
        spelt = [side for side in (node.left, node.right)
                 if isinstance(side, texts) or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))]  # fmt: skip
        if not spelt:
            self._operator(node.left, node.right, node.op)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Turn a sum that is kept."""
        self._operator(node.target, node.value, node.op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Leave a `not` or a sign out."""
        if isinstance(node.op, ast.Not | ast.USub):
            line, column = _start(node)
            self._put(
                (line, column), (line, column + (4 if isinstance(node.op, ast.Not) else 1)), ""
            )
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Make a number the next one, turn a truth, misspell a word."""
        value = node.value
        if isinstance(value, bool):
            self._put(_start(node), _end(node), str(not value))
        elif isinstance(value, int):
            self._put(_start(node), _end(node), str(value + 1))
        elif isinstance(value, float):
            self._put(_start(node), _end(node), repr(round(value * 1.1 + 0.001, 6)))
        elif (
            isinstance(value, str)
            and self._text(node).startswith(('"', "'"))
            and value.isidentifier()
        ):
            self._put(_start(node), _end(node), repr(value + "_"))

    def visit_If(self, node: ast.If | ast.IfExp | ast.While) -> None:
        """Turn a condition."""
        self._put(_start(node.test), _end(node.test), f"not ({self._text(node.test)})")
        self.generic_visit(node)

    visit_IfExp = visit_If

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Leave a condition of a comprehension out."""
        for condition in node.ifs:
            self._put(_start(condition), _end(condition), "True")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        """Leave a loop early."""
        self._put(_start(node), _end(node), "break")

    def visit_Break(self, node: ast.Break) -> None:
        """Go on with a loop."""
        self._put(_start(node), _end(node), "continue")

    def visit_Call(self, node: ast.Call) -> None:
        """Call another, none, or in another order."""
        function = node.func
        if isinstance(function, ast.Name) and function.id == "TypeVar":
            return
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if isinstance(function, ast.Name) and name in SWAPPED:
            self._put(_start(function), _end(function), SWAPPED[name])
        if isinstance(function, ast.Name) and name in UNWRAPPED and len(node.args) == 1:
            self._put(_start(node), _end(node), f"list({self._text(node.args[0])})")
        if name in REORDERED and all(keyword.arg != "reverse" for keyword in node.keywords):
            line, column = _end(node)
            self._put(
                (line, column - 1),
                (line, column),
                ", reverse=True)" if node.args or node.keywords else "reverse=True)",
            )
        if isinstance(function, ast.Attribute) and name in LEFT_OUT and not node.args:
            self._put(_end(function.value), _end(node), "")
        self.generic_visit(node)
