"""One list of media types: what the edge takes is what can be read."""

import pytest

from connectors.media_types import MEDIA_TYPES, OF_SUFFIX
from connectors.readers.parsing import parse
from connectors.readers.reader_registry import READERS
from tests.connectors.readers.written import WRITTEN


def test_every_media_type_of_the_list_has_a_reader_and_every_reader_is_listed():
    assert set(MEDIA_TYPES) == set(READERS)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_a_document_of_a_listed_type_is_read_and_its_reader_is_named(media_type):
    parsed = parse(media_type, WRITTEN.get(media_type, b"<p>Some text.</p>"))
    if media_type.startswith("image/"):  # what is in it takes a program that may be missing
        assert parsed.parser == "tesseract"
        return
    assert not parsed.error
    assert "Some text." in " ".join(one.text for one in parsed.blocks)
    assert parsed.parser
    assert parsed.parser_version


@pytest.mark.parametrize(
    "media_type", ["application/msword", "text/markdownn", "", "text/", "plain"]
)
def test_another_type_is_refused_with_the_list(media_type):
    error = parse(media_type, b"text").error
    assert all(listed in error for listed in MEDIA_TYPES)


def test_endings_are_lower_case_and_lead_to_a_listed_type():
    assert set(OF_SUFFIX.values()) == set(MEDIA_TYPES)
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in OF_SUFFIX)
    assert sum(map(len, MEDIA_TYPES.values())) == len(OF_SUFFIX)  # none means two types
