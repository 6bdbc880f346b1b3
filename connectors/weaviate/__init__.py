"""Weaviate: the index of chunks, one Weaviate tenant for each of ours.

`connector.py` answers the requests, by `versions.py` and `search.py`; `visibility.py` says who sees
which chunk, `schema.py` what lies in the index, `generations.py` in which generation of it.
"""

import warnings

with warnings.catch_warnings():
    # its import has every warning of the process shown, such as of sockets that end with a verb
    import weaviate  # noqa: F401

from connectors.weaviate.connector import Weaviate

__all__ = ["Weaviate"]
