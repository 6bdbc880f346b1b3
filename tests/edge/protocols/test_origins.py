"""Which pages may call."""

import pytest

from edge.problems import Problem
from edge.protocols.origins import check_origin

OWN = "https://chat.acme.test:8443"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        OWN,
        "https://chat.acme.test",
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://[::1]:9",
    ],
)
def test_programs_pages_of_our_own_and_of_this_machine_may_call(origin):
    check_origin(origin, OWN)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://evil.test",
        "https://chat.acme.test.evil.test",
        "https://evil.test/chat.acme.test",
        "https://localhost.evil.test",
        "file://",
        "chat.acme.test",
        "http://[::1",
        "http://[",
    ],
)
def test_other_pages_may_not(origin):
    with pytest.raises(Problem) as refused:
        check_origin(origin, OWN)
    assert refused.value.status == 403
