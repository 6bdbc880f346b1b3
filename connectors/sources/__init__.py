"""Where documents come from: folders, buckets, sites, databases and whatever dlt reads.

Each kind lists what is there and reads it. What changed since the last time, what is handed in and
what is withdrawn decides edge/sources/, by what the log holds.
"""
