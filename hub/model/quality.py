"""Sample quality as OPC UA status codes (OPC UA Part 4, 7.39): the top two bits are the class."""

GOOD = 0x00000000
UNCERTAIN = 0x40000000
BAD = 0x80000000
BAD_NO_DATA = 0x809B0000
GOOD_ENTRY_REPLACED = 0x00A20000

_CLASSES = ("good", "uncertain", "bad", "bad")


def quality_class(code: int) -> str:
    """Give `good`, `uncertain` or `bad` for a status code."""
    return _CLASSES[(code >> 30) & 0b11]
