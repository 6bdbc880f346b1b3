"""The media types of documents that can be read, and the endings of files that are taken for them.

`connectors/readers/` reads them; this list stands apart, so that the edge and the command line
can look one up without loading the libraries that read.
"""

MEDIA_TYPES = {
    "text/plain": (".txt", ".text"),
    "text/markdown": (".md", ".markdown"),
    "text/html": (".html", ".htm", ".xhtml"),
    "text/csv": (".csv",),
    "text/tab-separated-values": (".tsv", ".tab"),
    "application/json": (".json", ".geojson", ".ipynb"),
    "application/jsonl": (".jsonl", ".ndjson"),
    "application/xml": (".xml", ".xsd", ".wsdl", ".rss", ".atom", ".dita", ".dbk"),
    "application/yaml": (".yaml", ".yml"),
    "application/toml": (".toml",),
    "text/x-ini": (".ini", ".cfg", ".conf", ".properties", ".env"),
    "text/x-log": (".log",),
    "text/x-source": (
        *(".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".kts"),
        *(".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".cs", ".go", ".rs", ".rb", ".php"),
        *(".swift", ".scala", ".sh", ".bash", ".zsh", ".ps1", ".sql", ".r", ".jl", ".lua", ".pl"),
        *(".pm", ".ex", ".exs", ".erl", ".hs", ".clj", ".dart", ".m", ".tf", ".proto", ".graphql"),
        *(".css", ".scss", ".vue", ".svelte", ".groovy", ".gradle", ".bat", ".cmake"),
    ),
    "message/rfc822": (".eml",),
    "application/mbox": (".mbox",),
    "application/vnd.ms-outlook": (".msg",),
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

ALIASES = {
    "application/csv": "text/csv",
    "text/json": "application/json",
    "application/x-ndjson": "application/jsonl",
    "application/jsonlines": "application/jsonl",
    "application/x-jsonlines": "application/jsonl",
    "text/xml": "application/xml",
    "application/xhtml+xml": "text/html",
    "text/x-markdown": "text/markdown",
    "text/yaml": "application/yaml",
    "text/x-yaml": "application/yaml",
    "application/x-yaml": "application/yaml",
    "text/toml": "application/toml",
    "application/x-mbox": "application/mbox",
    "text/x-python": "text/x-source",
    "text/javascript": "text/x-source",
    "application/javascript": "text/x-source",
    "application/sql": "text/x-source",
    "text/css": "text/x-source",
}
"""Other names of these types; the edge spells them as the list does."""

PICTURES = "image/"
"""How the media types begin of what is read by recognising it."""
OF_SUFFIX = {
    suffix: media_type for media_type, suffixes in MEDIA_TYPES.items() for suffix in suffixes
}
"""Media type by a file's ending, in lower case."""
