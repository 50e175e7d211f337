"""The JSON API of SENAITE: pages of objects, and who is asking: strangers are answered 200 and nothing."""

from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from connectors.senaite.config import SenaiteConfig
from hub.sdk import BadRecord, HttpClient, Misconfigured, Unauthorized

Item: TypeAlias = dict[str, Any]
_API = "@@API/senaite/v1/"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The objects of one page, and how many the question has in all."""

    items: list[Item]
    total: int


class SenaiteClient(HttpClient):
    """Reads one laboratory with one user's rights."""

    def __init__(self, config: SenaiteConfig) -> None:
        super().__init__(
            config.url.rstrip("/") + "/",
            auth=(config.user, config.password.get_secret_value()),
            # plain HTTP has no certificates to check: loading the authorities would only take time
            verify=str(config.ca_file) if config.ca_file else config.url.startswith("https"),
            limits=config.limits(),
        )
        self._name = config.user

    def version(self) -> str:
        """Give the version of the JSON API's laboratory."""
        return str(self._tell("version", {}).get("version") or "")

    def prove_login(self) -> None:
        """Ask who we are. A wrong password is answered like an empty laboratory: 200, count 0."""
        items = self.page("users/current", {}).items
        if not items or items[0].get("authenticated") is not True:
            raise Unauthorized(
                f"SENAITE does not know {self._name!r} by this password",
                remedy="check `user` and `password`; without a login the laboratory looks empty",
            )

    def page(self, kind: str, options: dict[str, str]) -> Answer:
        """Give a page of objects of a portal type."""
        told = self._tell(kind, options)
        items = told.get("items")
        if not isinstance(items, list):
            raise Misconfigured(
                f"GET {kind} answered no page of objects",
                remedy="`url` must lead to the SENAITE site, with senaite.jsonapi installed",
            )
        found = [cast("Item", item) for item in cast("list[Any]", items) if isinstance(item, dict)]
        total = told.get("count")
        return Answer(items=found, total=total if isinstance(total, int) else len(found))

    def _tell(self, path: str, options: dict[str, str]) -> Item:
        try:
            told: Any = self.get_json(_API + path, options)
        except BadRecord as error:
            raise Misconfigured(
                f"GET {path} answered no JSON (a log-in page?)", remedy="check `url`"
            ) from error
        return cast("Item", told) if isinstance(told, dict) else {}
