"""What a cursor remembers of files is packed, and is a set all the same."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from connectors.b2mml.marks import Marks

marks = st.integers(0, 40).map(lambda n: (n * 0x0A00_0000_0000_0001 % 2**64).to_bytes(8, "big"))
steps = st.lists(st.tuples(st.sampled_from(["add", "discard", "keep", "write"]), st.lists(marks, max_size=9)))


@given(steps)
def test_marks_are_a_set_that_is_written_in_its_order(told: list[tuple[str, list[bytes]]]) -> None:
    packed, plain = Marks(), set[bytes]()
    for word, some in told:
        if word == "keep":
            packed.keep_only(some)
            plain &= set(some)
        elif word == "write":
            packed = Marks(packed.pack())
        for mark in some if word in {"add", "discard"} else ():
            getattr(packed, word)(mark)
            getattr(plain, word)(mark)

        assert bool(packed) == bool(plain)
        assert all((mark in packed) == (mark in plain) for mark in [*some, *plain])
    assert base64.b64decode(packed.pack()) == b"".join(sorted(plain))
