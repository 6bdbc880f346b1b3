"""Record fields: what a policy says of a field holds for its values, whatever they look like.

    "fields": {"customer_name": "PERSON", "notes": "scan", "sku": "keep"}

The value of a field with a kind is replaced as a whole, without asking the detector. One to `keep`
stays as it is, and one to `scan` is read like any text, as are those that nobody names. Names are
compared without case, width and accents.

A record stands in a text in one of three ways, each of which is looked for in every text:

* `name: value`: where a line begins so, the value goes to its end or to the next name, and within a
  line, for readers make one paragraph of many lines, to the end of the sentence at most;
* `"name": value` anywhere, as JSON has it, of texts, numbers and truths; of a text that is cut off,
  what is left of it;
* a table: a line of cells among which is a name that the policy knows, and under it lines of as
  many cells. They are parted by `|`, tabs, semicolons or commas; a comma within quotes parts none.
  A table ends at an empty line, but a later text of the same event may go on with rows alone,
  under its title and headings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import regex

from agents.personal.folding import words_of
from agents.personal.tenant_policy import KEPT, SCANNED
from agents.spans import Mention

NAME_CHARS_MAX = 64
"""Of a field's name; a line that has none as short is text."""
CELLS_MAX = 1_000
SEPARATORS = ("|", "\t", ";", ",")
NAME_WORDS_MAX = 4
VALUE_CHARS_MAX = 200
"""Of a value within a line; what is longer is text, and the detector's."""
_KEY = regex.compile(r"(?<![^\s:\"|;,])[^\s:\"|;,]++(?:[ \t][^\s:\"|;,]++){0,3}(?=:[ \t])")
"""Up to NAME_WORDS_MAX words before a colon."""
_MARK = regex.compile(r"[ \t]*+(?:[-*>][ \t]++)?")
"""What may stand before the first name of a line."""
_SENTENCE_END = regex.compile(r"(?<=\w{4})[.!?](?=\s)")
"""Behind a word that is no abbreviation."""
_PAIR = regex.compile(
    rf"\"(?P<name>[^\"\\\n]{{1,{NAME_CHARS_MAX}}})\"\s{{0,20}}+:\s{{0,20}}+"
    r"(?:\"(?P<text>(?:[^\"\\]|\\.)*+)(?:\"|(?P<cut>\\?\Z))|(?P<plain>[-+.\w]{1,64}))"
)
_CELL = {
    mark: regex.compile(rf"\s*+(?:\"(?:[^\"]|\"\")*+\"[^{mark}\n]*+|[^{mark}\n]*+)(?:{mark}|\Z)")
    for mark in (r"\|", r"\t", ";", ",")
}
_RULE = regex.compile(r"[\s:=+-]*+")


@dataclass(frozen=True)
class FieldValues:
    """What the fields of a text are said to be."""

    masked: tuple[Mention, ...]
    kept: tuple[tuple[int, int], ...]


NOTHING = FieldValues((), ())


