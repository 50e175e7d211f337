"""One GET, by itself or inside a batch: what it asks, and the addresses that its answer names."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from hub.odata.refusals import Refusal

_FIELDS = 50
_SAFE = "/()',=$"


@dataclass(frozen=True)
class Asked:
    """A request below the door at `root`: path decoded, query as written, headers by lower name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    root: str

    @property
    def accept(self) -> str:
        """What may be answered with."""
        return self.headers.get("accept", "")

    def read_pairs(self) -> list[tuple[str, str]]:
        """Give the query options in their order. Raises `Refusal`."""
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
        except ValueError as error:
            raise Refusal(400, "invalid-query", "The query options cannot be read as UTF-8.") from error
        return [(unquote(name).strip(), value) for name, value in pairs]

    def preference(self, name: str) -> str | None:
        """Give the value of a preference of the header Prefer ('' when it has none), or None."""
        for one in self.headers.get("prefer", "").split(","):
            key, _, value = one.partition(";")[0].strip().partition("=")
            if key.strip().lower() in (name, f"odata.{name}"):
                return value.strip().strip('"')
        return None

    def check_versions(self) -> None:
        """Refuse a client that does not take version 4.0. Raises `Refusal`."""
        most = self.headers.get("odata-maxversion", "4.0").strip()
        said = self.headers.get("odata-version", "4.0").strip()
        if most not in ("4.0", "4.01") or said not in ("4.0", "4.01"):
            raise Refusal(
                400,
                "invalid-version",
                "This service speaks OData 4.0; send OData-MaxVersion: 4.0 or nothing.",
            )

    def address_of(self, **changes: str | None) -> str:
        """Give the address of this request with other options; None leaves one out."""
        kept = [(name, value) for name, value in self.read_pairs() if name not in changes]
        kept += [(name, value) for name, value in changes.items() if value is not None]
        written = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept)
        return f"{self.root}{quote(self.path, safe=_SAFE)}?{written}"
