"""Ditto's errors as data: code, HTTP status, message and description.

Clients recognise errors by status and code; the texts are those that a Ditto 3.9 sends, where its answers are known.
Pure. Next: :func:`ditto_lite.errors.error` fills the texts in.
"""

from __future__ import annotations

from typing import Final

from ditto_lite.error_catalogue.policies import POLICIES
from ditto_lite.error_catalogue.requests import REQUESTS
from ditto_lite.error_catalogue.things import THINGS
from ditto_lite.error_catalogue.wording import Entry

# code -> (status, message, description[, link])
CATALOGUE: Final[dict[str, Entry]] = {**THINGS, **POLICIES, **REQUESTS}
