"""Groundedness: how well it is told whether a claim is supported, and the weights for it."""
