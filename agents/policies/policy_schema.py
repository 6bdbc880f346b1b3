"""The schema of policies: what rules may speak of (docs/how-to/policies.md tells it to people)."""

from __future__ import annotations

ACTIONS = {
    "read": ("User", "Document"),
    "restore": ("User", "Kind"),
    "send": ("User", "Host"),
    "process": ("Tenant", "Region"),
    "keep": ("Tenant", "Document"),
}
"""Action -> types of its principal and of its resource."""

SCHEMA = """
entity Tenant;
entity Group in [Tenant];
entity User in [Tenant, Group] { groups: Set<String> };
entity Document in [Tenant, Group] { class: String, uri: String, groups: Set<String> } tags String;
entity Kind;
entity Host { provider: String, model: String, regions: Set<String> };
entity Region;

action read appliesTo { principal: [User], resource: [Document], context: { mode: String } };
action restore appliesTo { principal: [User], resource: [Kind], context: {} };
action send appliesTo {
  principal: [User], resource: [Host], context: { class: String, documents: Set<String> }
};
action process appliesTo { principal: [Tenant], resource: [Region], context: {} };
action keep appliesTo { principal: [Tenant], resource: [Document], context: { age_days: Long } };
"""
