"""Secrets in recorded talk: replaced by their names before anything is written down."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import quote

_ISSUED = re.compile(
    rb'"(access_token|refresh_token|id_token|session_id|sessionToken|token)"\s*:\s*"([^"{][^"]{5,})"'
)


@dataclass
class Mask:
    """Secret texts by name; `{{name}}` stands in their place. `issued` finds what answers hand out."""

    secrets: dict[str, str] = field(default_factory=dict[str, str])
    issued: tuple[str, ...] = ()

    def learn(self, answer: bytes) -> None:
        """Take note of the secrets that an answer hands out."""
        for name, value in _ISSUED.findall(answer):
            self._note(name.decode(), value.decode(errors="replace"))
        for pattern in self.issued:
            for value in re.findall(pattern, answer.decode(errors="replace")):
                self._note("issued", value)

    def _note(self, name: str, value: str) -> None:
        if value not in self.secrets.values():
            number = sum(known.partition("#")[0] == name for known in self.secrets)
            self.secrets[f"{name}#{number + 1}" if number else name] = value

    def hide(self, text: bytes) -> bytes:
        """Put names in the place of secrets, as they are and as they stand in URLs and JSON."""
        for name, value in sorted(self.secrets.items(), key=lambda one: -len(one[1])):
            for form in {value, quote(value, safe=""), value.replace("\\", "\\\\").replace('"', '\\"')}:
                if form:
                    text = text.replace(form.encode(), b"{{" + name.encode() + b"}}")
        return text

    def hide_text(self, text: str) -> str:
        """Do the same to text."""
        return self.hide(text.encode()).decode()

    def hide_login(self, header: str) -> str:
        """Mask a login header; one that holds no known secret is masked whole, as nobody knows what it is."""
        scheme, _, given = header.partition(" ")
        if scheme.casefold() == "basic":
            try:
                given = base64.b64decode(given).decode()
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        hidden = self.hide_text(f"{scheme} {given}" if given else header)
        return hidden if "{{" in hidden else "{{another login}}"

    def reveal(self, text: bytes) -> bytes:
        """Put the tester's own stand-ins where secrets were that an answer repeats."""
        for name, value in self.secrets.items():
            text = text.replace(b"{{" + name.encode() + b"}}", value.encode())
        return text
