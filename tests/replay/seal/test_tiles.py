"""Tiles: all hashes of a tree out of files, also after it has grown, and of a tree of before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.seal.merkle import (
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from replay.seal.tiles import Tiles, TileWriter, tile_path


def leaf(number):
    return leaf_hash(b"leaf %d" % number)


def roots(size):
    frontier, listed = Frontier(), [Frontier().root]
    for number in range(size):
        frontier.append(leaf(number))
        listed.append(frontier.root)
    return listed


def grown(folder, *sizes):
    """Let a tree grow in a folder, begun anew from the files at each of these sizes."""
    size = 0
    for until in sizes:
        writer = TileWriter(folder, size)
        for number in range(size, until):
            writer.append(leaf(number))
        writer.save()
        size = until
    return Tiles(folder, size)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((1, 67, 3), "tile/1/067.p/3"),
        ((2, 1_234_067), "tile/2/x001/x234/067"),
        ((0, 1_000, 255), "tile/0/x001/000.p/255"),
    ],
)
def test_tiles_are_named_as_their_standard_says(args, path):
    assert tile_path(*args) == path


@pytest.mark.parametrize(
    "sizes", [(0,), (1,), (255,), (256,), (257,), (1, 2, 256, 300), (700, 701)]
)
def test_a_tree_that_was_left_goes_on(tmp_path, sizes):
    tiles = grown(tmp_path, *sizes)
    assert tiles.frontier().root == roots(sizes[-1])[-1]


def test_a_tree_of_more_than_one_level_of_tiles_goes_on(tmp_path):
    size = 256 * 256 + 300
    tiles = grown(tmp_path, 256 * 255 + 17, size)
    frontier = Frontier()
    for number in range(size):
        frontier.append(leaf(number))
    assert tiles.frontier().root == frontier.root
    assert (tmp_path / "tile/2/000.p/1").is_file()
    proof = inclusion_proof(tiles, 70, size)
    check_inclusion(leaf(70), 70, size, proof, frontier.root)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=4, unique=True).map(sorted), st.data())
def test_whatever_was_signed_is_proved_later(unit_path_factory, sizes, data):
    folder = unit_path_factory.mktemp("tiles")
    tiles, all_roots = grown(folder, *sizes), roots(sizes[-1])
    old = data.draw(st.sampled_from(sizes))
    index = data.draw(st.integers(0, old - 1))
    root = all_roots[sizes[-1]]
    check_consistency(
        old, tiles.size, consistency_proof(tiles, old, tiles.size), all_roots[old], root
    )
    before = Tiles(folder, old)
    check_inclusion(leaf(index), index, old, inclusion_proof(before, index, old), all_roots[old])


def test_a_tile_that_is_missing_or_short_is_named(tmp_path):
    tiles = grown(tmp_path, 300)
    path = tmp_path / "tile/0/001.p/44"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LookupError, match=r"tile/0/001\.p/44"):
        tiles.hash_at(0, 299)
    (tmp_path / "tile/0/000").unlink()
    with pytest.raises(LookupError, match="tile/0/000"):
        Tiles(tmp_path, 300).hash_at(3, 0)
    with pytest.raises(LookupError):
        TileWriter(tmp_path, 300)


@pytest.mark.parametrize(("level", "index"), [(0, 300), (0, -1), (8, 1), (9, 0)])
def test_what_is_not_all_there_has_no_hash(tmp_path, level, index):
    with pytest.raises(LookupError, match="has no full part"):
        grown(tmp_path, 300).hash_at(level, index)


def test_what_was_not_saved_is_written_again_the_same(tmp_path):
    grown(tmp_path, 200)
    writer = TileWriter(tmp_path, 200)
    for number in range(200, 400):
        writer.append(leaf(number))  # it ends here: a full tile is on the disk, nothing was saved
    assert grown_on(tmp_path, 200, 500) == roots(500)[-1]


def grown_on(folder, size, until):
    writer = TileWriter(folder, size)
    for number in range(size, until):
        writer.append(leaf(number))
    writer.save()
    return Tiles(folder, until).frontier().root


def test_nothing_half_written_is_left_or_read(tmp_path):
    grown(tmp_path, 300)
    assert not list(tmp_path.rglob("*.unfinished"))
