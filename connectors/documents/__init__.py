"""Documents: has them read into blocks, and counts the embedder's tokens.

Both are local effects: executed again at replay, so an answer depends on the request and on the
versions of the libraries alone, and those every answer names. What it may take here (work, memory)
is no part of an answer: a document that takes more is an error, which the log keeps as one.

`connector.py` answers the requests. `shared_readers.py` keeps the processes in which
`connectors/readers/` reads, and `reading_process.py` is one of them as the event loop sees it.
`tokens.py` counts.
"""

from connectors.documents.connector import Documents
from connectors.readers import parse

__all__ = ["Documents", "parse"]
