"""Which topics code names: the modules that a process may run, and the records that each of them speaks of."""

import ast
from functools import cache

from streams.topics import TOPICS
from tests.house import PACKAGES, ROOT

TOPIC_OF = {topic.record.__name__: topic.name for topic in TOPICS}
WITHOUT_LOG = ("agents/", "schemas/", "streams/topics.py")
"""Steps have rows in the topology, and are given no topic."""
LOOKS_ONLY = {"isinstance", "issubclass", "cast", "TypeVar"}


def modules_from(begins):
    """Paths of the modules that some import, wherever in them they do, and what those import."""
    found, left = set(), list(begins)
    while left:
        name = left.pop()
        if name.partition(".")[0] not in PACKAGES:
            continue
        at = ROOT / name.replace(".", "/")
        path = next(
            (one for one in (at.with_suffix(".py"), at / "__init__.py") if one.exists()), None
        )
        if path is None or path in found:  # a name within a module
            continue
        found.add(path)
        left += _imported_by(path)
    paths = {path.relative_to(ROOT) for path in found}
    return sorted(one for one in paths if not one.as_posix().startswith(WITHOUT_LOG))


@cache
def _imported_by(path):
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return tuple(names)


@cache
def records_in(path):
    """Topics of the records that a module hands on or lists, and of those that it makes."""
    named, made = set(), set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            made |= {called} & TOPIC_OF.keys()
            named |= set() if called in LOOKS_ONLY else _records(node.args)
        elif isinstance(node, ast.Tuple | ast.List) and len(_records(node.elts)) == len(node.elts):
            named |= _records(node.elts)
    return frozenset(TOPIC_OF[one] for one in named), frozenset(TOPIC_OF[one] for one in made)


def _records(nodes):
    return {getattr(node, "id", "") for node in nodes} & TOPIC_OF.keys()
