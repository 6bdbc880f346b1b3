"""Benchmarks: latencies and rates beside baselines of the same run. Not shipped."""
