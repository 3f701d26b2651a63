"""Names of others as names of resources: DNS labels that begin with a letter, the same for the same name. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Final

_LONGEST: Final = 50
_SLUG: Final = 32
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_DIGITS: Final = re.compile(r"(\d+)")


def dns_label(text: str, prefix: str, longest: int = _LONGEST) -> str:
    """A DNS label that begins with a letter; `prefix` stands before a name that does not, or is empty.

    A name that is too long is cut and ends with a part of its hash, so that two long ones stay two.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    label = _OTHER.sub("-", plain).strip("-")
    if not label or not label[0].isalpha():
        label = f"{prefix}-{label}".strip("-")
    if len(label) > longest:
        tail = hashlib.sha256(text.encode()).hexdigest()[:6]
        label = f"{label[: longest - 7].rstrip('-')}-{tail}"
    return label


def slug(text: str, fallback: str) -> str:
    """A short lower-case name, which may begin with a digit: rows, sensors."""
    label = dns_label(f"x{text}", "x", _SLUG + 1)[1:].strip("-")
    return label or fallback


def site_name(text: str) -> str:
    """A site's name: each part between dashes begins with a letter, as Ditto's namespaces want it."""
    label = dns_label(text, "site", 40)
    return "-".join(part if part[0].isalpha() else f"s{part}" for part in label.split("-"))[:40].rstrip("-")


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sorting key by which r2 comes before r10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in _DIGITS.split(text) if part]


class Chooser:
    """Gives each object a name of its own; a name that is taken gets the object's id."""

    def __init__(self, taken: Callable[[str], bool] = lambda _name: False) -> None:
        self._given: set[str] = set()
        self._taken = taken

    def choose(self, text: str, prefix: str, identity: object) -> str:
        """The name for an object called `text`."""
        name = dns_label(text, prefix)
        if name in self._given or self._taken(name):
            name = dns_label(f"{name}-{identity}", prefix)
        self._given.add(name)
        return name
