"""A collection of documents, queries, and which documents judges held for right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.bm25 import KeywordIndex
from evals.data_sets import BadData, Choice, EvalRow, files_in, rows_of

FIRST_BY_KEYWORDS = 100


@dataclass(frozen=True)
class SetDocument:
    """A document of a collection."""

    id: str
    title: str
    text: str


@dataclass(frozen=True)
class SetQuery:
    """A query and the grades of the documents that were judged for it."""

    id: str
    text: str
    grades: Mapping[str, int]


@dataclass(frozen=True)
class RetrievalSet:
    """A collection and its queries."""

    name: str
    documents: tuple[SetDocument, ...]
    queries: tuple[SetQuery, ...]

    def by_keywords(self) -> dict[str, list[str]]:
        """Rank the documents for each query by keywords alone: the baseline."""
        index = KeywordIndex([f"{one.title} {one.text}" for one in self.documents])
        return {
            query.id: [
                self.documents[number].id for number in index.search(query.text, FIRST_BY_KEYWORDS)
            ]
            for query in self.queries
        }

    def pooled(self, depth: int) -> RetrievalSet:
        """Keep the documents that were judged, and those that keywords rank first.

        What is left is harder than chance and small enough to be indexed on any machine; figures on
        it are higher than on the whole collection, for every system.
        """
        kept = {one for query in self.queries for one in query.grades}
        for ranking in self.by_keywords().values():
            kept.update(ranking[:depth])
        documents = tuple(one for one in self.documents if one.id in kept)
        return RetrievalSet(self.name, documents, self.queries)


def retrieval_set(place: Path, choice: Choice) -> RetrievalSet:
    """Read a folder of corpus.jsonl[.gz], queries.jsonl[.gz] and grades; raises BadData.

    Grades are qrels.tsv, or, as BEIR has them, test.tsv or the one file of the folder qrels; ids
    are `id` or, likewise, `_id`.
    """
    if not place.is_dir():
        raise BadData(f"{place}: name the folder that holds corpus, queries and qrels.tsv")
    documents: dict[str, SetDocument] = {}
    for row in rows_of(files_in(place, "corpus")[0]):
        one = SetDocument(_id(row), str(row.values.get("title") or ""), row.text("text"))
        if documents.setdefault(one.id, one) is not one:
            raise row.bad(f"a second document {one.id!r}; give each an id of its own")
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for query, document, grade in _grades(_grades_in(place)):
        grades[query][document] = grade
    path = files_in(place, "queries")[0]
    queries = [
        SetQuery(_id(row), row.text("text"), grades[_id(row)])
        for row in rows_of(path)
        if any(grade > 0 for grade in grades.get(_id(row), {}).values())
    ]
    chosen = choice.of(queries, lambda query: query.id, path)
    return RetrievalSet(place.resolve().name, tuple(documents.values()), tuple(chosen))


def _id(row: EvalRow) -> str:
    return row.text("id" if "id" in row.values else "_id")


def _grades_in(place: Path) -> Path:
    """Find the file of grades; raises BadData where there are several and none is the test's."""
    folder = place / "qrels"
    if not folder.is_dir() or (place / "qrels.tsv").exists():
        return place / "qrels.tsv"
    files = sorted(folder.glob("*.tsv"))
    if len(files) == 1:
        return files[0]
    if (folder / "test.tsv") in files:
        return folder / "test.tsv"
    raise BadData(f"{folder}: {len(files)} files of grades, none is test.tsv; leave one there")


def _grades(path: Path) -> Iterator[tuple[str, str, int]]:
    """Read `query<TAB>document<TAB>grade`, a header allowed."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise BadData(f"{path}: {reason}; it holds query, document and grade, by tabs") from None
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if number == 1 and not fields[-1].strip().lstrip("-").isdigit():
            continue
        if not line.strip():
            continue
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise BadData(f"{path}:{number}: it must be query, document and grade, by tabs")
        yield fields[0], fields[1], int(fields[2])
