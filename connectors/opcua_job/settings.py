"""Settings of the OPC UA job connector: endpoint, security, where jobs and machines are sought."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.sdk.opcua import Endpoint

StreamName = Literal["job_orders", "job_responses", "packml_states"]


class OpcUaJobConfig(Endpoint):
    """Settings of a server with ISA-95 job control (OPC 10031-4), PackML (OPC 30050), or both."""

    reach: ClassVar[Mapping[str, Any]] = {**Endpoint.reach, "page_size": 100}

    root: str = Field(default="i=85", description="node below which jobs and machines are sought (Objects)")
    depth: int = Field(default=8, ge=1, description="levels to browse")
    streams: tuple[StreamName, ...] = Field(
        default=("job_orders", "job_responses", "packml_states"), min_length=1
    )
    batch_parameter: str | None = Field(
        default=None, description="ID of the response's parameter that names the batch, e.g. BatchID"
    )
    machines: dict[str, str] = Field(
        default_factory=dict,
        description="equipment of machines by the name of their object, where it differs",
    )
    every_s: float = Field(default=10.0, gt=0, description="seconds between two looks")
    page_size: int = Field(default=100, ge=1, description="documents in one commit")
