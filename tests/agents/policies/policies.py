"""Policies that several tests decide by."""

from schemas import DescribedDocument

OPEN = '@id("all may read")\npermit(principal, action == Action::"read", resource);\n'
HIDING = OPEN + (
    '@id("salaries are for hr")\n'
    'forbid(principal, action == Action::"read", resource)\n'
    'when { resource.class == "salaries" } unless { principal in Group::"acme/hr" };\n'
)
RESIDENT = (
    '@id("acme stays in the eu")\n'
    'forbid(principal == Tenant::"acme", action == Action::"process", resource)\n'
    'unless { resource == Region::"eu" };\n'
    '@id("others anywhere")\npermit(principal, action == Action::"process", resource);\n'
)
SENDING = (
    '@id("hosts")\npermit(principal, action == Action::"send", resource);\n'
    '@id("secrets stay")\n'
    'forbid(principal, action == Action::"send", resource)\n'
    'when { context.documents.contains("secret") || context.class == "personal" }\n'
    'unless { resource.provider == "triton" };\n'
)


def a_document(name="d", groups=(), uri="handbook/d.md", **metadata):
    return DescribedDocument(document=name, uri=uri, metadata=metadata, groups=groups)


def governed(fx, text, region=""):
    """Have a run go by a policy."""
    fx.policy_digest, fx.policy_values, fx.region = "p" * 64, {"cedar": text}, region
    return fx
