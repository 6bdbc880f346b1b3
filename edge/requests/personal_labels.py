"""Personal labels: what a tenant's policy says of the fields that documents are labelled with.

Metadata and the filters that go by it lie on the log in plain, and no detector reads them. So here,
before anything is written, the policy for fields of records holds for them (`fields` in redact's
configuration): a field with a kind becomes the placeholder that the value has in all of its tenant,
by its keyed digest, so that a filter by the value still finds the document, and nobody reads it. No
map goes with it: it is never restored. A field that is to be scanned is refused, for nobody would
scan it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents.personal.record_fields import folded_name
from agents.personal.tenant_policy import KEPT, SCANNED
from agents.placeholders import canonical, derived
from agents.without_values import visible
from edge.requests.validity import Refused


def without_values(
    what: str,
    labels: Mapping[str, str],
    policy: Mapping[str, Any],
    digest: Callable[[bytes], str],
) -> dict[str, str]:
    """Return labels as the policy wants them; raises Refused, which names the field alone."""
    fields = {folded_name(name): said for name, said in policy.get("fields", {}).items()}
    if not fields:
        return dict(labels)
    wanted = {}
    for name, value in labels.items():
        said = fields.get(folded_name(name), KEPT)
        if said == SCANNED:
            raise Refused(
                f"{what} {name!r} may hold personal data by this tenant's policy, and {what} is "
                "kept in plain: leave it out, and let the document say it"
            )
        wanted[name] = value
        if said != KEPT and value.strip():
            wanted[name] = derived(
                said, digest(canonical(visible(value)).encode("utf-8", "replace"))
            )
    return wanted
