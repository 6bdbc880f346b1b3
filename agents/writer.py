"""The writer: the batches of one answer, numbered, and no word of it before it is sure."""

from agents.evidence import settled
from schemas import Answer, Batch, ChunksRetrieved, MapEntry, TokensGenerated


class AnswerWriter:
    """Numbers the batches of one answer and keeps its text."""

    def __init__(self, event: ChunksRetrieved, entries: tuple[MapEntry, ...]) -> None:
        self._event = event
        self._entries = entries
        self._written = 0
        self._number = 0
        self.text = ""

    def add(self, text: str) -> None:
        """Take new text; blanks don't begin an answer."""
        self.text = (self.text + text).lstrip()

    def due(self, *, final: bool = False) -> str:
        """Return the text to write now.

        A number or a name waits until it is complete, since it may turn out to be unsupported, and
        blanks wait for what follows them, since they don't end an answer.
        """
        text = self.text.rstrip()
        if final:
            self.text = text
        elif text == self.text:
            text = settled(text).rstrip()
        new = text[self._written :]
        self._written = max(self._written, len(text))
        return new

    def restart(self) -> bool:
        """Begin the answer anew; return whether a record of it was written."""
        self.text, self._written = "", 0
        return self._number > 0

    def batch(
        self,
        text: str,
        times: tuple[int, ...] = (),
        *,
        restart: bool = False,
        answer: Answer | None = None,
    ) -> TokensGenerated:
        """Make the next record; the one with the answer is the last."""
        number, self._number = self._number, self._number + 1
        return TokensGenerated(
            batch=Batch(number=number, last=answer is not None),
            restart=restart,
            text=text,
            times=times,
            entries=self._entries if number == 0 else (),
            answer=answer,
            ask=self._event.ask,
            subject=self._event.subject,
        )
