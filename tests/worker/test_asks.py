"""What a step says that it asks is what its code asks, so its worker makes just the connectors it needs."""

import ast
from pathlib import Path

import pytest

import schemas
from connectors.who_answers import CONNECTORS, connectors_for
from streams.topics import STEPS

ANSWERED = {request for row in CONNECTORS.values() for request in row}
ROOT = Path(__file__).parents[2]


def imports(module):
    """What a module imports of ours: pairs of module and name."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name


def reached_from(module):
    """A step's module and all that it imports of `agents`, directly or not."""
    reached, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        if one in reached:
            continue
        reached.add(one)
        waiting += [source for source, _ in imports(one) if source.startswith("agents.")]
    return reached


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_step_asks_what_its_row_says(step):
    named = {
        getattr(schemas, name)
        for module in reached_from(step.function.__module__)
        for source, name in imports(module)
        if source == "schemas"
    }
    assert named & ANSWERED == set(step.asks)


def test_all_steps_together_need_all_connectors():
    assert set(connectors_for(ask for step in STEPS for ask in step.asks)) == set(CONNECTORS)
