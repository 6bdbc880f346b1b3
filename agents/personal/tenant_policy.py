"""Tenant policy: what of redact's configuration counts for one tenant.

    kinds         which kinds are replaced, from which score of the detector on
    allow         what is never replaced: texts, patterns, digests (agents/personal/term_lists.py)
    deny          what always is, by kind: the same
    fields        what happens to the fields of records (agents/personal/record_fields.py)
    consistent    document or tenant: how far one value has one placeholder (agents/numbering.py)
    known_values  where values of the tenant's documents are recognised: off, questions, everywhere
    languages     those that the detector reads, and what happens to texts in others
                  (agents/personal/foreign_texts.py)

They stand at the top for every tenant, and under `tenants` for one of them: its kinds are laid over
those of all, and null takes one away; everything else takes the place of what all have. What is
left out is as it was before there was any of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.errors import Permanent
from agents.placeholders import inexpressible

KEPT, SCANNED = "keep", "scan"
"""What `fields` says of a field that is not replaced as a whole."""
TENANT = "tenant"
"""What `consistent` says where one value has one placeholder in all that a tenant has."""


def policy_of(values: Mapping[str, Any], tenant: str) -> Mapping[str, Any]:
    """Return the policy that counts for a tenant."""
    own = values.get("tenants", {}).get(tenant)
    if not own:
        return values
    kinds = {**values["kinds"], **own.get("kinds", {})}
    wanted = {kind: score for kind, score in kinds.items() if score is not None}
    return {**values, **own, "kinds": wanted}


def kinds_named(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """List the kinds that a policy makes placeholders of."""
    fields = policy.get("fields", {}).values()
    of_fields = [kind for kind in fields if kind not in {KEPT, SCANNED}]
    return tuple(dict.fromkeys((*policy["kinds"], *policy.get("deny", {}), *of_fields)))


def hold_expressible(policy: Mapping[str, Any]) -> None:
    """Raise Permanent for a policy with a kind that no placeholder can name."""
    if unnamed := inexpressible(kinds_named(policy)):
        raise Permanent(
            f"configuration of redact: no placeholder can name {', '.join(unnamed)}: rename it, in "
            "the detector too, to capital letters joined by single underscores, such as IP_ADDRESS"
        )


def is_consistent(policy: Mapping[str, Any]) -> bool:
    """Tell whether one value has one placeholder in all that the tenant has."""
    return bool(policy.get("consistent") == TENANT)


def recalls(policy: Mapping[str, Any], *, typed: bool) -> bool:
    """Tell whether values of the tenant's documents are looked for in what a person typed, or not.

    Those of a document are, in another document, only where the policy says `everywhere`.
    """
    wanted: Sequence[str] = ("questions", "everywhere") if typed else ("everywhere",)
    return policy.get("known_values", "off") in wanted


def remembers(policy: Mapping[str, Any]) -> bool:
    """Tell whether the values of documents are remembered, to be recognised elsewhere."""
    return bool(policy.get("known_values", "off") != "off")
