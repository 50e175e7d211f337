"""THE TEST OF THE DOOR: a connector on a small world comes in, the promises that it breaks go out by name.

```python
class TestAcme(RecordSuite):
    def make(self) -> Acme:
        return Acme(AcmeConfig(url=self.world.url, page_size=2))
```

`make` gives a fresh connector on the same world each time. Give the world at least two pages and change
times that tie across a page's end: that is where cursors lose records.

A world that is a real system's HTTP interface is recorded once (`record`) and played from a file afterwards
(`Cassette`). What a connector does at a certain hour is tried with `FakeClock`.
"""

from hub.sdk.testing.cassette import Cassette, record
from hub.sdk.testing.clock import FakeClock
from hub.sdk.testing.loopback import Answered, Asked, serve
from hub.sdk.testing.promises import ConnectorSuite
from hub.sdk.testing.records import RecordSuite
from hub.sdk.testing.samples import SampleSuite
from hub.sdk.testing.verdict import NotTried

__all__ = [
    "Answered",
    "Asked",
    "Cassette",
    "ConnectorSuite",
    "FakeClock",
    "NotTried",
    "RecordSuite",
    "SampleSuite",
    "record",
    "serve",
]
