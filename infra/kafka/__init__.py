"""Kafka: the broker's settings, its parts, and the topics to deploy."""
