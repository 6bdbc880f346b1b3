"""Archives from hostile hands: the command ends in words, with a status of its own, within bounded memory.

Each is a whole golden log of 0.1.0, with 2,297 records, of which one thing was made hostile.
"""

import json
import os
import shutil
import zlib
from pathlib import Path

import pytest

from schemas.binary import LONG
from tests.golden.verifying import ROOT, environment

GOLDEN = ROOT / "tests" / "golden" / "0.1.0"
TOPIC = "playhead.tokens.generated"
MEMORY_BYTES_MAX = 4 * 2**30
"""Of addresses; libraries and threads reserve a good part, what is resident stays far below."""
RESIDENT_MB_MAX = 1_000

pytestmark = pytest.mark.slow


def first_file(log):
    return min((log / TOPIC).rglob("*.avro"))


def manifest(log, change):
    path = log / "manifest.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def header_of(content):
    """Return what a container begins with, its sync marker included."""
    sync = content[-16:]
    return content[: content.index(sync) + 16], sync


def with_blocks(log, *blocks, change=lambda header: header):
    """Put blocks in place of those of a file: each is a count, a size and bytes."""
    path = first_file(log)
    header, sync = header_of(path.read_bytes())
    body = b"".join(LONG[count] + LONG[size] + data + sync for count, size, data in blocks)
    path.write_bytes(change(header) + body)


def bomb(log):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(deflate.compress(bytes(2**20)) for _ in range(4_096)) + deflate.flush()
    with_blocks(log, (1, len(data), data))


def other_sync(log):
    path = first_file(log)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def odd_codec(log):
    with_blocks(log, change=lambda header: header.replace(b"\x0edeflate", b"\x0esnappy!"))


def far_too_long(log):
    with_blocks(log, (1, 2**31 - 1, b"x"))


def row_far_too_long(log):
    row = LONG[0] + LONG[0] + b"\2" + LONG[2**31 - 1] + b"k"
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(row) + deflate.flush()
    with_blocks(log, (1, len(data), data))


def no_text_in_a_row(log):
    name = b"\xff\xfe"
    row = LONG[0] + LONG[0] + b"\0\0" + LONG[1] + LONG[len(name)] + name + LONG[0] + LONG[0]
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(row) + deflate.flush()
    with_blocks(log, (1, len(data), data))


def said_twice(log):
    manifest(log, lambda told: told["files"].append(dict(told["files"][0])))


def named(name):
    return lambda log: manifest(log, lambda told: told["files"][0].update(file=name))


def linked(log):
    path = first_file(log)
    path.unlink()
    path.symlink_to("/dev/zero")


def linked_folder(log):
    shutil.move(log / TOPIC, log.parent / "elsewhere")
    (log / TOPIC).symlink_to(log.parent / "elsewhere")


def no_text(log):
    path = log / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"format"', b'"\xff\xfe":1,"format"', 1))


def million_topics(log):
    manifest(log, lambda told: told["topics"].update({f"t{n}": {"0": {"begin": 0, "end": 0}} for n in range(10**6)}))  # fmt: skip


def million_lanes(log):
    lanes = {str(n): {"begin": 0, "end": 0} for n in range(10**6)}
    manifest(log, lambda told: told["topics"].update({"playhead.x": lanes}))


def far_lane(log):
    lane = {str(10**9): {"begin": 0, "end": 0}}
    manifest(log, lambda told: told["topics"].update({"playhead.x": lane}))


def million_files(log):
    manifest(log, lambda told: told["files"].extend([dict(told["files"][0])] * 300_000))


A_REQUEST = "f9cf4ae0-6e0b-5043-b584-56abc0f490f1"
FOR_ONE_REQUEST = {
    "another sync marker",
    "an unknown codec",
    "a block of 2 GB",
    "a field of 2 GB",
    "no text in a row",
    "a file said twice",
    "a way out",
    "a name from the root",
    "NUL in a name",
}
"""Of which one request is verified: all of the log is read for it, and a third of the work is left."""
CASES = {
    "a bomb": (bomb, 1, "a block holds more than an export puts into one"),
    "another sync marker": (other_sync, 1, "a block does not end as its container says"),
    "an unknown codec": (odd_codec, 1, "its codec is none of null, deflate, zstandard"),
    "a block of 2 GB": (far_too_long, 1, "a block says that it has 2147483647 bytes"),
    "a field of 2 GB": (row_far_too_long, 1, "can't be read"),
    "no text in a row": (no_text_in_a_row, 1, "can't be read"),
    "a file said twice": (said_twice, 1, "does not follow"),
    "a way out": (named("../../../etc/passwd"), 1, "no export gives such a name"),
    "a name from the root": (named("/etc/passwd"), 1, "no export gives such a name"),
    "NUL in a name": (named(f"{TOPIC}/0/\0.avro"), 1, "no export gives such a name"),
    "a link": (linked, 1, "can't be read"),
    "a link to a folder": (linked_folder, 1, "a link leads to it"),
    "no text in the manifest": (no_text, 1, "is not JSON: export the archive again"),
    "a million topics": (million_topics, 1, "topics: no export has over 1000"),
    "a million lanes": (million_lanes, 1, "lanes: no export has over 4096"),
    "a lane of a high number": (far_lane, 1, "1000000001 lanes: no export has over 4096"),
    "a file said 300,000 times": (million_files, 1, "does not follow"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_archive_ends_in_words(verbs, tmp_path, name):
    tamper, status, words = CASES[name]
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    tamper(folder / "log")
    words_of_verb = ["replay", "verify", "--archive", folder / "log", "--json", "--jobs", "1"]
    if name in FOR_ONE_REQUEST:
        words_of_verb += ["--request", A_REQUEST]
    settings = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment(folder)}
    ended = verbs.run(words_of_verb, settings, 240.0, address_bytes=MEMORY_BYTES_MAX)
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said[-2_000:]
    assert words in said, said[:2_000]
    assert ended.returncode == status
    assert ended.peak_kb < RESIDENT_MB_MAX * 1_024
