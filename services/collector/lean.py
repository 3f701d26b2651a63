"""Keeps memory small: libraries load others on the chance that they are there, of which nothing is used here.

structlog's console for developers draws tracebacks with rich (3 MB), paho looks up SRV records with dnspython (3 MB).
Both do without.
"""

from __future__ import annotations

import sys
from typing import Final

_UNUSED: Final = ("rich", "dns")


def keep_out() -> None:
    """To be called before those libraries are imported; a module that is None cannot be imported."""
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
