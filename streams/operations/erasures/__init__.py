"""Erasing a person: what the log says of it, and what the log holds of somebody.

`erasure_log.py` folds what was asked, done, refused and held; `holdings.py` what there is of a
person; `erasure_reader.py` reads both from the broker. Whoever executes stands in `worker/`,
whoever asks in `edge/erasing/`.
"""
