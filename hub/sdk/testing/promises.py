"""What every connector promises: names, frozen settings, hidden secrets, a check that tells the truth."""

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, SecretBytes, SecretStr

from hub.sdk.config import Config
from hub.sdk.contract import API_LEVEL, Connector, Health
from hub.sdk.errors import Unauthorized
from hub.sdk.testing.session import Session
from hub.sdk.testing.verdict import NotOffered, fail, require

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|api_?key|apikey|credentials?)$", re.IGNORECASE
)
_VERIFIES = re.compile(r"(?:^|_)(?:verify|verify_\w+|tls|ssl)$", re.IGNORECASE)
_IGNORES = re.compile(r"(?:^|_)(?:insecure|skip_verify|trust_all|trust_any)$", re.IGNORECASE)
_CONNECTOR_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


class ConnectorSuite:
    """Inherit one of the suites below it, and say how to make the connector on a small world."""

    def make(self) -> Connector[Any]:
        """Give a fresh connector on the same small world, each time."""
        raise NotImplementedError

    def make_refused(self) -> Connector[Any] | None:
        """Give a connector whose credentials the world refuses; needed when there are secret settings."""
        return None

    def test_it_names_itself_and_the_contract_level_it_was_built_for(self) -> None:
        kind = type(self.make())
        require(
            _CONNECTOR_NAME.match(kind.name),
            f"{kind.__name__}.name is {kind.name!r}: use lower-case letters, digits and _",
        )
        require(kind.version, f"{kind.__name__}.version is empty: say the connector's version")
        require(
            kind.api_level == API_LEVEL,
            f"{kind.__name__}.api_level is {kind.api_level}, this contract is level {API_LEVEL}: the hub "
            "refuses to load it; build the connector for this level",
        )

    def test_settings_are_frozen_and_refuse_unknown_names(self) -> None:
        kind = type(self.make()).config_class
        require(Config in kind.__mro__, f"{kind.__name__} must be a subclass of hub.sdk.Config")
        for model in _models(kind):
            require(
                model.model_config.get("extra") == "forbid",
                f"{model.__name__} accepts unknown settings: a misspelt one would be silently ignored; "
                'set extra="forbid"',
            )
            require(
                model.model_config.get("frozen"),
                f"{model.__name__} can be changed after it was checked; set frozen=True",
            )

    def test_settings_that_hold_secrets_are_secret_strings(self) -> None:
        for model in _models(type(self.make()).config_class):
            for name, field in model.model_fields.items():
                leaks = _SECRET_NAME.search(name) and str in _leaves(field.annotation)
                require(
                    not leaks,
                    f"{model.__name__}.{name} is named like a secret but is plain text: it would show in "
                    "logs and error messages; make it SecretStr",
                )

    def test_secrets_never_show_in_the_text_of_settings(self) -> None:
        with Session(self.make()) as session:
            config = session.connector.config
            _refuse_leak(
                config, f"{config} {config!r} {config.model_dump_json()}", "the text of its settings"
            )
            _refuse_leak(config, repr(session.connector), "repr(connector)")

    def test_settings_are_recalled_without_secrets(self) -> None:
        with Session(self.make()) as session:
            config: Config = session.connector.config
        kind, meaning = type(config), config.meaning()
        _refuse_leak(config, str(meaning), "meaning(), which the hub stores")
        try:
            kind.recall(meaning)
        except ValueError as error:
            fail(
                f"{kind.__name__}.recall(meaning()) fails: {error}; the hub recalls settings to read "
                "stored documents again: give a stand-in in `reach` for each that only says how to reach it"
            )

    def test_certificates_are_verified_unless_a_person_says_otherwise(self) -> None:
        for model in _models(type(self.make()).config_class):
            for name, field in model.model_fields.items():
                lax = (_VERIFIES.search(name) and field.default is False) or (
                    _IGNORES.search(name) and field.default is True
                )
                require(not lax, f"{model.__name__}.{name} leaves certificates unverified by default")

    def test_check_says_who_answers(self) -> None:
        with Session(self.make()) as session:
            health = session.wait(session.connector.check())
        require(
            isinstance(cast("object", health), Health),
            f"check() gave {type(health).__name__}; it must give Health",
        )
        require(health.system, "check() does not say which system answered: fill Health.system")

    def test_refused_credentials_are_an_error_and_stay_hidden(self) -> None:
        kind = type(self.make()).config_class
        secret = next((name for model in _models(kind) for name in _secret_fields(model)), None)
        refused = self.make_refused()
        if refused is None:
            require(
                secret is None,
                f"{kind.__name__}.{secret} is a secret, so override make_refused(): a connector whose "
                "credentials the small world refuses",
            )
            return
        with Session(refused) as session:
            try:
                session.wait(session.connector.check())
            except Unauthorized as error:
                _refuse_leak(refused.config, f"{error} {error!r}", "the error of a refused login")
            except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
                fail(f"check() with refused credentials raised {error!r}; raise Unauthorized")
            else:
                fail(
                    "check() with refused credentials passed: the source would look empty instead of closed; "
                    "prove the login in check() and raise Unauthorized"
                )


