"""Answer for what a library raises over a file that is broken, hostile or no such file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.readers.guards import UnreadableDocument

_XML_OUT_OF_MEMORY = 2  # libxml2's XML_ERR_NO_MEMORY, which lxml raises as a syntax error
_PANIC = "PanicException"  # of a library in Rust; it derives from BaseException


@contextmanager
def damaged(what: str) -> Iterator[None]:
    """Turn whatever is raised while a file is read into UnreadableDocument.

    Libraries raise over a broken file what their authors did not think of: KeyError, struct.error,
    a panic. All of it says that the file can't be read, and none of it may be quoted. That memory
    ran out says nothing of the file, and is raised on.
    """
    try:
        yield
    except (UnreadableDocument, MemoryError):
        raise
    except RecursionError:
        raise UnreadableDocument(
            f"this {what} nests deeper than any real one: convert it to plain text"
        ) from None
    except Exception as error:  # noqa: BLE001 - that is the point of it
        if _lacks_memory(error):
            raise MemoryError from None
        raise UnreadableDocument(_advice(what, error)) from None
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise UnreadableDocument(_advice(what, error)) from None


def _lacks_memory(error: Exception) -> bool:
    return type(error).__name__ == "XMLSyntaxError" and (
        getattr(error, "code", None) == _XML_OUT_OF_MEMORY
    )


def _advice(what: str, error: BaseException) -> str:
    return (
        f"this {what} is damaged, or is none ({type(error).__name__}): open it in the program it "
        "is from, save it anew and submit that"
    )
