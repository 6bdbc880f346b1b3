"""Forms, however their bytes come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.http.multipart_body import FormReader, boundary_of, is_multipart
from edge.uploading.spooled_files import FRAME_BYTES, SpooledFiles

CALLER = Caller("key-1", "acme", "w", "writer", frozenset({"write"}), ())
BOUNDARY = b"frontier"
NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.just(b"\r\n--frontie"),
    st.just(b"\r\n--\r\n" * 20),
    st.just(b"\r\n"),
)


def a_form(files):
    parts = (
        b'--%b\r\nContent-Disposition: form-data; name="f"; filename="%b"\r\n\r\n%b\r\n'
        % (BOUNDARY, name.encode(), content)
        for name, content in files
    )
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


async def in_pieces(body, sizes):
    at = 0
    for size in sizes:
        yield body[at : at + size]
        at += size
    yield body[at:]


async def read(body, sizes, folder):
    with SpooledFiles(folder) as spool:
        files = await FormReader(BOUNDARY, spool, CALLER).read(in_pieces(body, sizes))
        return [(file.name, spool.read(file.spooled), file.digest) for file in files]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(NAMES, CONTENTS), min_size=1, max_size=4),
    st.lists(st.integers(0, 60), max_size=30),
)
async def test_a_form_is_the_same_in_whatever_pieces_it_comes(tmp_path_factory, files, sizes):
    folder = tmp_path_factory.getbasetemp()
    body = a_form(files)
    found = await read(body, sizes, folder)
    assert [(name, content) for name, content, _ in found] == files
    assert found == await read(body, (), folder)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0))
async def test_a_form_that_is_cut_anywhere_is_refused(tmp_path_factory, place):
    body = a_form([("a.txt", b"x" * 50), ("b.txt", b"y" * 50)])
    # but for what stands behind its end
    body = body[: place % (len(body) - len(b"--\r\n"))]
    with pytest.raises(Problem) as refused:
        await read(body, (), tmp_path_factory.getbasetemp())
    assert refused.value.status == 400


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
async def test_what_is_no_form_is_refused_and_breaks_nothing(tmp_path_factory, body):
    with pytest.raises(Problem) as refused:
        await read(b"--" + BOUNDARY + b"\r\n" + body, (), tmp_path_factory.getbasetemp())
    assert refused.value.status in (400, 413, 422)


async def test_each_thing_that_is_sent_of_a_file_is_in_its_digest(tmp_path):
    digests = set()
    for name, content in (("a", b"x"), ("b", b"x"), ("a", b"y"), ("a", b"")):
        [(*_, digest)] = await read(a_form([(name, content)]), (), tmp_path)
        digests.add(digest)
    assert len(digests) == 4


async def test_a_large_file_is_let_go_of_as_it_comes(tmp_path):
    body = a_form([("a.bin", b"z" * (5 * FRAME_BYTES))])
    waiting = []

    async def pieces(spool):
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]
            waiting.append(spool.waiting)

    with SpooledFiles(tmp_path) as spool:
        [file] = await FormReader(BOUNDARY, spool, CALLER).read(pieces(spool))
        assert spool.read(file.spooled) == b"z" * (5 * FRAME_BYTES)
    assert max(waiting) < FRAME_BYTES


@pytest.mark.parametrize(
    ("content_type", "is_one"),
    [
        ("multipart/form-data; boundary=x", True),
        ("Multipart/Form-Data;boundary=x", True),
        ("multipart/mixed; boundary=x", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_form_is_known_by_its_type(content_type, is_one):
    assert is_multipart(content_type) == is_one


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=x", b"x"),
        ('multipart/form-data; charset=utf-8; boundary="a b"', b"a b"),
        ("multipart/form-data; boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_its_boundary_is_read(content_type, boundary):
    assert boundary_of(content_type) == boundary
