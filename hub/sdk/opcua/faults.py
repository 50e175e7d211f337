"""What an OPC UA server's refusals mean for the hub: try again, ask a person, or leave one tag out."""

import asyncio
from typing import Any

from hub.sdk.errors import ConnectorError, Misconfigured, Unauthorized, Unavailable
from hub.sdk.opcua.stack import ua

_UNAUTHORIZED = {
    "BadIdentityTokenInvalid": "check user and password",
    "BadIdentityTokenRejected": "check user and password",
    "BadUserAccessDenied": "check user and password, and what the user may read",
    "BadUserSignatureInvalid": "check user and password",
    "BadCertificateUntrusted": "the server must trust our certificate: move it to the server's trusted ones",
    "BadSecurityChecksFailed": "the server must trust our certificate: move it to the server's trusted ones",
    "BadCertificateUriInvalid": "`application_uri` must stand in our certificate",
    "BadCertificateTimeInvalid": "a certificate has expired or is not valid yet; renew it",
    "BadCertificateInvalid": "the certificate is not accepted; make a new one",
    "BadCertificateUseNotAllowed": "the certificate lacks the uses that the server asks for; make a new one",
    "BadCertificateRevoked": "the certificate is revoked; make a new one",
    "BadCertificateHostNameInvalid": "the certificate is made for another host",
    "BadCertificateIssuerRevocationUnknown": "the server lacks the revocation list of our issuer",
    "BadCertificateChainIncomplete": "the server lacks the certificate of our issuer",
}
_MISCONFIGURED = {
    "BadIdentityTokenNotSupported": "the server does not offer this kind of login; set or drop `user`",
    "BadSecurityPolicyRejected": "the server does not offer this policy; change `security.policy`",
    "BadSecurityModeRejected": "the server does not offer this mode; change `security.mode`",
    "BadTcpEndpointUrlInvalid": "correct `endpoint`",
    "BadServiceUnsupported": "the server has no history service; read another server",
    "BadHistoryOperationUnsupported": "the server keeps no history of these nodes",
    "BadHistoryOperationInvalid": "the server keeps no history of these nodes",
}
GONE = frozenset(
    {
        "BadNodeIdUnknown",
        "BadNodeIdInvalid",
        "BadNodeNotInView",
        "BadHistoryOperationUnsupported",
        "BadHistoryOperationInvalid",
        "BadNotReadable",
        "BadAttributeIdInvalid",
        "BadUserAccessDenied",
        "BadNotSupported",
    }
)
"""Refusals of one node that will not pass by waiting: it is left out and named, the others go on."""
EMPTY = frozenset({"GoodNoData", "BadNoData", "BadBoundNotFound", "BadNotFound"})
"""Answers that say that there is nothing in the window."""
EXPIRED = frozenset({"BadNoContinuationPoints", "BadContinuationPointInvalid"})
"""The server has dropped the place at which it would have gone on: it is asked again from the last time."""


def status_name(code: Any) -> str:
    """Give the name of a status code, e.g. BadNodeIdUnknown."""
    return str(ua.StatusCode(code).name) if isinstance(code, int) else str(code.name)


def judge(error: Any, endpoint: str) -> ConnectorError:
    """Turn what the client raised into what the hub is to do."""
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, ua.UaStatusCodeError):
        return judge_status(status_name(error.code), endpoint)
    if isinstance(error, ua.UaError) and "No matching endpoint" in str(error):
        return Misconfigured(
            f"{endpoint} offers no such security: {error}",
            remedy="change `security.policy` or `security.mode`",
        )
    if isinstance(error, ua.UaError) and "policy" in str(error):
        return Misconfigured(f"{endpoint}: {error}", remedy="set or drop `user` and `password`")
    if isinstance(error, FileNotFoundError | PermissionError):
        return Misconfigured(f"{error.filename} cannot be read", remedy="correct the paths under `security`")
    if isinstance(error, ConnectionRefusedError):
        return Unavailable(f"{endpoint} refuses the connection", remedy="check that the server runs there")
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return Unavailable(f"{endpoint} did not answer in time", remedy="check server and network")
    if isinstance(error, OSError | ua.UaError):
        return Unavailable(
            f"{endpoint}: {error or type(error).__name__}",
            remedy="check that the server runs; some close the line when they do not trust our certificate",
        )
    if isinstance(error, ValueError):
        return Misconfigured(f"{endpoint}: {error}", remedy="check certificate, key and node ids")
    return Unavailable(f"{endpoint}: {type(error).__name__}: {error}")


def judge_status(name: str, where: str) -> ConnectorError:
    """Turn a status into what the hub is to do; what is not known may pass."""
    if name in _UNAUTHORIZED:
        return Unauthorized(f"{where} answered {name}", remedy=_UNAUTHORIZED[name])
    if name in _MISCONFIGURED:
        return Misconfigured(f"{where} answered {name}", remedy=_MISCONFIGURED[name])
    return Unavailable(f"{where} answered {name}")
