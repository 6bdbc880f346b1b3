"""What tests of sources run over: a tenant who follows some, over a log in memory."""

import pytest

from tests.edge.sources.followed import FollowedTenant


@pytest.fixture
def acme(tmp_path):
    return FollowedTenant(tmp_path / "run")
