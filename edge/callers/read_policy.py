"""Which documents a reader may know of and see at the edge: those that the policy in force lets.

It takes away from what groups allow, as the search does. What can't be decided is not shown.
"""

from __future__ import annotations

from agents.errors import Permanent
from agents.policies.asking_rules import ruling
from agents.policies.policy_entities import document_entity, user_entity
from edge.callers.caller import Caller
from edge.requests.policy_followed import PolicyFollowed
from schemas import DescribedDocument
from streams.watching.logs import logger

log = logger("gateway")
MODE = {"mode": "search"}
"""Looking a document up is as a search for it."""


def is_readable(policy: PolicyFollowed | None, caller: Caller, document: DescribedDocument) -> bool:
    """Tell whether the policy in force lets a caller read a document, by what it is now."""
    if policy is None:
        return True
    try:
        rules = policy.shown_by("read")
        if rules is None:
            return True
        reader = user_entity(caller.tenant, caller.subject, caller.groups)
        return ruling(rules, reader, document_entity(caller.tenant, document), MODE).allowed
    except Permanent as error:
        log.warning("no document is shown: the policy can't be decided by", reason=str(error))
        return False