@dataclass
class RecordFields:
    """Looks through the texts of one event, one after the other."""

    policies: Mapping[str, str]
    """Folded name -> a kind, or KEPT."""
    _columns: tuple[str, ...] = ()
    """What the table that was read last says of each of its columns; empty for nothing."""
    _carried: tuple[str, ...] = ()
    """Those of a table of the text before, until a row of it was read or it did not go on."""
    _mark: str = ""
    _masked: list[Mention] = field(default_factory=list)
    _kept: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, policy: Mapping[str, object]) -> RecordFields | None:
        """Return what looks for the fields of a policy; None where it names none."""
        named = policy.get("fields")
        if not isinstance(named, Mapping) or not named:
            return None
        wanted = {folded_name(name): what for name, what in named.items() if what != SCANNED}
        return cls(wanted) if wanted else None

    def read(self, text: str) -> FieldValues:
        """Find the values of fields in the next text."""
        self._masked, self._kept = [], []
        self._carried = self._columns
        at = 0
        for line in text.split("\n"):
            self._read_line(line, at)
            at += len(line) + 1
        for pair in _PAIR.finditer(text):
            place = pair.span("plain" if pair["text"] is None else "text")
            # of a value that is cut off nobody knows where it ends, so none is kept
            if pair["cut"] is None or self.policies.get(folded_name(pair["name"])) != KEPT:
                self._say(pair["name"], *place)
        return FieldValues(tuple(self._masked), tuple(self._kept))

    def _read_line(self, line: str, at: int) -> None:
        if not line.strip():
            self._columns, self._carried = self._carried, ()
        elif self._is_row(line, at) or self._is_head(line):
            return
        else:
            self._read_pairs(line, at)

    def _read_pairs(self, line: str, at: int) -> None:
        keys = list(_KEY.finditer(line))
        if not keys:
            return
        begun = _MARK.match(line)
        assert begun is not None
        ends = [key.start() + key[0].rfind(" ") + 1 for key in keys[1:]]
        ends += [len(line), len(line)]
        for number, key in enumerate(keys):
            words = key[0].split()
            named = (" ".join(words[first:]) for first in range(len(words)))
            name = next((one for one in named if folded_name(one) in self.policies), "")
            if not name:
                continue
            start, end = key.end() + 1, ends[number]
            if not line[start:end].strip():  # what follows at once is a value, not a name
                end = ends[number + 1]
            if key.end() - len(name) > begun.end():
                sentence = _SENTENCE_END.search(line, start, end)
                end = min(sentence.start() if sentence else end, start + VALUE_CHARS_MAX)
            self._say(name, *(at + place for place in _trimmed(line, start, end)))

    def _is_head(self, line: str) -> bool:
        """Tell whether a line heads a table with a field that the policy knows."""
        for mark in SEPARATORS:
            if mark not in line:
                continue
            cells = cells_of(line, mark)
            names = [folded_name(line[start:end]) for start, end in cells]
            if len(names) > 1 and any(name in self.policies for name in names):
                self._columns = tuple(self.policies.get(name, "") for name in names)
                self._mark, self._carried = mark, ()
                return True
        return False

    def _is_row(self, line: str, at: int) -> bool:
        """Tell whether a line is a row of the table under way, and take its values in."""
        if not self._columns:
            return False
        cells = cells_of(line, self._mark)
        if len(cells) != len(self._columns):
            return False
        if self._is_head(line):
            return True
        self._carried = ()
        for what, (start, end) in zip(self._columns, cells, strict=True):
            if what and not _RULE.fullmatch(line, start, end):
                self._put(what, at + start, at + end)
        return True

    def _say(self, name: str, start: int, end: int) -> None:
        what = self.policies.get(folded_name(name))
        if what and start < end:
            self._put(what, start, end)

    def _put(self, what: str, start: int, end: int) -> None:
        if what == KEPT:
            self._kept.append((start, end))
        else:
            self._masked.append(Mention(start, end, what))


def folded_name(name: str) -> str:
    """Give the spellings of a field's name one form; what is too long to be one has none.

    `customer_name`, `Customer-Name` and `customer name` are one.
    """
    if len(name) > NAME_CHARS_MAX:
        return ""
    return " ".join(words_of(name.replace("_", " ").replace("-", " ")).words)


def cells_of(line: str, mark: str) -> Sequence[tuple[int, int]]:
    """Say where the cells of a line stand, without white space and quotes around them.

    A mark at the beginning and at the end of the line, as Markdown has them, parts nothing.
    """
    return tuple(_cells(line, mark))


def _cells(line: str, mark: str) -> Iterator[tuple[int, int]]:
    if mark == "|":
        inner = line.strip()
        at = line.index(inner) + inner.startswith("|")
        stop = line.index(inner) + len(inner) - (len(inner) > 1 and inner.endswith("|"))
    else:
        at, stop = 0, len(line)
    pattern = _CELL[{"|": r"\|", "\t": r"\t"}.get(mark, mark)]
    for _ in range(CELLS_MAX):
        cell = pattern.match(line, at, stop)
        if cell is None:
            return
        parted = cell[0].endswith(mark)
        yield _trimmed(line, at, cell.end() - parted)
        at = cell.end()
        if not parted:
            return


def _trimmed(line: str, start: int, end: int) -> tuple[int, int]:
    text = line[start:end]
    start += len(text) - len(text.lstrip())
    end = start + len(text.strip())
    if end - start > 1 and line[start] == line[end - 1] == '"':
        return start + 1, end - 1
    return start, end
