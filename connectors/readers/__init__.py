"""Readers: a document's bytes, of any format that is read, into blocks.

Reading is a local effect: executed again at replay, so nothing here may depend on more than the
request and the versions of the libraries, which every answer names. A document that can't be read
is an answer, too (`Parsed.error`), not an exception: somebody submitted it and must hear what to
do. No error quotes the document.

`parsing.py` answers, by who reads which media type (`reader_registry.py`; `document_reader.py` says
what a reader is). Of a text, bytes become characters in `charsets.py`, unless `guards.py` refuses
them; `plain.py`, `markdown.py` and `html.py` read these into blocks, which `blocks.py` cleans.
Other formats have a module each, over `archives.py` and `markup.py`, which guard what is unpacked
and parsed, and `damage.py`, which answers for what libraries raise. A reader is loaded when it is
needed, and has a version of its own: an update of one library says nothing of documents that
another read. All of it runs in a process of its own (`connectors/processes/`), asked as
`document_task.py` says.

Why it is so: documents are hostile. Each library here meets inputs that its authors did not think
of (a hundred thousand open tags, or open brackets), so each has a plainer reader behind it which is
linear and loses no text, only the structure. What is not foreseen takes more work than a document
may (`document_task.py`), and that ends it.
"""
