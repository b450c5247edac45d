"""EXIF blocks of very many and large values."""

import time

import pytest

from colorizer.photos.metadata.exif import MAX_BYTES, Value, fitted, read_block, write_block

SUB = 34665


def block(sizes: dict[int, int], below: dict[int, int]) -> bytes:
    tags = {tag: Value(7, size, bytes(size)) for tag, size in sizes.items()}
    return write_block(tags | {SUB: {tag: Value(7, size, bytes(size)) for tag, size in below.items()}})


def kept(content: bytes | None) -> tuple[set[int], set[int]]:
    tags = read_block(content)
    return set(tags) - {SUB}, set(tags[SUB])


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_largest_values_go_first(order: str) -> None:
    tags = {1: 3, 2: 500, 3: 301, 40: 90}, {36867: 700, 37500: 40}
    whole = write_block(read_block(block(*tags)), order)
    assert fitted(whole, len(whole)) == whole
    assert kept(fitted(whole, len(whole) - 1)) == ({1, 2, 3, 40}, {37500})
    assert kept(fitted(whole, len(whole) - 712)) == ({1, 2, 3, 40}, {37500})
    assert kept(fitted(whole, len(whole) - 713)) == ({1, 3, 40}, {37500})
    for size in range(60, len(whole)):
        assert (left := fitted(whole, size)) is None or len(left) <= size
    assert fitted(whole, 20) is None


def test_two_thousand_large_values_take_little_time() -> None:
    large = block(dict.fromkeys(range(1000, 2990), MAX_BYTES // 2000), {36867: 20})
    start = time.process_time()
    assert len(read_block(fitted(large, 65_000))) < 10
    assert time.process_time() - start < 10
