"""What a request may hold: the one list by which HTTP, WebSocket, inbox and command line go."""

from __future__ import annotations

import re

TENANT_MAX = 63  # characters
TENANT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{TENANT_MAX - 1}}}")
"""What a tenant may be called: Weaviate's rule for tenant names, and safe in a file name."""
SESSION_MAX = 128  # characters
SESSION = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{SESSION_MAX - 1}}}")
USER_MAX = 256  # characters
QUESTION_MAX = 20_000  # characters: far above any question, far below the broker's limit
COMMENT_MAX = 4_000  # characters of what a reader says of an answer
NOTE_MAX = 4_000  # characters of what a reviewer says of it
MESSAGES_MAX = 2_000  # of a history that a client sends: a body of BODY_MAX holds hardly more
MODEL_MAX = 256  # characters of the model that a client names
BUDGET_MS = (100, 600_000)
ANSWER_TOKENS = 160  # unless the asker says otherwise
ANSWER_TOKENS_MAX = 4_096
PASSAGES = 6  # of a search, unless the asker says otherwise
PASSAGES_MAX = 100

URI_MAX = 2_048  # characters; what servers commonly accept
TITLE_MAX = 1_000  # characters
METADATA_MAX = 64  # entries of 64 and 512 characters: filters, not content
METADATA_KEY_MAX = 64
METADATA_VALUE_MAX = 512
GROUPS_MAX = 64
KEY_GROUPS_MAX = 512  # of an API key: whoever asks with it asks with all of them
GROUP_MAX = 128  # characters
FILTERS_MAX = 16  # each narrows the search, and the index takes some dozens at most
INT64_MAX = 2**63 - 1  # what a position or offset of the log may be
RESPONSE_SCHEMA_MAX = 32_768  # characters of its JSON
SCHEMA_WORK_MAX = 20_000  # what it unfolds to in a model's grammar: 0.1 s and 20 MB
JSON_DEPTH_MAX = 32  # objects and lists within each other, a response_schema's among them
TOOLS_MAX = 64  # of a client's own: a model reads all of them
TOOLS_CHARACTERS_MAX = 32_768  # of all of them as JSON
TOOL_DESCRIPTION_MAX = 2_000  # characters
CALLS_MAX = 32  # that an answer asks for, or that a question brings results of
CALL_ID_MAX = 128  # characters
EXCHANGES_MAX = 65_536  # characters of calls and their results as JSON
PARTICULARS_MAX = 131_072  # bytes of what a client's interface tells of a request again, as JSON
STOPS_MAX = 4  # words at which a client wants an answer to end
STOP_MAX = 256  # characters of each
EMBEDDED_TEXTS_MAX = 2_048  # of one request, as OpenAI has it; a body of BODY_MAX bounds them too

MEDIA_TYPE_MAX = 255  # characters, of which the types that can be read take a few dozen

BODY_MAX = 1_048_576
"""Bytes of a body other than a document's: far above any question."""
FRAME_MAX = 65_536
"""Bytes of a WebSocket's frame from the client."""
FRAME_READ_MAX = 1_048_576
"""Bytes of a frame that is read at all: a client that sends a little too much is told so."""
FRAME_NAME_MAX = 256  # characters of a client's own name of a message
ID_MAX = 64  # characters of the id of a request or document, which takes 36
CURSOR_MAX = 2_048  # characters; one takes some hundreds
IDEMPOTENCY_KEY_MAX = 255  # characters
IDEMPOTENCY_KEY = re.compile(rf"[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_MAX}}}")
"""Visible ASCII."""
PAGE = 100  # documents listed at once, unless the reader says otherwise
PAGE_MAX = 1_000
STATUS_MAX = 16  # characters of the status that documents are listed by

FILE_NAME_MAX = 512  # characters of a file's name, the folders before it included
FORM_PARTS_MAX = 256  # of a form: files, and what describes them
FORM_FILES_MAX = 128  # of a form: each is read, sealed and put on the log before the answer
BOUNDARY_MAX = 70  # characters, by RFC 2046
DESCRIPTION_MAX = 262_144
"""Bytes of what describes a file: all its fields at their limits, spelt as JSON may."""
UPLOADS_OF_USER = 64  # that are open at once: a folder's files one after the other need one
UPLOADS_OF_TENANT = 512
UPLOAD_METADATA_MAX = 32_768  # characters of the header that describes an upload
UPLOAD_OFFSET_MAX = 15  # digits of an offset or length
WITHDRAWN_MAX = 100  # documents of one request
REASON_MAX = 200  # characters of why somebody wants to see an original
