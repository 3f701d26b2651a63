"""Settings of the process ``python -m ditto_lite``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from ditto_lite.rates import ProfileName
from racktwin.settings import ProcessSettings


class DittoLiteSettings(ProcessSettings):
    """Where the stand-in listens and keeps its state."""

    ditto_lite_host: str = Field(
        "127.0.0.1", description="Address of the HTTP API. Whoever reaches it may act as any subject."
    )
    ditto_lite_port: int = Field(8080, ge=0, le=65535, description="Port of the HTTP API; 0 picks a free one.")
    ditto_lite_db: Path = Field(
        Path("ditto-lite.sqlite"), description="SQLite file of things, policies and connections."
    )
    ditto_lite_synchronous: Literal["NORMAL", "FULL"] = Field(
        "NORMAL", description="NORMAL survives the death of the process (kill -9), FULL that of the machine as well."
    )
    ditto_lite_rate_profile: ProfileName = Field(
        "none",
        description="none: as fast as it can; ditto-3.9: at the rates measured on a real Ditto 3.9, with its lag of "
        "search and its loss of events, for benchmarks.",
    )
    ditto_lite_wot_validation: bool = Field(
        True, description="Whether things are validated against the WoT Thing Models of their definitions, as in Ditto."
    )
    ditto_lite_devops_user: str = Field("devops", description="User of connections and /devops, if a password is set.")
    ditto_lite_devops_password: SecretStr | None = Field(
        None,
        description="Password of connections and /devops; without one every pre-authenticated subject may use them.",
    )
