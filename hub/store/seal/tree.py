"""The Merkle tree of RFC 6962: hashes, roots and proofs as pure functions of bytes.

A node is named by its level (0: leaves) and its index there; the node (level, index) is the root over the
leaves from `index << level` up to, but not including, `(index + 1) << level`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

Node = Callable[[int, int], bytes]
"""Gives the hash of a perfect node by level and index; every leaf under it is there."""
Span = tuple[int, int]
"""Leaves from the first number up to, but not including, the second."""

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()


class ProofRefused(Exception):
    """The proof does not show what it claims; what it was made for, or what it was made from, was changed."""


def hash_leaf(content: bytes) -> bytes:
    """Give the hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Give the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect trees that a growing log consists of: all that it needs to go on."""

    def __init__(self, *, step: int = 0) -> None:
        self.size = 0
        self.completed: list[tuple[int, int, bytes]] = []
        """Inner nodes (level, index, hash) completed on every `step`th level; the caller clears them."""
        self._step = step
        self._roots: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        self._roots.append(leaf)
        number, level = self.size, 0
        while number & 1:  # two perfect trees of one height become one
            right, left = self._roots.pop(), self._roots.pop()
            self._roots.append(hash_children(left, right))
            number, level = number >> 1, level + 1
            if self._step and level % self._step == 0:
                self.completed.append((level, number, self._roots[-1]))
        self.size += 1

    def root(self) -> bytes:
        """Give the root over all leaves so far."""
        return _fold(self._roots)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Give the root over the hashes of leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def root_at(size: int, node: Node) -> bytes:
    """Give the root that a log had when it held `size` leaves."""
    return _hash_span((0, size), node) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Give the audit path (RFC 6962, 2.1.1) of a leaf in the tree over the first `size` leaves.

    Raises `ValueError` when there is no such leaf in that tree.
    """
    if not 0 <= index < size:
        msg = f"a tree of {size} leaves has no leaf {index}"
        raise ValueError(msg)
    return [_hash_span(span, node) for span in _beside(index, (0, size))]


def prove_consistency(first: int, second: int, node: Node) -> list[bytes]:
    """Give the consistency proof (RFC 6962, 2.1.2) between the trees of a first and a second size.

    Raises `ValueError` unless 0 < first <= second: nothing can be proved from an empty tree.
    """
    if not 0 < first <= second:
        msg = f"no consistency can be proved from {first} to {second} leaves"
        raise ValueError(msg)
    if first == second:
        return []
    return [_hash_span(span, node) for span in _between(first, (0, second), known=True)]


def check_inclusion(  # noqa: PLR0917 - this leaf stands here in this tree, by this path
    leaf: bytes, index: int, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the hash of a leaf is the one at `index` of the tree with this size and root.

    Raises `ProofRefused` for whatever does not show it (RFC 9162, 2.1.3.2).
    """
    if not 0 <= index < size:
        raise ProofRefused(f"leaf {index} of a tree of {size} leaves: there is none")
    _check_hashes([leaf, root, *path])
    at, last, found = index, size - 1, leaf
    for beside in path:
        if not last:
            raise ProofRefused(f"the path of leaf {index} is longer than a tree of {size} leaves is high")
        if at & 1 or at == last:
            found = hash_children(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hash_children(found, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused(f"the path of leaf {index} is shorter than a tree of {size} leaves is high")
    if found != root:
        raise ProofRefused(f"leaf {index} is not the one that the head of {size} leaves was made over")


def check_consistency(  # noqa: PLR0917 - from this tree to that one, by this proof
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree with the second size and root continues the first without changing it.

    Raises `ProofRefused` for whatever does not show it (RFC 9162, 2.1.4.2), an empty first tree included.
    """
    if not 0 < first <= second:
        raise ProofRefused(f"from {first} to {second} leaves nothing can be proved")
    _check_hashes([first_root, second_root, *proof])
    if first == second:
        if proof or first_root != second_root:
            raise ProofRefused(f"two heads of {first} leaves differ")
        return
    hashes = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not hashes:
        raise ProofRefused(f"an empty proof from {first} to {second} leaves shows nothing")
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for beside in hashes[1:]:
        if not last:
            raise ProofRefused(f"the proof from {first} to {second} leaves is too long")
        if at & 1 or at == last:
            old, new = hash_children(beside, old), hash_children(beside, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = hash_children(new, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused(f"the proof from {first} to {second} leaves is too short")
    if old != first_root or new != second_root:
        raise ProofRefused(f"the first {first} of {second} leaves are not those of the earlier head")


def _beside(index: int, span: Span) -> Iterator[Span]:
    """Give the spans whose roots lead from a leaf to the root of `span`, the nearest first."""
    begin, end = span
    if end - begin == 1:
        return
    middle = begin + _half(end - begin)
    if index < middle:
        yield from _beside(index, (begin, middle))
        yield middle, end
    else:
        yield from _beside(index, (middle, end))
        yield begin, middle


def _between(first: int, span: Span, *, known: bool) -> Iterator[Span]:
    """Give the spans of a consistency proof; `known` while the earlier root itself is at hand."""
    begin, end = span
    if first == end:
        if not known:
            yield span
        return
    middle = begin + _half(end - begin)
    if first <= middle:
        yield from _between(first, (begin, middle), known=known)
        yield middle, end
    else:
        yield from _between(first, (middle, end), known=False)
        yield begin, middle


def _hash_span(span: Span, node: Node) -> bytes:
    """Give the root over a span whose begin is a multiple of the power of two not below its length."""
    begin, end = span
    roots: list[bytes] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        roots.append(node(level, begin >> level))
        begin += 1 << level
    return _fold(roots)


def _fold(roots: Sequence[bytes]) -> bytes:
    """Give the root over perfect trees, the highest first."""
    if not roots:
        return EMPTY_ROOT
    found = roots[-1]
    for left in reversed(roots[:-1]):
        found = hash_children(left, found)
    return found


def _half(length: int) -> int:
    """Give the largest power of two below a length of two or more."""
    return 1 << (length - 1).bit_length() - 1


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofRefused(f"a hash in a proof has {HASH_BYTES} bytes; this one has not")
