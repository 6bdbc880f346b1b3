"""Tool policy: what is configured, read with its bounds."""

import pytest

from agents.errors import Permanent
from agents.tools.tool_policy import HOSTS_MAX, tool_policy_of
from tests.agents.tools.tooling import ORIGIN, tools


def test_a_tenant_has_its_own_tools_and_others_those_of_everybody():
    configured = {"tenants": {"*": {"use": ["calculator"]}, "acme": {"use": ["retrieval"]}}}
    policy = tool_policy_of(configured)
    assert policy.tenant("acme").use == ("retrieval",)
    assert policy.tenant("globex").use == ("calculator",)
    assert tool_policy_of({"tenants": {}}).tenant("acme").use == ()


def test_without_a_configuration_there_are_none():
    assert tool_policy_of({}) is None


def test_a_host_is_its_scheme_its_name_and_its_port():
    policy = tool_policy_of(tools())
    assert policy.host(ORIGIN).credential == "env:WEATHER_KEY"
    for other in (
        "http://api.example.com:443",
        "https://api.example.com:80",
        "https://example.com:443",
    ):
        assert policy.host(other) is None


def test_a_sentence_is_said_in_the_language_or_in_english():
    policy = tool_policy_of(tools())
    assert policy.sentence("exact", "de", expression="1 + 1", value="2") == "1 + 1 ist 2."
    assert policy.sentence("exact", "fi", expression="1 + 1", value="2") == "1 + 1 is 2."


@pytest.mark.parametrize(
    "configured",
    [
        {"more": 1},
        {"limits": {"steps_max": 0}},
        {"limits": {"time_ms": -1}},
        {"hosts": [{"origin": "api.example.com"}]},
        {"hosts": [{"origin": ORIGIN, "credential_header": "a b"}]},
        {"hosts": [{"origin": ORIGIN}] * (HOSTS_MAX + 1)},
        {"tenants": {"acme": {"use": "calculator"}}},
    ],
)
def test_what_cannot_be_used_is_said(configured):
    with pytest.raises(Permanent, match="configuration of the tools"):
        tool_policy_of(configured)
