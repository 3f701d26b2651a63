"""What requests' bodies have in common: nothing that is not documented, and nothing taken for what it is not.

Without ``strict``, ``true`` would be a set-point of 1 °C and ``"on"`` a consent.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Base of what is sent as JSON; not of answers."""

    model_config = ConfigDict(extra="forbid", strict=True)
