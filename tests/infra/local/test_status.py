"""How components are said to be."""

import pytest

from infra.local import run_folder, status


def entry(state):
    return {"state": state, "url": None, "pid": None, "restarts": 0}


@pytest.fixture
def run(tmp_path):
    def says(supervisor=7, **states):
        components = {name: entry(state) for name, state in states.items()}
        state = {"supervisor": supervisor, "components": components}
        run_folder.write_json(tmp_path / "state.json", state)
        return tmp_path

    return says


@pytest.mark.parametrize("said", [{}, {"components": None}, {"components": []}])
def test_where_nothing_is_said_no_component_is(said):
    assert status.entries_of(said) == {}


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ({"kafka": "ready"}, True),
        ({"kafka": "ready", "worker": "starting"}, False),
        ({"kafka": "unhealthy"}, False),
        ({}, False),
    ],
)
def test_all_are_ready_when_each_is_and_there_is_one(run, states, ready):
    assert status.all_ready(run(**states), 7) is ready


def test_what_another_supervisor_started_does_not_count(run):
    assert not status.all_ready(run(supervisor=8, kafka="ready"), 7)


@pytest.mark.parametrize("state", ["waiting", "starting", "restarting"])
def test_a_component_on_its_way_is_waited_for_where_it_is_wanted(run, state):
    folder = run(kafka="ready", worker=state)
    assert status.is_starting(folder, frozenset({"kafka", "worker"}))
    assert not status.is_starting(folder, frozenset({"kafka"}))


@pytest.mark.parametrize("state", ["ready", "failed", "stopped", "unhealthy"])
def test_what_has_come_to_an_end_is_not_waited_for(run, state):
    assert not status.is_starting(run(worker=state), frozenset({"worker"}))
