"""What is known of the documents of a tenant's sources, while a run goes on.

A view over the log in a private file of SQLite, which is gone with the process: neither the number
of documents nor the length of a listing is a matter of memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass

from schemas import DocumentSeen, Sealed

SCHEMA = """
CREATE TABLE seen (
  source TEXT, document TEXT, uri TEXT, state TEXT, marker TEXT, content TEXT, changes INTEGER,
  sealed_event TEXT, sealed BLOB, met INTEGER DEFAULT 0, PRIMARY KEY (source, document)
) WITHOUT ROWID;
CREATE INDEX elsewhere ON seen (document);
"""
PAGE = 1_000  # rows read at a time, since others are written between them
LISTED, SAID_GONE = 1, 2
"""How a document was met in this run."""
VALIDATORS = "validators"


@dataclass(frozen=True)
class SeenDocument:
    """The last that was seen of a document."""

    document: str
    uri: str
    state: str = ""
    """held, gone, noted; empty where it was never seen."""
    marker: str = ""
    content: str = ""
    changes: int = 0
    validators: Sealed | None = None
    met: int = 0
    """0, LISTED or SAID_GONE."""

    @property
    def is_held(self) -> bool:
        """Whether it was handed in and is not withdrawn."""
        return self.state == "held"


class SeenDocuments:
    """Documents of a tenant's sources, by source."""

    def __init__(self) -> None:
        self._store = sqlite3.connect("", isolation_level=None)  # a private file on the disk
        self._store.executescript(SCHEMA)

    def close(self) -> None:
        """Forget everything."""
        self._store.close()

    def learn_all(self, facts: Iterator[DocumentSeen]) -> None:
        """Take in what the log says."""
        self._store.execute("BEGIN")
        for fact in facts:
            self.learn(fact)
        self._store.execute("COMMIT")

    def learn(self, fact: DocumentSeen) -> None:
        """Take in one record; whether the document was met stays."""
        sealed = fact.validators
        self._store.execute(
            "INSERT INTO seen VALUES (?,?,?,?,?,?,?,?,?,0)"
            " ON CONFLICT DO UPDATE SET uri=excluded.uri, state=excluded.state,"
            " marker=excluded.marker, content=excluded.content, changes=excluded.changes,"
            " sealed_event=excluded.sealed_event, sealed=excluded.sealed",
            (
                fact.source,
                fact.document,
                fact.uri,
                fact.state,
                fact.marker,
                fact.content,
                fact.changes,
                sealed and sealed.event,
                sealed and sealed.ciphertext,
            ),
        )

    def get(self, source: str, document: str, uri: str) -> SeenDocument:
        """Return what is known of a document."""
        found = self._store.execute(
            "SELECT document, uri, state, marker, content, changes, sealed_event, sealed, met"
            " FROM seen WHERE source = ? AND document = ?",
            (source, document),
        ).fetchone()
        return _known(found) if found else SeenDocument(document, uri)

    def meet(self, source: str, known: SeenDocument, how: int = LISTED) -> None:
        """Note that a document was met in this run."""
        self._store.execute(
            "INSERT INTO seen (source, document, uri, state, marker, content, changes, met)"
            " VALUES (?,?,?,'','','',0,?) ON CONFLICT DO UPDATE SET met = excluded.met",
            (source, known.document, known.uri, how),
        )

    def held(self, source: str) -> int:
        """Count the documents of a source that are handed in."""
        [count] = self._store.execute(
            "SELECT count(*) FROM seen WHERE source = ? AND state = 'held'", (source,)
        ).fetchone()
        return int(count)

    def missing(self, source: str, *, absent: bool) -> int:
        """Count the held documents that are gone, those that were not listed among them or not."""
        [count] = self._store.execute(
            "SELECT count(*) FROM seen WHERE source = ? AND state = 'held' AND met IN (?, ?)",
            (source, SAID_GONE, 0 if absent else SAID_GONE),
        ).fetchone()
        return int(count)

    def each_missing(self, source: str, *, absent: bool) -> Iterator[SeenDocument]:
        """Yield them; what is learnt meanwhile does not disturb."""
        wanted = {SAID_GONE, 0} if absent else {SAID_GONE}
        return self._each(source, lambda one: one.is_held and one.met in wanted)

    def each_held(self, source: str) -> Iterator[SeenDocument]:
        """Yield all documents of a source that are handed in."""
        return self._each(source, lambda one: one.is_held)

    def each_there(self, source: str) -> Iterator[SeenDocument]:
        """Yield all documents of a source that are not gone."""
        return self._each(source, lambda one: one.state in {"held", "noted"})

    def _each(self, source: str, wanted: Callable[[SeenDocument], bool]) -> Iterator[SeenDocument]:
        after = ""
        while True:
            page = self._store.execute(
                "SELECT document, uri, state, marker, content, changes, sealed_event, sealed, met"
                " FROM seen WHERE source = ? AND document > ? ORDER BY document LIMIT ?",
                (source, after, PAGE),
            ).fetchall()
            if not page:
                return
            yield from filter(wanted, map(_known, page))
            after = page[-1][0]

    def elsewhere(self, source: str, document: str, sources: Collection[str]) -> str:
        """Name another source, of those that there are, that holds the document; empty for none."""
        query = (
            "SELECT source FROM seen"
            " WHERE document = ? AND source <> ? AND state = 'held' ORDER BY source"
        )
        with closing(self._store.execute(query, (document, source))) as rows:
            return next((name for (name,) in rows if name in sources), "")


def _known(
    row: tuple[str, str, str, str, str, int, str | None, bytes | None, int],
) -> SeenDocument:
    document, uri, state, marker, content, changes, event, sealed, met = row
    validators = None
    if event is not None and sealed is not None:
        key = f"document/{document}"
        validators = Sealed(key=key, event=event, field=VALIDATORS, ciphertext=sealed)
    return SeenDocument(document, uri, state, marker, content, changes, validators, met)
