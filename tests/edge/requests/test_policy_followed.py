"""Requests of a tenant that is pinned to a region are taken in there alone."""

import pytest

from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.policy_followed import NotProcessedHere, PolicyFollowed
from streams.log.configuration import configuration, load
from streams.settings import Settings
from tests.agents.policies.policies import RESIDENT

FORM = configuration("policy", {"cedar": RESIDENT})


def builder(tmp_path, region, policy=FORM):
    configured = ConfiguredLimits({**load(), "policy": policy})
    settings = Settings(run=tmp_path, region=region)
    return RequestBuilder(settings, Keyring(settings), edge="producer", configured=configured)


def handed_in(build, tenant):
    return [
        lambda: build.question(tenant, user="jane", text="secret", fingerprint="f"),
        lambda: build.document(tenant, uri="u", content=b"secret", fingerprint="f"),
    ]


@pytest.mark.parametrize(
    ("region", "where"), [("us", "in the region us"), ("", "region is unknown")]
)
def test_what_would_cross_is_refused_by_the_rules_name(tmp_path, region, where):
    for made in handed_in(builder(tmp_path, region), "acme"):
        with pytest.raises(NotProcessedHere, match=f"{where}.*'acme stays in the eu'"):
            made()


@pytest.mark.parametrize(("tenant", "region"), [("acme", "eu"), ("globex", "us"), ("globex", "")])
def test_what_stays_is_taken_in(tmp_path, tenant, region):
    for made in handed_in(builder(tmp_path, region), tenant):
        assert made().meta.tenant == tenant


def test_a_document_is_withdrawn_wherever_it_is(tmp_path):
    event = builder(tmp_path, "us").withdrawal("acme", document="d" * 36, fingerprint="f")
    assert event.meta.tenant == "acme"


def test_a_policy_that_can_not_be_decided_by_takes_nothing_in(tmp_path):
    broken = configuration("policy", {"cedar": "permit(principal action, resource);"})
    for made in handed_in(builder(tmp_path, "eu", broken), "globex"):
        with pytest.raises(NotProcessedHere, match="nothing is taken in"):
            made()


def test_the_policy_of_the_moment_is_followed():
    configurations = {"policy": configuration("policy", {})}
    policy = PolicyFollowed(configurations)
    policy.hold_place("acme", "us")
    configurations["policy"] = FORM
    with pytest.raises(NotProcessedHere):
        policy.hold_place("acme", "us")
    del configurations["policy"]
    policy.hold_place("acme", "us")
