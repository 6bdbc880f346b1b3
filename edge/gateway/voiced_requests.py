"""What a caller voices before it is a request: a question, a judgement, the turn of a key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas import AnswerJudgedGrade, Ask


@dataclass(frozen=True)
class NewQuestion:
    """A question as a caller voices it."""

    text: str
    session: str = ""
    """A new one where it names none."""
    ask: Ask = field(default_factory=Ask)
    budget_ms: int | None = None
    fingerprint: str = ""
    """Equal ones are one question; each is a new one where it has none."""
    is_on_log: bool = False
    """Whether the question with this fingerprint was put on the log before, as is remembered."""
    has_key: bool = False
    """Whether that is of a key that the client chose, which may have come with another body."""
    trace: str = ""
    exchanges: str = ""
    """JSON of the asker's tools that were called before, and what they gave; empty for none."""
    particulars: str = ""
    """JSON of what the client's interface tells of the request again; empty for none."""

    def in_its(self, turn: KeyTurn) -> NewQuestion:
        """Return the question as the turn of its key knows it."""
        return replace(
            self,
            fingerprint=turn.fingerprint,
            is_on_log=turn.repeated,
            has_key=bool(turn.fingerprint),
        )


@dataclass(frozen=True)
class NewJudgement:
    """What a reviewer says of an answer."""

    grade: AnswerJudgedGrade
    citations_wrong: bool = False
    note: str = ""
    trace: str = ""


@dataclass(frozen=True)
class KeyTurn:
    """The turn of a request among those with its idempotency key."""

    fingerprint: str
    """Equal for equal keys of one caller; empty without a key."""
    repeated: bool
    """Whether the request is on the log already."""
