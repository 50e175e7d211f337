"""The way from an agent to its hub: outward calls with a key, of JSON, or of samples as an Arrow stream."""

from typing import Any, Protocol

import orjson

from hub.ingest.parcel import MEDIA_TYPE
from hub.sdk import ConnectorError, HttpClient, HttpLimits


class HubAway(Exception):
    """The hub does not answer, or not as it should; the agent opens the reading anew later."""


class Lost(Exception):
    """Another reading of this stream has begun; this one ends."""


class Post(Protocol):
    """Sends a body to an address of the hub and gives the decoded answer. Raises `HubAway`."""

    def __call__(self, path: str, body: dict[str, Any] | bytes, /) -> Any: ...


class HubLine:
    """The way to a hub: HTTPS with a key. `verify` is a CA file, or false for any certificate."""

    def __init__(self, url: str, key: str, *, verify: bool | str = True, timeout_s: float = 60.0) -> None:
        self._client = HttpClient(
            url,
            headers={"x-api-key": key},
            verify=verify if url.startswith("https") else False,
            limits=HttpLimits(timeout_s=timeout_s),
        )

    def __call__(self, path: str, body: dict[str, Any] | bytes, /) -> Any:
        """Send one body: JSON, or bytes that are an Arrow stream."""
        try:
            if isinstance(body, bytes):
                return orjson.loads(self._client.query(path, body, media_type=MEDIA_TYPE))
            return self._client.ask(path, body)
        except (ConnectorError, orjson.JSONDecodeError) as error:
            raise HubAway(f"the hub: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
