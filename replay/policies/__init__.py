"""Policies over the log: what one decided, and what another one would have."""
