"""Each reader stands for itself: loaded when it is needed, with a version that is its own."""

import subprocess
import sys

import pytest

from connectors.readers.document_reader import DocumentReader
from connectors.readers.reader_registry import READERS, reader_of


@pytest.mark.parametrize("kind", READERS)
def test_every_media_type_of_the_list_leads_to_a_reader(kind):
    reader = reader_of(kind)
    assert isinstance(reader, DocumentReader)
    assert reader.name
    assert reader.version


def test_another_media_type_leads_to_nobody():
    assert reader_of("application/x-unheard-of") is None


def test_plain_text_loads_no_other_reader():
    """Nor the libraries of another format: each process that reads would have to hold them."""
    code = (
        "import sys\n"
        "from connectors.readers.parsing import parse\n"
        "parse('text/plain', b'Some text.')\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    others = {f"connectors.readers.{module}" for module in READERS.values()} - {
        "connectors.readers.plain"
    }
    assert "connectors.readers.plain" in loaded
    assert not others & set(loaded)
    assert not {"lxml", "markdown_it"} & set(loaded)
