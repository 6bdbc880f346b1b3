"""How many files a process may have open."""

import resource

import pytest

from streams.running.open_files import allow_open_files

ENDLESS = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "becomes"),
    [
        (1_024, 20_000, 9_216, 9_216),
        (1_024, 4_096, 9_216, 4_096),
        (1_024, ENDLESS, 9_216, 9_216),
        (20_000, 20_000, 9_216, None),
        (ENDLESS, ENDLESS, 9_216, None),
        (4_096, 4_096, 9_216, 4_096),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_the_hard_one_lets_and_never_lowered(
    monkeypatch, soft, hard, wanted, becomes
):
    limits = {resource.RLIMIT_NOFILE: (soft, hard)}
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    now = allow_open_files(wanted)
    assert limits[resource.RLIMIT_NOFILE] == (soft if becomes is None else becomes, hard)
    assert now == (becomes or (wanted if soft == ENDLESS else soft))
