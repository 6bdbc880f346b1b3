"""Citations as OpenAI's annotations: what of the text rests on which document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CitedPassage = Mapping[str, Any]
WEB = ("http://", "https://")


def annotations_of(text: str, citations: Sequence[CitedPassage]) -> list[dict[str, Any]]:
    """Spell citations as a response has them: `url_citation` of the web, else `file_citation`.

    Each has the citation's own fields beside theirs.
    """
    return [_annotation(text, one) for one in citations]


def chat_annotations_of(text: str, citations: Sequence[CitedPassage]) -> list[dict[str, Any]]:
    """Spell citations as a chat's message has them, which knows `url_citation` alone."""
    return [
        {"type": "url_citation", "url_citation": {"url": one["uri"], **_place(text, one)}}
        for one in citations
    ]


def _annotation(text: str, citation: CitedPassage) -> dict[str, Any]:
    own = {name: citation[name] for name in ("document_id", "chunk_id", "uri", "quote")}
    place = _place(text, citation)
    if citation["uri"].startswith(WEB):
        return {"type": "url_citation", "url": citation["uri"], **place, **own}
    return {
        "type": "file_citation",
        "file_id": citation["document_id"],
        "filename": citation["title"] or citation["uri"],
        "index": place["end_index"],
        **place,
        **own,
    }


def _place(text: str, citation: CitedPassage) -> dict[str, Any]:
    """Say where the text quotes it, in characters; the whole text where it says it otherwise."""
    quote = citation["quote"]
    start = text.find(quote) if quote else -1
    end = start + len(quote) if start >= 0 else len(text)
    title = citation["title"] or citation["uri"]
    return {"start_index": max(start, 0), "end_index": end, "title": title}
