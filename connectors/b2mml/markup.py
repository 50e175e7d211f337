"""Text to elements, safely: bytes to text by declaration, no entities, no DOCTYPE, bounded depth."""

import codecs
import re
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

from lxml import etree

from hub.sdk import BadRecord

Element: TypeAlias = etree._Element  # pyright: ignore[reportPrivateUsage] - lxml has no public name for it

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_OURS = re.compile(
    r"^(?:https?://(?:www\.)?(?:wbf|mesa)\.org/[\w./-]{0,80}?(?:B2MML|BatchML)[\w.-]{0,80}/?)?$",
    re.IGNORECASE,
)
_LOST = "\ufffd"


def decode(content: bytes) -> str:
    """Give the text of a document by its byte order mark or declared encoding (UTF-8 when there is none).

    What the encoding does not have, and NUL, becomes U+FFFD: `read_markup` refuses it.
    """
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content[len(bom) :].decode(encoding, errors="replace").replace("\x00", _LOST)
    found = _DECLARED.match(content)
    declared = found.group(1).decode("ascii") if found else "utf-8"
    try:
        codecs.lookup(declared)
        text = content.decode(declared, errors="replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", errors="replace")
    return text.replace("\x00", _LOST)


def read_markup(document: str) -> Element:
    """Give the root of a B2MML or BatchML document.

    Raises `BadRecord` with line, reason and remedy for what is no well-formed XML, has a DOCTYPE, has lost
    characters, or is no B2MML.
    """
    if _has_doctype(document):
        raise BadRecord("a DOCTYPE is not allowed in B2MML", remedy="have the sender leave it out")
    if _LOST in document:
        line = document[: document.index(_LOST)].count("\n") + 1
        raise BadRecord(
            f"line {line} has bytes that are no text in the document's encoding",
            remedy="have the sender write the encoding that the XML declaration names",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(document.encode("utf-8", errors="surrogatepass"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = str(getattr(error, "msg", error)).split(", line ")[0]
        raise BadRecord(
            f"line {line} is no well-formed XML: {reason}",
            remedy="have the document written again; it is read when the file changes",
        ) from error
    if not _split(root.tag)[1]:
        raise BadRecord(
            f"the root element {root.tag} is no B2MML or BatchML",
            remedy="move the file out of the folder or narrow the `pattern` setting",
        )
    return root


@lru_cache(maxsize=4096)
def _split(tag: str) -> tuple[str, bool]:
    """Give a tag's local name, and whether its namespace is one of the standard's (or none)."""
    space, _, local = tag.rpartition("}")
    return local, bool(_OURS.match(space.removeprefix("{")))


@lru_cache(maxsize=4096)
def _anywhere(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give names as lxml asks for them in whatever namespace."""
    return tuple(f"{{*}}{name}" for name in names)


def name(element: Element) -> str:
    """Give an element's local name."""
    return _split(element.tag)[0]


def children(element: Element, *names: str) -> list[Element]:
    """Give the children with one of the local names, of the standard's namespaces, in document order."""
    # lxml looks for the names, so that no Python object is made of the others; without any it would give all
    return (
        [] if not names else [part for part in element.iterchildren(*_anywhere(names)) if _split(part.tag)[1]]
    )


def label(element: Element, *names: str) -> str | None:
    """Give the text of the first child of these names among the first few: where IDs stand."""
    for part in islice(element, 8):
        if _split(part.tag)[0] in names:
            return (part.text or "").strip() or None
    return None


def child(element: Element, *names: str) -> Element | None:
    """Give the first child by the order of the names, then of the document."""
    for wanted in names:
        found = children(element, wanted)
        if found:
            return found[0]
    return None


def text(element: Element | None, *names: str) -> str | None:
    """Give the stripped text of an element, or of its first child of these names that has any."""
    if element is None:
        return None
    candidates = [c for wanted in names for c in children(element, wanted)] if names else [element]
    return next((t for c in candidates if (t := (c.text or "").strip())), None)


def _has_doctype(document: str) -> bool:
    """Look through the prolog only: the word may stand in a comment or in a value."""
    position = 0
    while (start := document.find("<", position)) >= 0:
        if document.startswith("<!--", start):
            end = document.find("-->", start)
        elif document.startswith("<?", start):
            end = document.find("?>", start)
        else:
            return document[start : start + 9].upper() == "<!DOCTYPE"
        if end < 0:
            return False
        position = end + 2
    return False
