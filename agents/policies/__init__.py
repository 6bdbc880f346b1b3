"""Policies: who may read, restore, send and keep what, by rules in Cedar that lie on the log.

A policy only ever takes away: groups, scopes and contracts hold beside it. An action that none of
its rules speaks of is as it is without a policy; of one that they do speak of, what no rule permits
is denied, and what one forbids is, whatever others permit. What can't be decided is denied.

Why it is so: a decision is a pure function of the rules, whose digest the run's beginning records,
and of what the record holds of tenant, reader and documents. So the step computes it, and a replay
computes it again; the engine's version stands beside the digest, as that of every library does.
"""
