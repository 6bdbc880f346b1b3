"""Speaking: what a model has said so far, and how much of it may be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from agents.answering.checking import SentenceCheck
from agents.answering.generation_policy import GenerationPolicy
from agents.language import boundaries
from schemas import AnswerFinishReason, Generated, Hedged, Usage

END_CHARS = 64  # within which the end of a sentence is: its marks, and the blanks behind them


@dataclass
class ModelReply:
    """What one model has said so far."""

    began_us: int
    """When it was asked."""
    text: str = ""
    times: list[int] = field(default_factory=list)
    """When each token came that is not written yet, in microseconds of the Unix epoch."""
    tokens: int = 0
    end: Generated | None = None
    """The last part, if it came."""
    late: bool = False
    """Whether the deadline has passed."""
    broken: bool = False
    """Whether it broke off."""
    hedged: Hedged | None = None
    """What came of asking another model too."""

    @property
    def over(self) -> bool:
        """Whether nothing more of it is listened to."""
        return self.late or self.end is not None

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped because nobody wants it any more."""
        return self.end is not None and self.end.finish_reason == "cancelled"

    @property
    def usage(self) -> Usage:
        """What it took, counted here where the model doesn't say."""
        return (self.end and self.end.usage) or Usage(completion_tokens=self.tokens)

    @property
    def finish_reason(self) -> AnswerFinishReason:
        """Why it ended, as the model says."""
        return (self.end and self.end.finish_reason) or "stop"

    def hear(self, part: Generated) -> None:
        """Take a part; blanks don't begin an answer."""
        said = "".join(token.text for token in part.tokens)
        self.text = self.text + said if self.text else said.lstrip()
        self.times += [self.began_us + token.at_us for token in part.tokens]
        self.tokens += len(part.tokens)
        if part.last:
            self.end = part
        if part.hedged is not None:
            self.hedged = part.hedged

    def taken_times(self) -> tuple[int, ...]:
        """Return the times of the tokens that are written now."""
        taken, self.times = tuple(self.times), []
        return taken


class Speech(Protocol):
    """How much of a reply may be shown."""

    shown: bool
    """Whether some of it is on the screen."""
    said: str
    """What of it is the answer."""
    rests_on: list[int]
    """The statements that it rests on, in the order of the text."""
    degraded: str
    """What is left out where it can't be the answer."""

    @property
    def stands(self) -> bool:
        """Whether it can be the answer, once it is closed."""
        ...

    def due(self, text: str, /) -> str:
        """Return what of the text so far is to be written now."""
        ...

    def closing(self, text: str, *, cut: bool) -> str:
        """Return what is still to be written of the whole text, which may have been cut off."""
        ...


class Prose:
    """Sentences, each of which is checked before it is shown."""

    degraded = ""

    def __init__(self, check: SentenceCheck, policy: GenerationPolicy, *, whole: bool) -> None:
        self._check = check
        self._policy = policy
        self._whole = whole
        """Whether all of it has to stand, and nothing is shown before that is known."""
        self._read = 0
        """Where the first sentence begins that was not complete."""
        self._scanned = 0
        """Length of the text in which ends of sentences were looked for."""
        self._dropped = False
        self.shown = False
        self.said = ""
        self.rests_on: list[int] = []

    @property
    def stands(self) -> bool:
        """Whether a sentence stands; of a model that is trusted less, whether all do."""
        return bool(self.said) and not (self._whole and self._dropped)

    def due(self, text: str) -> str:
        """Check the sentences that are complete, since another one has begun."""
        new = ""
        start, self._scanned = max(self._read, self._scanned - END_CHARS), len(text)
        for end in boundaries(text, start):
            if end < len(text):
                new += self._checked(text[self._read : end])
                self._read = end
        self.shown = self.shown or bool(new and not self._whole)
        return "" if self._whole else new

    def closing(self, text: str, *, cut: bool) -> str:
        """Check the last sentence; of one that was cut off nobody knows how it would end."""
        before = self.said
        new = self.due(text)
        rest = text[self._read :]
        if rest.strip():
            new += self._dropping() if cut and not _ends(rest) else self._checked(rest)
        return self.said if self._whole else new if self.said != before else ""

    def _checked(self, sentence: str) -> str:
        """Return a sentence as it follows what was said before; nothing if it rests on nothing."""
        text = " ".join(sentence.split())
        near_min = 0.0 if self.said else self._policy.near_min
        found = self._check(text, self._policy.share_min, near_min).statement if text else -1
        if found < 0:
            return self._dropping()
        if found not in self.rests_on:
            self.rests_on.append(found)
        new = f" {text}" if self.said else text
        self.said += new
        return new

    def _dropping(self) -> str:
        self._dropped = True
        return ""


def _ends(text: str) -> bool:
    return text.rstrip()[-1:] in (".", "!", "?", "…", "。")


class JsonSpeech:
    """JSON of a schema: nothing of it is shown before it is whole, and follows the schema."""

    shown = False
    stands = True
    degraded = "schema"

    def __init__(self) -> None:
        self.said = ""
        self.rests_on: list[int] = []

    def due(self, _text: str) -> str:
        """Show nothing yet."""
        return ""

    def closing(self, text: str, *, cut: bool) -> str:  # noqa: ARG002 - JSON shows if it is whole
        """Show all of it."""
        self.said = text.rstrip()
        return self.said
