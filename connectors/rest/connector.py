"""The connector class: a JSON REST source described by settings alone."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, cast

from connectors.rest.answer import Client, read_json
from connectors.rest.settings import BasicAuth, BearerAuth, HeaderAuth, OAuth, RestConfig
from connectors.rest.stream import StreamReader
from hub.model import Record
from hub.sdk import (
    BadRecord,
    ClientCredentials,
    Config,
    Cursor,
    Document,
    Health,
    HttpLimits,
    Misconfigured,
    Page,
    Placed,
    RecordSource,
    Rejected,
    Stream,
    Unauthorized,
)
from hub.sdk.mapping import Path, Reader, Scope


class Rest(RecordSource[RestConfig]):
    """A source that answers JSON over HTTP: its streams, paging, clock and meaning are settings."""

    name: ClassVar[str] = "rest"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = RestConfig

    def __init__(self, config: RestConfig) -> None:
        super().__init__(config)
        login, headers = _credentials(config)
        self._client = Client(
            config.base_url,
            auth=login,
            headers={**config.headers, **headers},
            verify=config.verify if _is_encrypted(config) else False,  # nothing to verify
            limits=HttpLimits(
                max_bytes=config.max_mib * 1024 * 1024,
                timeout_s=config.timeout_s,
                per_second=config.per_second,
            ),
        )
        self._streams = {
            name: StreamReader(
                name,
                stream,
                client=self._client,
                reader=Reader(stream.reading, config.units, config.zone, config.ambiguous),
            )
            for name, stream in config.streams.items()
        }

    def check(self) -> Health:
        """Ask the probe, the first page of every stream and a detail of it: rights may differ by kind."""
        if self.config.probe:
            self._prove_login(self.config.probe)
        said = [
            f"{name}: {stream.check()} item(s) on the first page" for name, stream in self._streams.items()
        ]
        return Health(system=self.config.base_url, detail="; ".join(said))

    def close(self) -> None:
        self._client.close()

    def streams(self) -> Sequence[Stream]:
        return [
            Stream(name=name, snapshot=stream.snapshot, every_s=stream.every_s)
            for name, stream in self.config.streams.items()
        ]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        reader = self._streams.get(stream)
        if reader is None:
            raise Misconfigured(
                f"there is no stream {stream!r}", remedy=f"streams: {', '.join(self._streams)}"
            )
        return self._pages(reader, cursor)

    def _pages(self, reader: StreamReader, cursor: Cursor | None) -> Iterator[Page]:
        if self.config.probe and self.config.login_proof:
            self._prove_login(self.config.probe)  # to a stranger such a source looks empty
        yield from reader.pages(cursor)

    def _prove_login(self, probe: str) -> None:
        answer, proof = self._client.fetch(probe, None), self.config.login_proof
        if proof and Path.parse(proof).find(Scope(answer)) in (None, False, "", "0"):
            raise Unauthorized(
                f"GET {probe} answered without {proof}: the login was not accepted",
                remedy="check the user, the key and what they may read",
            )

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        reader = self._streams.get(document.object_type)
        if reader is None:
            raise BadRecord(
                f"no stream {document.object_type!r} is configured any more",
                where=document.key,
                remedy="put the stream back, or drop its documents",
            )
        return list(reader.mapping.apply(_read_item(document, reader), {"key": document.key}))

    def places(self, document: Document) -> Iterable[Placed]:
        reader = self._streams.get(document.object_type)
        return reader.mapping.locate(_read_item(document, reader), {"key": document.key}) if reader else ()


def _read_item(document: Document, reader: StreamReader) -> dict[str, Any]:
    item = read_json(document.payload, document.key)
    if not isinstance(item, dict):
        raise BadRecord("the item is no JSON object", where=document.key)
    found = cast("dict[str, Any]", item)
    if reader.detail and not document.deleted:
        reader.detail.require(found)
    return found


def _is_encrypted(config: RestConfig) -> bool:
    """Tell whether anything is asked over TLS: the source itself, or who hands out its tokens."""
    asked = [config.base_url, config.auth.token_url if isinstance(config.auth, OAuth) else ""]
    return any(url.startswith("https") for url in asked)


def _credentials(config: RestConfig) -> tuple[tuple[str, str] | ClientCredentials | None, dict[str, str]]:
    match config.auth:
        case BearerAuth(bearer=token):
            return None, {"authorization": f"Bearer {token.get_secret_value()}"}
        case BasicAuth(user=user, password=password):
            return (user, password.get_secret_value()), {}
        case HeaderAuth(header=header, api_key=key):
            return None, {header: key.get_secret_value()}
        case OAuth(audience=audience) as login:
            return ClientCredentials(
                token_url=login.token_url,
                client_id=login.client_id,
                client_secret=login.client_secret,
                scope=login.scope,
                parameters={"audience": audience} if audience else {},
                style=login.style,
            ), {}
        case None:
            return None, {}
