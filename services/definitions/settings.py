"""Settings of the definitions server."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from definitions.generate import DEFAULT_DIRECTORY
from racktwin.settings import ProcessSettings


class DefinitionsSettings(ProcessSettings):
    """Where the models lie and where they are served."""

    definitions_dir: Path = Field(DEFAULT_DIRECTORY, description="Folder of the Thing Models (*.tm.jsonld).")
    definitions_host: str = Field("127.0.0.1", description="Address that the models are served on (0.0.0.0 in a pod).")
    definitions_port: int = Field(8090, ge=0, le=65535, description="Port that the models are served on; 0 picks one.")
    definitions_tls_cert: Path | None = Field(
        None, description="PEM file of the server's certificate; plain HTTP without one."
    )
    definitions_tls_key: Path | None = Field(None, description="PEM file of its key.")
    definitions_url: str = Field(
        "",
        description="URL under which Ditto reaches this server; links between models begin with it. "
        "Empty: what the request's Host header says.",
    )

    @field_validator("definitions_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("expected an http:// or https:// URL")
        return value.rstrip("/")
