"""Errors that tell the hub what to do next; whatever else a connector raises is a bug in the connector."""


class ConnectorError(Exception):
    """Something went wrong at a source; `what` says what, `remedy` what a person can do about it."""

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(f"{what}. {remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy


class Misconfigured(ConnectorError):
    """The settings cannot work; the stream stops until a person changes them."""


class Unauthorized(ConnectorError):
    """The source refused our credentials; the stream pauses until they are renewed."""


class Unavailable(ConnectorError):
    """The source does not answer now; the hub tries again after `retry_after` seconds, or backs off."""

    def __init__(self, what: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.retry_after = retry_after


class BadRecord(ConnectorError):
    """One document (or the part at `where`) cannot be read; it goes to quarantine and the rest goes on."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(f"{where}: {what}" if where else what, remedy=remedy)
        self.reason = what
        self.where = where
