"""The whole platform: ingest, answers, verify; each figure as a ratio to a baseline."""
