"""Where an OPC UA server is, how the channel is protected, who we are: what its connectors share."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.sdk.config import Config

Policy = Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]


class Security(BaseModel):
    """How the channel is protected. Certificates and keys are files (PEM or DER)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Policy = "Basic256Sha256"
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    certificate: str | None = Field(default=None, description="our certificate; the server must trust it")
    private_key: str | None = Field(default=None, description="path of our private key")
    private_key_password: SecretStr | None = None
    server_certificate: str | None = Field(
        default=None, description="the one server certificate we accept; without it the trust list decides"
    )
    trust: tuple[str, ...] = Field(
        default=(), description="folders of server and CA certificates (PEM, DER) that we accept"
    )


class Endpoint(Config):
    """A server, and how it is reached."""

    reach: ClassVar[Mapping[str, Any]] = {
        "endpoint": "opc.tcp://localhost",
        "application_uri": "urn:plantwide",
        "security": {"policy": "None"},
        "insecure": True,
        "user": None,
        "password": None,
        "timeout_s": 20.0,
    }

    endpoint: str = Field(pattern=r"^opc\.tcp://", description="e.g. opc.tcp://historian:4840/plant")
    application_uri: str = Field(
        default="urn:plantwide:hub",
        description="must stand in our certificate as its subject alternative name",
    )
    security: Security = Security()
    insecure: bool = Field(
        default=False, description="allow policy None: no encryption, no proof of who answers"
    )
    user: str | None = None
    password: SecretStr | None = None
    timeout_s: float = Field(default=20.0, gt=0)

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Refuse an open channel that nobody asked for, and what lacks its other half."""
        if self.security.policy == "None":
            if not self.insecure:
                msg = "policy None protects nothing; set `insecure: true` if that is meant"
                raise ValueError(msg)
        elif not (self.security.certificate and self.security.private_key):
            msg = f"policy {self.security.policy} needs security.certificate and security.private_key"
            raise ValueError(msg)
        elif not (self.security.server_certificate or self.security.trust or self.insecure):
            msg = "nothing says which server is trusted; set security.server_certificate or security.trust"
            raise ValueError(msg)
        if (self.user is None) != (self.password is None):
            msg = "user and password come together"
            raise ValueError(msg)
        return self
