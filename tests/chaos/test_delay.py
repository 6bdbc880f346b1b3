"""The time from a kill until work goes on, in its parts."""

from types import SimpleNamespace

import pytest

from tests.chaos.delay import PARTS, Life, LifeWatch, parts_of


def test_lives_are_noted_as_they_begin_are_ready_and_end(tmp_path):
    seat, watch = SimpleNamespace(number=0, ready=tmp_path / "ready", process=None), LifeWatch()
    watch.look(0.0, [seat])
    seat.process = "first"
    watch.look(1.0, [seat])
    seat.ready.touch()
    watch.look(3.0, [seat])
    watch.look(4.0, [seat])
    seat.process = None
    watch.look(5.0, [seat])
    seat.ready.unlink()
    seat.process = "second"
    watch.look(6.0, [seat])
    seat.process = "third"
    watch.look(7.0, [seat])
    assert watch.lives == [
        Life(0, 1.0, 3.0, 5.0),
        Life(0, 6.0, None, 7.0),
        Life(0, 7.0, None, None),
    ]


@pytest.mark.parametrize(
    ("waited_s", "expected"),
    [(9.0, (1.0, 3.0, 5.0)), (2.0, (1.0, 3.0, 0.0))],  # others had taken over before it was ready
)
def test_the_parts_of_a_kill_follow_the_worker_that_was_killed(waited_s, expected):
    lives = [
        Life(0, 0.0, 2.0, 10.1),  # killed at 10
        Life(1, 0.0, 2.0, None),
        Life(1, 10.2, 10.3, None),  # another's
        Life(0, 11.0, 14.0, None),
        Life(0, 30.0, 31.0, None),
    ]
    parts = parts_of([10.0], lives, lambda _: waited_s)
    assert tuple(parts[name] for name in PARTS) == tuple([part] for part in expected)


@pytest.mark.parametrize(
    ("lives", "waited_s"),
    [
        ([Life(0, 0.0, 2.0, 10.0)], 9.0),  # it did not come back
        ([Life(0, 0.0, 2.0, 10.0), Life(0, 11.0, None, 12.0)], 9.0),  # killed before it was ready
        ([Life(0, 0.0, 2.0, 10.0), Life(0, 11.0, 12.0)], None),  # no record came any more
    ],
)
def test_what_has_no_end_has_no_parts(lives, waited_s):
    assert parts_of([10.0], lives, lambda _: waited_s) == {name: [] for name in PARTS}
