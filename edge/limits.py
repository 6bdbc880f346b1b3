"""How large what a request brings may be; content itself is bounded by `document_bytes_max`."""

QUESTION_CHARS_MAX = 20_000  # far above any question, far below the broker's limit
USER_CHARS_MAX = 256
SESSION_CHARS_MAX = 128
URI_CHARS_MAX = 2_048  # what servers commonly accept
TITLE_CHARS_MAX = 1_000
METADATA_ENTRIES_MAX = 64  # filters, not content
METADATA_KEY_CHARS_MAX = 64
METADATA_VALUE_CHARS_MAX = 512
