"""Which kinds of personal data a reader sees: those that the key's scopes and the policy both let.

What can't be decided stays a placeholder.
"""

from __future__ import annotations

from agents.errors import Permanent
from agents.policies.asking_rules import ruling
from agents.policies.policy_entities import plain_entity, user_entity
from edge.callers.caller import Caller
from edge.requests.policy_followed import PolicyFollowed
from streams.watching.logs import logger

log = logger("gateway")
TITLE = "TITLE"
"""The kind that a document's title as given is, since it may hold any."""


def may_restore(policy: PolicyFollowed | None, caller: Caller, kind: str) -> bool:
    """Tell whether the policy in force lets a caller see values of a kind."""
    if policy is None:
        return True
    try:
        rules = policy.shown_by("restore")
        if rules is None:
            return True
        reader = user_entity(caller.tenant, caller.subject, caller.groups)
        return ruling(rules, reader, plain_entity("Kind", kind), {}).allowed
    except Permanent as error:
        log.warning("nothing is restored: the policy can't be decided by", reason=str(error))
        return False
