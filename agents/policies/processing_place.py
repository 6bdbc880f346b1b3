"""Where a tenant's requests and documents may be processed: residency, by region."""

from __future__ import annotations

from agents.policies.asking_rules import ruling
from agents.policies.deciding import Ruling
from agents.policies.policy_entities import plain_entity, tenant_entity
from agents.policies.rule_book import ActionRules
from agents.policies.told_rulings import by_rule


def processed(rules: ActionRules, tenant: str, region: str) -> Ruling:
    """Decide whether a tenant's texts may be processed in a region; empty is an unknown one."""
    return ruling(rules, tenant_entity(tenant), plain_entity("Region", region), {})


def unprocessed(made: Ruling, region: str) -> str:
    """Say to whoever asks that a denied request is not processed here."""
    where = f"in the region {region}" if region else "where the region is unknown (PLAYHEAD_REGION)"
    return f"Requests of this tenant may not be processed {where}, {by_rule(made)}."
