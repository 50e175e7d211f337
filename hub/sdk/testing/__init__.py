"""THE TEST OF THE DOOR: a connector on a small world comes in, the promises that it breaks go out by name.

```python
class TestAcme(RecordSuite):
    def make(self) -> Acme:
        return Acme(AcmeConfig(url=self.world.url, page_size=2))
```

`make` gives a fresh connector on the same world each time. Give the world at least two pages and change
times that tie across a page's end: that is where cursors lose records.
"""

from hub.sdk.testing.promises import ConnectorSuite
from hub.sdk.testing.records import RecordSuite
from hub.sdk.testing.samples import SampleSuite

__all__ = ["ConnectorSuite", "RecordSuite", "SampleSuite"]
