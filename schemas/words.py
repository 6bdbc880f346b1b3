"""Words: the fields of the records that hold one of a few words, and which.

On the wire they are strings (docs/decisions/0011-outcomes-are-strings.md), so this table is what
the type checker knows of them: the generator makes a Literal of each, `ChunksCutOutcome` for one,
and `python -m schemas.check` compares the table with the docs of the fields.
"""

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    "Answer.finish_reason": (
        "stop",
        "length",
        "extractive",
        "not_found",
        "search",
        "refused",
        "cancelled",
        "small_talk",
        "calculated",
        "tool_calls",
        "tools_ended",
    ),
    "AnswerJudged.grade": ("right", "partly", "wrong", "useless", "undone"),
    "Ask.mode": ("answer", "search"),
    "Block.kind": ("heading", "paragraph", "list", "code", "table"),
    "CancellationRequested.why": ("asked", "left"),
    "ChunksCut.outcome": ("cut", "unchanged", "withdrawn", "failed"),
    "ChunksEmbedded.outcome": ("embedded", "unchanged", "withdrawn", "failed"),
    "ChunksIndexed.outcome": ("indexed", "unchanged", "withdrawn", "failed"),
    "ChunksRedacted.outcome": ("redacted", "unchanged", "withdrawn", "failed"),
    "ChunksRetrieved.outcome": ("retrieved", "empty", "refused", "small_talk"),
    "ConfigurationActivated.why": ("set", "promoted", "rolled_back"),
    "Embed.kind": ("query", "passage"),
    "Generated.finish_reason": ("", "stop", "length", "tool_calls", "cancelled"),
    "Hedged.outcome": ("won", "lost", "too_many"),
    "QueryRewritten.outcome": ("rewritten", "unchanged", "refused", "small_talk"),
    "QuestionRedacted.outcome": ("redacted", "refused"),
}
"""By record and field; "" where the field may be empty."""
