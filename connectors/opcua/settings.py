"""Settings of the OPC UA connector: which nodes of a server, and how they are read and followed."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.sdk.opcua import Endpoint


class Live(BaseModel):
    """How the server is asked to tell of changes as they happen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    publishing_ms: float = Field(default=1000.0, gt=0, description="how often the server tells")
    sampling_ms: float = Field(
        default=0.0, ge=0, description="how often the server looks at a value; 0: at each change, if it can"
    )
    queue_size: int = Field(
        default=100, ge=2, description="values of a node that the server keeps between two messages"
    )
    repeats: bool = Field(
        default=True,
        description="also tell when a value is written again with a new time, as history has it; false for"
        " servers that give every look a new time",
    )
    keep_alive_s: float = Field(
        default=10.0, gt=0, description="longest silence of a server that has nothing to tell"
    )
    promise: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="whether what was followed without a loss counts as read; `auto`: of nodes that the"
        " server reports at each change, and of those without history",
    )


class OpcUaConfig(Endpoint):
    """Settings of an OPC UA server with history, live values, or both."""

    root: str = Field(default="i=85", description="node below which variables are sought (Objects)")
    nodes: tuple[str, ...] = Field(default=(), description="take these nodes instead of browsing")
    depth: int = Field(default=12, ge=1, description="levels to browse")
    tag_name: Literal["node_id", "browse_path"] = Field(
        default="node_id", description="what a tag is called: its node id, or its path below `root`"
    )
    variables: Literal["historized", "readable", "live_only"] = Field(
        default="historized",
        description="which variables are tags: those with history, also those without, or all that can be"
        " read, as if the server kept no history",
    )
    live: Live | None = Field(default=None, description="follow changes by a subscription")
    values_per_node: int = Field(default=5000, ge=1, description="samples asked for a node and answer")
    nodes_per_read: int = Field(
        default=20, ge=1, description="nodes in one request; the server may allow fewer"
    )

    @model_validator(mode="after")
    def check_followed(self) -> Self:
        """Refuse tags that can only be followed when nothing is."""
        if self.variables != "historized" and self.live is None:
            msg = (
                f"variables: {self.variables} takes tags that can only be followed; set `live: {{}}` as well"
            )
            raise ValueError(msg)
        return self
