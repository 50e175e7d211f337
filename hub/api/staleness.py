"""How old an answer may be: the request's `Cache-Control: max-stale` (RFC 9111, 5.2.1.2)."""

from datetime import timedelta

from fastapi import Request

from hub.api.problems import Problem

ANY_AGE = timedelta(days=36_500)


def read_max_stale(request: Request) -> timedelta:
    """Give by how much an answer may be out of date; without a number by any age. Raises `Problem`."""
    for one in request.headers.get("cache-control", "").split(","):
        name, has_number, number = one.strip().lower().partition("=")
        if name != "max-stale":
            continue
        if not has_number:
            return ANY_AGE
        seconds = number.strip('"')
        if not (seconds.isascii() and seconds.isdigit()):
            raise Problem("invalid-parameter", "`Cache-Control: max-stale=600` takes whole seconds.")
        return min(timedelta(seconds=min(int(seconds), 10**9)), ANY_AGE)
    return timedelta()
