"""The media types of documents that can be read, and the endings of files that are taken for them.

`connectors/documents/` reads them; this list stands apart, so that the edge and the command line
can look one up without loading the libraries that read.
"""

MEDIA_TYPES = {
    "text/plain": (".txt", ".text"),
    "text/markdown": (".md", ".markdown"),
    "text/html": (".html", ".htm", ".xhtml"),
}

OF_SUFFIX = {
    suffix: media_type for media_type, suffixes in MEDIA_TYPES.items() for suffix in suffixes
}
"""Media type by a file's ending, in lower case."""
