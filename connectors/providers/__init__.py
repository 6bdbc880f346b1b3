"""Providers: who serves the chat models, each behind the one request type Generate.

`connector.py` answers the requests, with a circuit and counts for each model; `configured.py` reads
providers.json; a kind of provider is one module with one row in `kinds.py`. What they share:
`credentials.py` (by reference alone), `http.py` and `events.py` (bounded HTTP and server-sent
events), `stopping.py` (what ends a text), `windows.py` (how routes fare).
"""

from connectors.providers.connector import Providers

__all__ = ["Providers"]
