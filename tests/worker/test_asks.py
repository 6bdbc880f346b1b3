"""What a step says that it asks is what its code asks, so its worker makes just the connectors it needs."""

import pytest

import schemas
from connectors.who_answers import CONNECTORS, connectors_for
from infra.docs import imports, reached_from
from streams.topics import STEPS

ANSWERED = {request for row in CONNECTORS.values() for request in row}


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
