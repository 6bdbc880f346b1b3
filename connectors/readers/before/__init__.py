"""Before: how documents were read by the rules of 0.1.0, whose logs must lead to their outcomes.

Asked for by `Parse.rules` 0. Unchanged, though what they lose is known: see decision 0062.
"""
