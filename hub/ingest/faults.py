"""Entries of the quarantine that have no document: what is asked for again, or never comes."""

from hub.store.quarantine import Fault


def make_fault(kind: str, tag: str, part: str = "", *, reason: str, remedy: str, payload: str = "") -> Fault:
    """Give an entry of the quarantine that has no document: it is asked for again, or never comes."""
    return Fault(
        object_type=kind,
        source_key=tag,
        part=part,
        reason=reason,
        remedy=remedy,
        payload=payload,
        media_type="text/plain",
        version=0,
        source_time=None,
    )
