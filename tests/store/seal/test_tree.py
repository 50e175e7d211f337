"""Roots and proofs of the Merkle tree against a naive tree that is a transcript of RFC 6962."""

import hashlib
from functools import cache
from random import Random

import hypothesis
import pytest
from hypothesis import strategies as st

from hub.store.seal.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofRefused,
    check_consistency,
    check_inclusion,
    hash_children,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    root_at,
    root_of,
)

SIZES = range(1, 65)
CONTENTS = tuple(f"row {number}".encode() for number in range(64))
LEAVES = [hash_leaf(content) for content in CONTENTS]


def split(length: int) -> int:
    """RFC 6962, 2.1: the largest power of two smaller than n."""
    k = 1
    while k * 2 < length:
        k *= 2
    return k


@cache
def mth(contents: tuple[bytes, ...]) -> bytes:
    """RFC 6962, 2.1: MTH(D[n])."""
    if not contents:
        return hashlib.sha256(b"").digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    k = split(len(contents))
    return hashlib.sha256(b"\x01" + mth(contents[:k]) + mth(contents[k:])).digest()


def path(m: int, contents: tuple[bytes, ...]) -> list[bytes]:
    """RFC 6962, 2.1.1: PATH(m, D[n])."""
    if len(contents) == 1:
        return []
    k = split(len(contents))
    if m < k:
        return [*path(m, contents[:k]), mth(contents[k:])]
    return [*path(m - k, contents[k:]), mth(contents[:k])]


def subproof(m: int, contents: tuple[bytes, ...], *, whole: bool) -> list[bytes]:
    """RFC 6962, 2.1.2: SUBPROOF(m, D[n], b)."""
    if m == len(contents):
        return [] if whole else [mth(contents)]
    k = split(len(contents))
    if m <= k:
        return [*subproof(m, contents[:k], whole=whole), mth(contents[k:])]
    return [*subproof(m - k, contents[k:], whole=False), mth(contents[:k])]


def node(level: int, index: int) -> bytes:
    """The perfect node over the test's contents."""
    return mth(CONTENTS[index << level : (index + 1) << level])


def test_the_leaf_and_node_hashes_are_those_of_the_rfcs_example_tree() -> None:
    """The empty tree, and the first two of the published test leaves of certificate transparency."""
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    first, second = hash_leaf(b""), hash_leaf(b"\x00")
    assert first.hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert second.hex() == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    root = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert hash_children(first, second).hex() == root


@pytest.mark.parametrize("size", SIZES)
def test_every_root_is_that_of_the_naive_tree(size: int) -> None:
    assert root_of(LEAVES[:size]) == root_at(size, node) == mth(CONTENTS[:size])


def test_the_frontier_gives_the_root_after_every_leaf() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT
    for number, leaf in enumerate(LEAVES, 1):
        frontier.append(leaf)
        assert (frontier.size, frontier.root()) == (number, mth(CONTENTS[:number]))


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_to_be_in_the_tree_as_the_rfc_says(size: int) -> None:
    root = mth(CONTENTS[:size])
    for index in range(size):
        proof = prove_inclusion(index, size, node)
        assert proof == path(index, CONTENTS[:size])
        check_inclusion(LEAVES[index], index, size, root, proof)


@pytest.mark.parametrize("size", SIZES)
def test_every_earlier_tree_is_proved_to_be_continued_as_the_rfc_says(size: int) -> None:
    root = mth(CONTENTS[:size])
    for first in range(1, size + 1):
        proof = prove_consistency(first, size, node)
        assert proof == subproof(first, CONTENTS[:size], whole=True)
        check_consistency(first, mth(CONTENTS[:first]), size, root, proof)