def refuse_empty(
    make_refused: Callable[[], Connector[Any] | None], drain: Callable[[Session[Any]], object]
) -> None:
    """Fail when a connector whose credentials are refused reads on as if there were nothing."""
    refused = make_refused()
    if refused is None:
        raise NotOffered("make_refused() gives no connector")
    with Session(refused) as session:
        try:
            given = drain(session)
        except Unauthorized as error:
            _refuse_leak(refused.config, f"{error} {error!r}", "the error of a refused login")
            return
        except Exception as error:  # noqa: BLE001  whatever else it raises is the finding
            fail(f"reading with refused credentials raised {error!r}; raise Unauthorized")
    fail(
        f"reading with refused credentials gave {'something' if given else 'nothing'} and no error: a wrong "
        "password would look like an empty source; prove the login before the first page and raise "
        "Unauthorized"
    )


def _models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every settings class that can be reached from this one, itself first."""
    seen: set[type[BaseModel]] = set()
    waiting = [kind]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        yield model
        for field in model.model_fields.values():
            waiting.extend(
                leaf
                for leaf in _leaves(field.annotation)
                if isinstance(leaf, type) and issubclass(leaf, BaseModel)
            )


def _leaves(annotation: Any) -> list[Any]:
    """The types of an annotation without its wrappers: `dict[str, X] | None` gives X (keys do not count)."""
    origin = typing.get_origin(annotation)
    if origin is None:
        return [annotation]
    arguments = typing.get_args(annotation)
    if origin is typing.Annotated:
        arguments = arguments[:1]
    elif origin is typing.Literal:
        return []
    elif origin not in {typing.Union, types.UnionType} and isinstance(origin, type):
        arguments = arguments[-1:] if issubclass(origin, Mapping) else arguments
    return [leaf for argument in arguments for leaf in _leaves(argument)]


def _secret_fields(model: type[BaseModel]) -> list[str]:
    return [
        name
        for name, field in model.model_fields.items()
        if {SecretStr, SecretBytes} & {x for x in _leaves(field.annotation) if isinstance(x, type)}
    ]


def _secrets(given: Any) -> Iterator[str]:
    """Every secret text in a configuration."""
    if isinstance(given, SecretStr):
        yield given.get_secret_value()
    elif isinstance(given, SecretBytes):
        yield given.get_secret_value().decode(errors="replace")
    elif isinstance(given, BaseModel):
        for name in type(given).model_fields:
            yield from _secrets(getattr(given, name))
    elif isinstance(given, Mapping):
        for value in cast("Mapping[Any, Any]", given).values():
            yield from _secrets(value)
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        for value in cast("Sequence[Any]", given):
            yield from _secrets(value)


def _refuse_leak(config: Config, text: str, where: str) -> None:
    for secret in _secrets(config):
        require(not secret or secret not in text, f"{where} shows a secret; never put it into text")
