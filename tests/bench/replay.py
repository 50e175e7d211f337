"""A loopback server that remembers what a connector asked it, and the bare client that asks the same again."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from hub.sdk.testing.loopback import Answered, Asked, serve

_SENT = ("authorization", "content-type", "accept")


@dataclass
class Talk:
    """Where the server is, and the questions of the first client in their order."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    is_over: bool = False

    def repeat(self, decode: Callable[[bytes], Any]) -> int:
        """Ask all of it once more over one connection and decode each answer; give how many bytes came."""
        came = 0
        usual = {"accept-encoding": "identity"}
        # as the connectors, it loads no certificates for plain HTTP
        with httpx.Client(base_url=self.url, headers=usual, verify=False) as client:
            for one in self.asked:
                headers = {name: one.headers[name] for name in _SENT if name in one.headers}
                answer = client.request(one.method, one.target, content=one.body, headers=headers)
                decode(answer.content)
                came += len(answer.content)
        return came


@contextmanager
def listen(answer: Callable[[Asked], Answered], *, reader: Callable[[str], object]) -> Generator[Talk]:
    """Serve, let `reader` (given the URL) read once, and give what it asked."""
    talk = Talk()

    def note(asked: Asked) -> Answered:
        if not talk.is_over:
            talk.asked.append(asked)
        return answer(asked)

    with serve(note) as url:
        talk.url = url
        reader(url)
        talk.is_over = True
        yield talk


def tell(body: bytes) -> Answered:
    """Give an answer of JSON."""
    return Answered(status=200, headers={"content-type": "application/json"}, body=body)
