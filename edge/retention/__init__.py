"""Retention: documents that a policy lets nobody keep are withdrawn, by a recorded fact."""
