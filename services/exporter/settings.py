"""Settings of the exporter."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from racktwin.settings import DittoSettings, KafkaSettings, ProcessSettings, SitesSettings


class ExporterSettings(KafkaSettings, DittoSettings, SitesSettings, ProcessSettings):
    """Where twins are scraped, by whom, and which of them."""

    exporter_host: str = Field("127.0.0.1", description="Address that scrapes come to (0.0.0.0 in a pod).")
    exporter_port: int = Field(9108, ge=0, le=65535, description="Port of the scrapes; 0 picks a free one.")
    exporter_tls_cert: Path | None = Field(None, description="PEM file of the certificate; without it, plain HTTP.")
    exporter_tls_key: Path | None = Field(None, description="PEM file of the certificate's key.")
    exporter_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that a scrape must bear; none is asked for without one."
    )
    exporter_token_file: Path | None = Field(None, description="File with that token; wins over it.")
    exporter_kinds: str = Field(
        "rack,room,cooling,server", description="Kinds of twins that are shown, comma separated: a rack is 21 series."
    )

    def token(self) -> str:
        """The token, from its file where there is one; empty for none.

        Raises:
            OSError: the file cannot be read.
        """
        if self.exporter_token_file is not None:
            return self.exporter_token_file.read_text(encoding="utf-8").strip()
        return self.exporter_token.get_secret_value()
