"""The pages."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/", "/review"])
async def test_a_page_runs_its_own_script_and_no_other(call, path):
    response = await call("GET", path)
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    parts = response.text.count("<script>") + response.text.count("<style>")
    assert policy.count("sha256-") == parts
    assert not any(loads in response.text for loads in ("<script ", "<link", 'src="', "@import"))
