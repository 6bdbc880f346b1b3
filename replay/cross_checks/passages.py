"""Passages and candidates of an index, against the chunks that were put into it.

`Fetch` gives the text of a chunk back, and `Search` names its document: both stand in the chunk's
own `ChunksEmbedded`. A chunk that is written again, under another title, say, has several forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from replay.cross_checks.forms import FormNumbers, FormValues, form_number
from schemas import ChunksEmbedded, Fetch, FetchAdjacent, Fetched, Found, Passage


class IndexedChunks:
    """The chunks that were put into the index, by their forms.

    `elsewhere` reads the records of the other lanes: a tenant may have several.
    """

    def __init__(self, elsewhere: Callable[[], Iterable[ChunksEmbedded]]) -> None:
        self._elsewhere: Callable[[], Iterable[ChunksEmbedded]] | None = elsewhere
        self._forms = FormNumbers()
        """Of tenant, chunk and what the record says of it."""
        self._documents = FormValues()
        """Tenant and chunk -> its document, by their numbers."""
        self._versions = FormValues(signed=True)
        """Tenant and document, by their number -> its highest version."""

    def learn(self, event: ChunksEmbedded) -> None:
        """Take in a record of chunks."""
        tenant, document = event.meta.tenant, event.document
        place = form_number(tenant, document.document)
        self._versions[place] = max(self._versions.get(place) or 0, document.version)
        for passage in _passages_of(event):
            self._forms.add(_form(tenant, passage))
            self._documents[form_number(tenant, passage.chunk)] = place

    def against_fetched(self, tenant: str, request: Fetch, fetched: Fetched) -> str:
        """Say what speaks against passages that were fetched."""
        wanted = iter(request.chunks)
        if not all(passage.chunk in wanted for passage in fetched.passages):
            return "it fetches passages in another order than they were asked for, or others"
        return self._against_forms(tenant, fetched)

    def against_adjacent(self, tenant: str, request: FetchAdjacent, fetched: Fetched) -> str:
        """Say what speaks against passages that stand beside others."""
        documents = {self._document_of(tenant, chunk) for chunk in request.chunks}
        if any(form_number(tenant, one.document) not in documents for one in fetched.passages):
            return "it fetches what stands beside other chunks than it asked for"
        return self._against_forms(tenant, fetched)

    def _against_forms(self, tenant: str, fetched: Fetched) -> str:
        for passage in fetched.passages:
            if self._document_of(tenant, passage.chunk) is None:
                return f"it fetches chunk {passage.chunk}, which no record of chunks holds"
            if _form(tenant, passage) not in self._forms:
                return f"it fetches another text, title or place of chunk {passage.chunk} than its"
            version = self._versions.get(form_number(tenant, passage.document)) or 0
            if not 0 < passage.version <= version:
                return f"it fetches version {passage.version} of {passage.document}: there is none"
        return ""

    def against_found(self, tenant: str, found: Found) -> str:
        """Say what speaks against candidates of a search."""
        for candidate in found.candidates:
            document = self._document_of(tenant, candidate.chunk)
            if document is None:
                return f"it finds chunk {candidate.chunk}, which no record of chunks holds"
            if form_number(tenant, candidate.document) != document:
                return f"it finds chunk {candidate.chunk} in another document than its own"
        return ""

    def _document_of(self, tenant: str, chunk: str) -> int | None:
        """Return the document of a chunk, by its number; None where no record holds the chunk."""
        number = form_number(tenant, chunk)
        if self._documents.get(number) is None and self._elsewhere is not None:
            elsewhere, self._elsewhere = self._elsewhere, None
            for event in elsewhere():
                self.learn(event)
        return self._documents.get(number)


def _passages_of(event: ChunksEmbedded) -> Iterator[Passage]:
    """Yield the chunks of a record as the index gives them back."""
    for chunk in event.chunks:
        yield Passage(
            chunk=chunk.id,
            document=event.document.document,
            version=0,
            number=chunk.number,
            title=event.title,
            uri=event.document.uri,
            text=chunk.text,
            tokens=chunk.tokens,
            entries=chunk.entries,
        )


def _form(tenant: str, passage: Passage) -> int:
    """Digest what a passage says of its chunk; its version and its score are the moment's."""
    return form_number(
        tenant,
        passage.chunk,
        passage.document,
        passage.number,
        passage.title,
        passage.uri,
        passage.text,
        passage.tokens,
        passage.entries,
    )