@pytest.mark.parametrize("size", SIZES)
def test_no_malformed_proof_of_inclusion_is_accepted(size: int) -> None:
    root = mth(CONTENTS[:size])
    for index in range(size):
        good = path(index, CONTENTS[:size])
        refused = [
            *((LEAVES[index], other, size, root, good) for other in range(-1, size + 1) if other != index),
            *((LEAVES[index], index, size, root, bad) for bad in spoil(good)),
            (LEAVES[index], index, 0, root, good),
            (LEAVES[index], index, -size, root, good),
            (hash_leaf(b"another"), index, size, root, good),
            (LEAVES[index][:31], index, size, root, good),
            (LEAVES[index], index, size, EMPTY_ROOT, good),
            (LEAVES[index], index, size, b"", good),
        ]
        for case in refused:
            with pytest.raises(ProofRefused):
                check_inclusion(*case)


@pytest.mark.parametrize("size", SIZES)
def test_no_malformed_proof_of_consistency_is_accepted(size: int) -> None:
    root = mth(CONTENTS[:size])
    for first in range(1, size + 1):
        old, good = mth(CONTENTS[:first]), subproof(first, CONTENTS[:size], whole=True)
        refused = [
            *((first, old, size, root, bad) for bad in spoil(good)),
            (first, hash_leaf(b"another"), size, root, good),
            (first, old, size, hash_leaf(b"another"), good),
            (0, old, size, root, good),
            (0, EMPTY_ROOT, size, root, []),
            (0, EMPTY_ROOT, 0, EMPTY_ROOT, []),
            (-first, old, size, root, good),
            (size + 1, old, size, root, good),
            (first, old, 0, root, good),
            (first, old[:31], size, root, good),
        ]
        for case in refused:
            with pytest.raises(ProofRefused):
                check_consistency(*case)


def spoil(good: list[bytes]) -> list[list[bytes]]:
    """Proofs that are not the good one: longer, shorter, one bit different, one hash cut, two swapped."""
    bad = [[*good, bytes(32)], [bytes(32), *good], good[1:], good[:-1]]
    for at, one in enumerate(good):
        bad += [
            [*good[:at], bytes([one[0] ^ 1]) + one[1:], *good[at + 1 :]],
            [*good[:at], one[:31], *good[at + 1 :]],
            [*good[:at], one, *good[at:]],
        ]
    return [one for one in [*bad, good[::-1]] if one != good]


def test_nothing_is_proved_about_leaves_and_trees_that_are_not_there() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no leaf"):
            prove_inclusion(index, size, node)
    for first, second in ((0, 0), (0, 5), (6, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no consistency"):
            prove_consistency(first, second, node)


@hypothesis.given(st.lists(st.binary(max_size=8), min_size=1, max_size=300), st.data())
def test_any_tree_proves_what_is_in_it_and_what_it_was(given: list[bytes], data: st.DataObject) -> None:
    contents = tuple(given)

    def own(level: int, index: int) -> bytes:
        return mth(contents[index << level : (index + 1) << level])

    size = len(contents)
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    root = root_at(size, own)
    check_inclusion(hash_leaf(contents[index]), index, size, root, prove_inclusion(index, size, own))
    check_consistency(first, mth(contents[:first]), size, root, prove_consistency(first, size, own))


@hypothesis.given(st.integers(1, 2000), st.integers(0, 2**32))
def test_a_proof_of_another_place_is_refused(size: int, seed: int) -> None:
    random = Random(seed)
    leaves = [random.randbytes(32) for _ in range(size)]
    levels = [leaves]
    while len(levels[-1]) > 1:
        row = levels[-1]
        levels.append([hash_children(*row[at : at + 2]) for at in range(0, len(row) - 1, 2)])

    def own(level: int, index: int) -> bytes:
        return levels[level][index]

    index, root = random.randrange(size), root_at(size, own)
    proof = prove_inclusion(index, size, own)
    check_inclusion(leaves[index], index, size, root, proof)
    for wrong in (index - 1, index + 1, index ^ 1, size - 1 - index):
        if wrong != index:
            with pytest.raises(ProofRefused):
                check_inclusion(leaves[index], wrong, size, root, proof)
