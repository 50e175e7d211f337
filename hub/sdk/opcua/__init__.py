"""THE OPC UA LINE: where a server is and who we are there come in, a proved and open client goes out.

Importing this loads no library; `channel`, `faults` and `stack` load asyncua (extra `opcua`).
"""

from hub.sdk.opcua.endpoint import Endpoint, Policy, Security

__all__ = ["Endpoint", "Policy", "Security"]
