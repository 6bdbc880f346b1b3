"""Whoever watches a run go on; this one looks away."""

from __future__ import annotations

from connectors.sources.findings import DocumentSource


class RunWatcher:
    """Is told how a run comes along."""

    def begun(self, source: DocumentSource) -> None:
        """Hear that a source is about to be read."""

    def found(self) -> None:
        """Hear that one more thing was found, and what followed from that done."""

    def held_up(self) -> None:
        """Hear that nothing is handed in until ingest has caught up."""

    def settled(self, done: int, asked: int) -> None:
        """Hear how many requests are through, of how many that are waited for."""
