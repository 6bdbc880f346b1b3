"""Document languages: what of a document's batches is in languages that the detector does not read.

A document comes in batches, one after the other, and is refused as a whole: from the batch on in
which such a language turns up all are failed, the last one too, so that the version never becomes
visible. What was indexed of it before stays unseen.

The next version keeps chunks of the refused one, for ingest does not know that nobody indexed them.
So a version that keeps any is refused too, until one has none of them: withdraw the document and
submit it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from agents.personal.foreign_texts import otherwise, refuses
from schemas import ChunksCut, Placeholders


@dataclass(frozen=True)
class BatchLanguages:
    """What a batch leaves for the next one, and whether it is refused."""

    state: Placeholders
    reason: str
    """Why it is refused; empty if it is not."""


def languages_after(
    cut: ChunksCut, before: Placeholders, told: tuple[str, ...], policy: Mapping[str, Any]
) -> BatchLanguages:
    """Judge a batch by its own languages, `told`, and those of the batches before it."""
    earlier = before.unsupported if cut.batch.number else ()
    languages = tuple(sorted({*earlier, *told}))
    kept = cut.manifest.kept if cut.manifest is not None else ()
    reason = ""
    if refuses(languages, policy):
        reason = (
            f"the document holds text in {', '.join(languages)}, in which personal data is not "
            f"recognised: the policy says {otherwise(policy)} (redact, languages): submit a "
            "translation, or change the policy, withdraw the document and submit it again"
        )
    elif before.refused and kept:
        reason = (
            f"{len(kept)} chunks are those of a version that was refused for its language: "
            "withdraw the document and submit it again"
        )
    refused = bool(reason) or (before.refused and not cut.batch.last)
    return BatchLanguages(replace(before, unsupported=languages, refused=refused), reason)
