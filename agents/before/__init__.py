"""Before: what steps did by the rules of earlier releases, whose logs must lead to their outcomes.

What changed little stands beside the new rule, under `fx.has` (agents/changes.py). What was
replaced as a whole stands here, unchanged, and goes with the release that the change names.
"""
