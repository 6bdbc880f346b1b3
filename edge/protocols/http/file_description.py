"""What is told of a file that is handed in as a document, beside its bytes."""

from __future__ import annotations

import unicodedata

from pydantic import BaseModel, ConfigDict, Field

from agents.chunk_policies import BY_KIND
from connectors.sources.file_uris import media_type_of
from edge.problems import Problem
from edge.protocols.http.bodies import GroupName, Label, LabelKey, label_texts
from edge.requests import limits
from edge.requests.new_document import NewDocument, essence

UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Media types by which clients say that they know none."""
OWN_URIS = "upload/"
"""Begins the uri of a file that came with none: the chat page's files are called so, too."""
CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters by which a name is read in another order than it stands: exe.fdp for a PDF."""


class FileDescription(BaseModel):
    """What is told of a file; what is not told follows from its name and type."""

    model_config = ConfigDict(title="FileDescription")
    uri: str = Field("", max_length=limits.URI_MAX, description="Without one: upload/NAME.")
    media_type: str = Field(
        "", max_length=limits.MEDIA_TYPE_MAX, description="Without one: as sent, or by the name."
    )
    title: str = Field("", max_length=limits.TITLE_MAX)
    metadata: dict[LabelKey, Label] = Field(default_factory=dict, max_length=limits.METADATA_MAX)
    groups: list[GroupName] = Field(default_factory=list, max_length=limits.GROUPS_MAX)
    chunk_policy: str = BY_KIND
    tenant: str | None = None

    def document(self, name: str, media_type: str, content: bytes = b"") -> NewDocument:
        """Return the document that a file of some name and type is; raises Problem."""
        if name or not self.uri:
            check_name(name)
        kind = self.media_type or ("" if essence(media_type) in UNSAID else media_type)
        kind = kind or media_type_of(name or self.uri) or ""
        if not kind:
            raise Problem(
                422,
                "invalid",
                "nothing tells which kind of document a file is: send its media type, or a name "
                "that ends in one such as .pdf",
            )
        return NewDocument(
            uri=self.uri or OWN_URIS + name,
            content=content,
            media_type=kind,
            title=self.title,
            metadata=label_texts(self.metadata),
            groups=self.groups,
            chunk_policy=self.chunk_policy,
        )


def check_name(name: str) -> None:
    """Check the name of a file, which may be one below a folder; raises Problem.

    It becomes the document's uri, and somebody will save the document under it.
    """
    steps = name.split("/")
    if not name or len(name) > limits.FILE_NAME_MAX:
        wrong = f"has {len(name)} characters, of 1 to {limits.FILE_NAME_MAX}"
    elif any(unicodedata.category(one) in CONTROLS or one in TURNS for one in name):
        wrong = "holds control characters"
    elif "\\" in name or name[1:2] == ":" or any(one.strip() in {"", ".", ".."} for one in steps):
        wrong = "leads out of its folder"
    else:
        return
    raise Problem(
        422,
        "bad-file-name",
        f"the name of a file {wrong}: send a plain one such as reports/2026.pdf",
    )
