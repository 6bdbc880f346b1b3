"""Delivery: a record reaches a step once and in order; its outcomes reach the broker."""
