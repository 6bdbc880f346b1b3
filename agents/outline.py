"""Outline: what is known of each piece of a document by its place.

The strength of the boundary before a piece says how little is torn by a cut there: least behind a
heading or within a line, most before a heading of the first level. It depends on the piece itself
and the one before it, so an edit elsewhere does not move it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.pieces import QUESTION_LEVEL, Piece, speaks

ENCLOSING_MAX = 8  # lines of a listing within each other that are looked at
# strengths of boundaries
GLUED, LINE, ITEM, BLOCK, TURN, HEADING = 0, 1, 2, 3, 4, 5
"""Behind a heading or within a line; between lines and sentences; between parts of a listing;
between blocks; where another one speaks; headings of level QUESTION_LEVEL, and up from there."""


class Outline:
    """What is known of each piece of a document, by its number."""

    def __init__(self, *, turns: bool = False) -> None:
        self._turns = turns
        self._around: list[tuple[int, int]] = []
        """(indentation, number) of the lines that the last line of a listing stands in."""
        self.above: list[tuple[int, ...]] = []
        """The headings that it stands under, the outermost first."""
        self.total: list[int] = [0]
        """The weight of all before it; last, that of all."""
        self.block_starts: list[int] = []
        """Where its block begins: what is not parted by a blank line is of one."""
        self.heading_starts: list[int] = []
        """Where the headings begin that stand together there; itself for others."""
        self.sections: list[int] = []
        """Where sections begin; a heading right after another one does not begin its own."""
        self.strengths: list[int] = []
        """How little is torn by a cut before it."""
        self.run_starts: list[int] = []
        """Where the sentences begin, one after the other in its section, of which it is one."""
        self.headers: list[tuple[int, ...]] = []
        """What would stand above it if a table or listing were cut there: the first row; the lines
        that it is indented under, the outermost first."""

    def drawn(self, pieces: Sequence[Piece]) -> Iterator[None]:
        """Look at each piece in turn."""
        path: tuple[int, ...] = ()
        before: Piece | None = None
        for index, piece in enumerate(pieces):
            heading = piece.kind == "heading"
            after_heading = before is not None and before.kind == "heading"
            if heading:
                path = tuple(one for one in path if pieces[one].level < piece.level)
            self.above.append(path)
            if heading:
                path = (*path, index)
            self.total.append(self.total[-1] + piece.weight)
            goes_on = before is not None and piece.before != "\n\n"
            self.block_starts.append(self.block_starts[-1] if goes_on else index)
            self.heading_starts.append(
                self.heading_starts[-1] if heading and after_heading else index
            )
            if before is None or (heading and not after_heading):
                self.sections.append(index)
            in_run = before is not None and before.kind == piece.kind == "sentence"
            self.run_starts.append(self.run_starts[-1] if in_run else index)
            self.headers.append(self._header(index, piece, before))
            self.strengths.append(self._strength(piece, before))
            before = piece
            yield None

    def _strength(self, piece: Piece, before: Piece | None) -> int:
        if before is None or before.kind == "heading":
            return GLUED
        if piece.kind == "heading":
            return HEADING + max(0, QUESTION_LEVEL - piece.level)
        same = piece.kind == before.kind
        if same and piece.kind == "code" and piece.before.count("\n") == 1:
            return LINE
        if same and piece.kind == "code" and self.headers[-1]:
            return ITEM
        new_line = "\n" in piece.before
        if self._turns and new_line and speaks(piece.text):
            return TURN
        if piece.before == "\n\n":
            return BLOCK
        return LINE if new_line or piece.kind == "sentence" else GLUED

    def _header(self, index: int, piece: Piece, before: Piece | None) -> tuple[int, ...]:
        """Tell what stands above a line of a listing or a row of a table."""
        if piece.kind == "table" and self.block_starts[index] != index:
            return (self.block_starts[index],)
        if piece.kind != "code":
            self._around = []
            return ()
        if before is None or before.kind != "code":
            self._around = []
        depth = len(piece.text) - len(piece.text.lstrip())
        while self._around and self._around[-1][0] >= depth:
            self._around.pop()
        header = tuple(number for _, number in self._around)
        if len(self._around) < ENCLOSING_MAX and "\n" not in piece.text:
            self._around.append((depth, index))
        return header
