"""Documents: has them read into blocks, and counts the embedder's tokens.

Both are local effects: executed again at replay, so an answer depends on the request and on the
versions of the libraries alone, and those every answer names. What it may take here (work, memory)
is no part of an answer: a document that takes more is an error, which the log keeps as one.

`connector.py` answers the requests: `connectors/readers/` reads, in processes of their own
(`connectors/processes/`), and `tokens.py` counts.
"""

from connectors.documents.connector import Documents

__all__ = ["Documents"]
