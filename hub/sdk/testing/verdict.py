"""How a promise fares: kept, broken, not tried by its suite, or nothing that this connector offers."""

from typing import NoReturn
from unittest import SkipTest


class NotOffered(SkipTest):
    """The connector has nothing to which this promise applies; that is no fault."""


class NotTried(SkipTest):
    """The suite leaves the promise untried: nobody knows whether it is kept."""


def fail(message: str) -> NoReturn:
    """Say which promise is broken and how to keep it."""
    raise AssertionError(message)


def require(kept: object, message: str) -> None:
    """Fail with the message unless the promise is kept."""
    if not kept:
        fail(message)
