"""What of a page is hidden and can be shown, and what frames it: found in one walk before reading.

A panel behind a tab, an accordion or a dialog that a button opens is text that a reader can see.
A header or footer is navigation, unless it says something in words of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connectors.readers.blocks import flat

_OPENERS = (
    *("aria-controls", "data-target", "data-bs-target", "popovertarget", "commandfor", "href"),
    *("aria-labelledby", "aria-details"),
)
_ADDRESS = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_HOST = re.compile(r"https?://", re.IGNORECASE)
_FRAMES = frozenset(("banner", "contentinfo"))
FRAME_WORDS_MIN = 8  # of its own, outside of links: "© 2024 Acme, all rights reserved" has 6
LABEL_CHARS_MAX = 100


@dataclass
class SeenParts:
    """What `Page` must know of a page before it reads it."""

    openable: set[str] = field(default_factory=set)
    """Ids of what something on the page opens."""
    labels: dict[Any, str] = field(default_factory=dict)
    """Panel -> what its tab says."""
    tabs: set[Any] = field(default_factory=set)
    """Those whose label stands above their panel."""
    wordy: set[Any] = field(default_factory=set)
    """Headers and footers that say something."""
    host: str = ""
    """Where the page says that it comes from: links to there are navigation."""

    def target(self, link: Any, said: str) -> str:
        """Return where a link leads that leads elsewhere and does not say it itself."""
        address = " ".join((link.get("href") or "").split())
        if not _ADDRESS.match(address):
            return ""
        shown = address.removeprefix("mailto:").removeprefix("tel:")
        if shown in said or _HOST.sub("", shown, count=1).rstrip("/") == said.strip():
            return ""
        return "" if self.host and _host_of(address) == self.host else shown


def seen_of(root: Any) -> SeenParts:
    """Look through a page, each of its elements once."""
    seen = SeenParts()
    for element in root.iter(etree.Element):
        for name in _OPENERS:
            if value := element.get(name):
                seen.openable.update(part.removeprefix("#") for part in value.split()[:8])
        if not seen.host and element.tag in ("base", "link", "meta"):
            seen.host = _own_host(element)
    _find_frames(root, seen)
    _find_tabs(root, seen)
    return seen


def _own_host(element: Any) -> str:
    """Read from an element of the head which host the page is of."""
    if element.tag == "base" or (element.get("rel") or "").lower() == "canonical":
        return _host_of(element.get("href") or "")
    if (element.get("property") or "").lower() == "og:url":
        return _host_of(element.get("content") or "")
    return ""


def _host_of(address: str) -> str:
    return _HOST.sub("", address, count=1).partition("/")[0].lower() if "://" in address else ""


def role_of(element: Any) -> str:
    """Name an element's role, in lower case."""
    return (element.get("role") or "").strip().lower()


def is_frame(element: Any) -> bool:
    """Whether an element is the header or footer of the page itself."""
    if role_of(element) in _FRAMES:
        return True
    parent = element.getparent()
    return element.tag in ("header", "footer") and parent is not None and parent.tag == "body"


def _find_frames(root: Any, seen: SeenParts) -> None:
    words = in_links = 0
    began: list[tuple[int, bool]] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            in_links += element.tag == "a"
            if is_frame(element):
                began.append((words, False))
            if element.tag in ("h1", "address") and began:
                began[-1] = (began[-1][0], True)
            words += 0 if in_links else _words(element.text)
            continue
        in_links -= element.tag == "a"
        if is_frame(element):
            before, speaks = began.pop()
            if speaks or words - before >= FRAME_WORDS_MIN:
                seen.wordy.add(element)
            if speaks and began:
                began[-1] = (began[-1][0], True)
        words += 0 if in_links else _words(element.tail)


def _words(text: str | None) -> int:
    return len(text.split()) if text else 0


def _find_tabs(root: Any, seen: SeenParts) -> None:
    """Find which tab stands for which panel: by their ids, else by their order."""
    tabs: dict[str, Any] = {}  # by the panel's id, or the tab's own
    waiting: list[Any] = []  # tabs of the last list that named no panel, the last one first
    panels: list[tuple[Any, Any]] = []
    for element in root.iter(etree.Element):
        role = role_of(element)
        if role == "tablist":
            waiting = []
        elif role == "tab" or "tab" in (element.get("data-toggle"), element.get("data-bs-toggle")):
            named = list(_ids_of_tab(element))
            tabs.update((name, element) for name in named)
            waiting[:0] = [element]
        elif role == "tabpanel" or element.get("id") in tabs:
            panels.append((element, waiting.pop() if waiting else None))
    for panel, by_order in panels:
        labelled = (panel.get("aria-labelledby") or "").split()[:1]
        tab = tabs.get(panel.get("id") or "")
        tab = tabs.get(labelled[0]) if tab is None and labelled else tab
        tab = by_order if tab is None else tab
        if tab is not None and (label := _label(tab)):
            seen.labels[panel] = label
            seen.tabs.add(tab)


def _ids_of_tab(tab: Any) -> Iterator[str]:
    for name in ("id", "aria-controls", "data-target", "data-bs-target", "href"):
        if value := (tab.get(name) or "").strip().removeprefix("#"):
            yield value


def _label(tab: Any) -> str:
    """Read the beginning of what a tab says."""
    said = ""
    for text in tab.itertext():
        said += text[:LABEL_CHARS_MAX]
        if len(said) >= LABEL_CHARS_MAX:
            break
    return flat(said)[:LABEL_CHARS_MAX]
