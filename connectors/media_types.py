"""The media types of documents that can be read, and the endings of files that are taken for them.

`connectors/documents/` reads them; this list stands apart, so that the edge and the command line
can look one up without loading the libraries that read.
"""

MEDIA_TYPES = {
    "text/plain": (".txt", ".text"),
    "text/markdown": (".md", ".markdown"),
    "text/html": (".html", ".htm", ".xhtml"),
    "application/pdf": (".pdf",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (".pptx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/vnd.ms-excel": (".xls",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/vnd.oasis.opendocument.presentation": (".odp",),
    "application/epub+zip": (".epub",),
    "application/rtf": (".rtf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/tiff": (".tif", ".tiff"),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
    "image/bmp": (".bmp",),
}

PICTURES = "image/"
"""How the media types begin of what is read by recognising it."""
OF_SUFFIX = {
    suffix: media_type for media_type, suffixes in MEDIA_TYPES.items() for suffix in suffixes
}
"""Media type by a file's ending, in lower case."""
