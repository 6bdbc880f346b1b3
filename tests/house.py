"""Measures of the house: how long files and functions are, how much test there is, how much of it replaces code.

What is counted, and how:

- Product code is every .py file of the packages of the wheel, and of bench, but for generated ones (GENERATED) and for
  the models that Triton runs with an interpreter of its own.
- A file's lines are all of its lines. A function's lines go from `def` to its end, docstring included, decorators not;
  a function inside another one counts for itself and is part of the other one.
- A percentile is that of the nearest rank: p90 is the smallest value that 90 % of the values don't exceed.
- Test code of a package is every .py file under tests/<package>. What lies in tests/ itself, in tests/end_to_end or in
  tests/chaos is of no package.
- A test is a function or method whose name begins with `test`; its cases are not counted.
- Replaced code is each call that puts something in the place of a name of ours while a test runs: `setattr`, `delattr`
  or `setitem` of pytest's monkeypatch (any name but the builtin's), `patch` or `patch.object` of unittest.mock. A name
  is ours unless it stands in a module that is not: `monkeypatch.setattr("os.environ", …)` and
  `monkeypatch.setattr(sys, "argv", …)` replace nothing of ours, `monkeypatch.setattr(module, "LIMIT", 3)` does. Calls
  in fixtures and in helpers count once, like those in tests. Mock objects count like a replacement.
- A name of a type is that of a class, wherever it is defined, or of a module's alias for a type: a name that is spelt
  like a class and bound in the module's body, type variables left out. Generated records count here: the log's names
  come first. It stands twice where two modules define it. A module's name stands twice where two files have it.
"""

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
PACKAGES = (
    "agents",
    "bench",
    "connectors",
    "edge",
    "evals",
    "infra",
    "replay",
    "schemas",
    "streams",
    "worker",
)
GENERATED = frozenset({"schemas/records.py", "schemas/wire.py", "schemas/canonical.py"})
FOREIGN_INTERPRETER = ("infra/triton/models/", "bench/models/")
REPLACING = frozenset({"setattr", "delattr", "setitem"})
MOCKING = frozenset({"patch", "Mock", "MagicMock", "AsyncMock", "PropertyMock", "create_autospec"})
CLASS_LIKE = re.compile(r"_?[A-Z]\w*[a-z]\w*")
TYPE_VARIABLES = frozenset({"TypeVar", "ParamSpec", "TypeVarTuple"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def product_files(package: str, root: Path = ROOT) -> list[Path]:
    """Return the hand-written files of a package, sorted."""
    files = []
    for file in sorted((root / package).rglob("*.py")):
        name = file.relative_to(root).as_posix()
        if name not in GENERATED and not name.startswith(FOREIGN_INTERPRETER):
            files.append(file)
    return files


def files_of_tests(package: str, root: Path = ROOT) -> list[Path]:
    """Return the files of a package's tests, sorted."""
    return sorted((root / "tests" / package).rglob("*.py"))


def lines_of(file: Path) -> int:
    """Count the lines of a file."""
    return len(file.read_text(encoding="utf-8").splitlines())


def percentile(values: Iterable[int], share: float) -> int:
    """Return the smallest value that a share of the values doesn't exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else 0


@lru_cache(1)
def _parsed(source: str) -> ast.Module:
    """Parse once what several measures are taken of, one after the other."""
    return ast.parse(source)


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield name and lines of each function."""
    for node in ast.walk(_parsed(source)):
        if isinstance(node, Function):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def number_of_tests(source: str) -> int:
    """Count tests."""
    return sum(name.startswith("test") for name, _ in functions(source))


def replaced_in(source: str) -> list[int]:
    """Return the lines at which code of ours is replaced."""
    if not any(
        word in source for word in REPLACING | MOCKING
    ):  # as in most files, which are quickly passed over
        return []
    tree = _parsed(source)
    foreign = _foreign_names(tree)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sorted(call.lineno for call in calls if _replaces(call, foreign))


def _foreign_names(tree: ast.Module) -> set[str]:
    """Return the names that stand for modules, or for parts of modules, that are not ours."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if not _ours(alias.name):
                    names.add(alias.asname or alias.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom) and not _ours(node.module or ""):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _ours(module: str) -> bool:
    return module.partition(".")[0] in {*PACKAGES, "tests", ""}


def _replaces(call: ast.Call, foreign: set[str]) -> bool:
    name = _name_of(call.func)
    last = name.rpartition(".")[2]
    if name.rpartition(".")[0] and last in REPLACING:
        return bool(call.args) and _is_ours(call.args[0], foreign)
    if last in MOCKING or name.endswith("patch.object"):
        return not call.args or _is_ours(call.args[0], foreign)
    return False


def _name_of(node: ast.expr) -> str:
    """Spell a dotted name; what is not one is spelled as `?`."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{_name_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def _is_ours(target: ast.expr, foreign: set[str]) -> bool:
    """Tell whether the target of a replacement is a name of ours."""
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        return _ours(target.value)
    name = _name_of(target)
    # a library as one of our modules sees it, `monkeypatch.setattr(module.tempfile, …)`, is a name of ours: the test
    # has to know by what means our module does its work
    return name.partition(".")[0] not in foreign


def type_names(source: str) -> set[str]:
    """Return the classes that a module defines, and its aliases for types."""
    tree = ast.parse(source)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    return classes | {name for node in tree.body for name in _aliases(node)}


def _aliases(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign):
        targets, value = [node.target], node.value
    else:
        return
    if isinstance(value, ast.Call) and _name_of(value.func).rpartition(".")[2] in TYPE_VARIABLES:
        return
    for target in targets:
        if isinstance(target, ast.Name) and CLASS_LIKE.fullmatch(target.id):
            yield target.id


def types_twice(root: Path = ROOT) -> dict[str, frozenset[str]]:
    """Return the names of types that two modules define, and these modules."""
    files = _all_files(root)
    return _twice((name, file, root) for file in files for name in type_names(file.read_text()))


def modules_twice(root: Path = ROOT) -> dict[str, frozenset[str]]:
    """Return the names that two modules have, and these modules; those of packages are left out."""
    return _twice((file.stem, file, root) for file in _all_files(root) if file.stem != "__init__")


def _all_files(root: Path) -> list[Path]:
    """Return the files of all packages, the generated ones too."""
    files = [file for package in PACKAGES for file in product_files(package, root)]
    return files + [file for name in sorted(GENERATED) if (file := root / name).exists()]


def _twice(named: Iterable[tuple[str, Path, Path]]) -> dict[str, frozenset[str]]:
    places: defaultdict[str, set[str]] = defaultdict(set)
    for name, file, root in named:
        places[name].add(file.relative_to(root).as_posix())
    return {name: frozenset(files) for name, files in places.items() if len(files) > 1}
