"""A client with the configured security: the server proves who it is before our password is sent."""

import logging
from pathlib import Path
from typing import Any

from hub.sdk.errors import Misconfigured, Unauthorized
from hub.sdk.opcua.endpoint import Endpoint
from hub.sdk.opcua.faults import judge, status_name
from hub.sdk.opcua.stack import (
    CertificateValidator,
    Client,
    ServiceError,
    TrustStore,
    ValidatorOptions,
    security_policies,
    ua,
)


async def open_client(config: Endpoint) -> Any:
    """Connect, prove the server's certificate, log in. Raises the door's errors."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what it says comes back as exceptions
    # The client's own watchdog would take a server that is busy with our request for a dead one.
    client = Client(config.endpoint, timeout=config.timeout_s, watchdog_intervall=config.timeout_s)
    client.application_uri = config.application_uri
    client.name = client.description = "Plantwide"
    if config.user is not None and config.password is not None:
        client.set_user(config.user)
        client.set_password(config.password.get_secret_value())
    try:
        if config.security.policy != "None":
            await _secure(client, config)
        await client.connect()
    except Exception as error:
        raise judge(error, config.endpoint) from error
    return client


def _require_files(config: Endpoint) -> None:
    security = config.security
    for path in (security.certificate, security.private_key, security.server_certificate):
        if path is not None and not Path(path).is_file():
            raise Misconfigured(f"{path} is no file", remedy="correct the paths under `security`")
    for folder in security.trust:
        if not Path(folder).is_dir():
            raise Misconfigured(f"{folder} is no folder", remedy="correct `security.trust`")


async def _secure(client: Any, config: Endpoint) -> None:
    security = config.security
    policy = getattr(security_policies, f"SecurityPolicy{security.policy}")
    _require_files(config)
    if security.trust:
        store = TrustStore([Path(folder) for folder in security.trust], [])
        await store.load()
        options = ValidatorOptions.TIME_RANGE | ValidatorOptions.TRUSTED
        validator = CertificateValidator(options | ValidatorOptions.PEER_SERVER, store)

        async def prove(certificate: Any, description: Any) -> None:
            try:
                await validator.validate(certificate, description)
            except ServiceError as error:
                raise Unauthorized(
                    f"{config.endpoint} shows a certificate that is not trusted: {status_name(error.code)}",
                    remedy="compare it with the server's, then put it into a folder of `security.trust`",
                ) from error

        client.certificate_validator = prove
    password = security.private_key_password
    await client.set_security(
        policy,
        certificate=str(security.certificate),
        private_key=str(security.private_key),
        private_key_password=password.get_secret_value() if password else None,
        server_certificate=security.server_certificate,
        mode=ua.MessageSecurityMode[security.mode],
    )
