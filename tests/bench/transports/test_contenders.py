"""Who takes part, and what each promises."""

from importlib.util import find_spec

import pytest

from bench.transports.contenders import BASELINE, CONTENDERS, OURS, Guarantee, contender


def test_contenders_have_names_of_their_own_and_promise_no_more_than_ours():
    assert len({entry.name for entry in CONTENDERS}) == len(CONTENDERS)
    assert all(entry.guarantees <= contender(OURS).guarantees for entry in CONTENDERS)
    with pytest.raises(KeyError, match="stock Faust"):
        contender("another")


def test_the_baseline_and_ours_take_part():
    assert contender(BASELINE).name == BASELINE
    assert contender(OURS).guarantees == frozenset(Guarantee)


@pytest.mark.parametrize("entry", CONTENDERS, ids=lambda entry: entry.module)
def test_every_contender_is_a_program_of_its_own(entry):
    assert find_spec(f"bench.transports.{entry.module}")
    assert entry.distributions
