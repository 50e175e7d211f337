"""asyncua, taken as Any in this one place: its annotations leave so much unknown that they say nothing."""

from typing import Any

import asyncua.client.client
import asyncua.common.utils
import asyncua.crypto.security_policies
import asyncua.crypto.truststore
import asyncua.crypto.validator
import asyncua.ua
import asyncua.ua.ua_binary

ua: Any = asyncua.ua
binary: Any = asyncua.ua.ua_binary
security_policies: Any = asyncua.crypto.security_policies
Client: Any = asyncua.client.client.Client
Buffer: Any = asyncua.common.utils.Buffer
ServiceError: Any = asyncua.common.utils.ServiceError
TrustStore: Any = asyncua.crypto.truststore.TrustStore
CertificateValidator: Any = asyncua.crypto.validator.CertificateValidator
ValidatorOptions: Any = asyncua.crypto.validator.CertificateValidatorOptions
