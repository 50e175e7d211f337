"""The way from an agent to its hub, with a fate for each call: it is lost, its answer is, or the agent ends there."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from hub.ingest.line import HubAway
from hub.ingest.runner import Desk

PERFECT = "ok"


class Crash(BaseException):
    """The agent's process ends here."""


@dataclass
class FatedLine(ABC):
    """Takes each call to the hub, or to its fate; `calls` tells which there were."""

    desk: Desk
    fates: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])

    def __call__(self, path: str, body: dict[str, Any] | bytes, /) -> Any:
        _, _, _, source, what = path.split("/")
        self.calls.append(what)
        fate = self.fates.pop(0) if self.fates else PERFECT
        if fate == "lost on the way":  # or the hub was killed before its commit
            raise HubAway("no answer")
        if fate == "agent killed before":
            raise Crash
        answer = self.take(source, what, body)
        if fate == "sent twice":
            answer = self.take(source, what, body)
        if fate == "answer lost":  # or the hub was killed after its commit
            raise HubAway("no answer")
        if fate == "agent killed after":
            raise Crash
        return json.loads(answer.model_dump_json())

    @abstractmethod
    def take(self, source: str, what: str, body: dict[str, Any] | bytes) -> Any:
        """Let the hub answer."""
