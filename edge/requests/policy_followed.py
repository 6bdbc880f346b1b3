"""The policy that the edge goes by: the one in force at the moment at which it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.errors import Permanent
from agents.policies.policy_in_force import rules_in
from agents.policies.processing_place import processed, unprocessed
from agents.policies.rule_book import ActionRules, rule_book
from edge.requests.validity import Refused
from streams.log.configuration import POLICY, Configuration


class NotProcessedHere(Refused):
    """A request of a tenant whose texts may not be processed where this edge takes it in."""


class PolicyNotYetKnown(Permanent):
    """Nothing can be decided yet: the log has not said what is in force."""


class PolicyFollowed:
    """Reads the policy, once for each that comes into force."""

    def __init__(
        self,
        configurations: Mapping[str, Configuration],
        known: Callable[[], bool] = lambda: True,
    ) -> None:
        """Take the configurations, and who tells whether it is known which of them are in force."""
        self.known = known
        self._configurations = configurations
        self._read: tuple[Configuration | None, str] = None, ""

    def shown_by(self, action: str) -> ActionRules | None:
        """Return the rules on what a reader is shown; raises Permanent before they are known."""
        if not self.known():
            raise PolicyNotYetKnown("which policy is in force is still being read")
        return self.rules(action)

    def rules(self, action: str) -> ActionRules | None:
        """Return the rules on an action; None where none speaks of it.

        Raises Permanent where nothing can be decided: then nothing is let through.
        """
        configured = self._configurations.get(POLICY)
        if configured is not self._read[0]:
            self._read = configured, rules_in(configured.values) if configured else ""
        text = self._read[1]
        return rule_book(text).of(action) if text else None

    def hold_place(self, tenant: str, region: str) -> None:
        """Raise Refused where a tenant's requests may not be processed in a region."""
        try:
            rules = self.rules("process")
            if rules is None:
                return
            made = processed(rules, tenant, region)
        except Permanent as error:
            raise NotProcessedHere(f"nothing is taken in: {error}") from None
        if not made.allowed:
            raise NotProcessedHere(unprocessed(made, region))
