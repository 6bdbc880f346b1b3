"""Documents: reads text, Markdown and HTML into blocks, and counts the embedder's tokens.

Both are local effects: executed again at replay, so nothing here may depend on more than the
request and the versions of the libraries, which every answer names. A document that can't be read
is an answer, too (`Parsed.error`), not an exception: somebody submitted it and must hear what to
do. No error quotes the document.

`connector.py` answers the requests, by `parsing.py` and `tokens.py`. Bytes become characters in
`charsets.py`, unless `guards.py` refuses them; `plain.py`, `markdown.py` and `html.py` read these
into blocks, which `blocks.py` cleans.

Why it is so: documents are hostile. Each library here meets inputs that its authors did not think
of (a hundred thousand open tags, or open brackets), so each has a plainer reader behind it which is
linear and loses no text, only the structure.
"""

from connectors.documents.connector import Documents
from connectors.documents.parsing import parse

__all__ = ["Documents", "parse"]
