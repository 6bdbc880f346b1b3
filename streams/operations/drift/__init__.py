"""Drift: whether questions, vectors and scores of a tenant are still like those of a while ago."""
