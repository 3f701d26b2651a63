"""Settings of the process that follows NetBox."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from inventory.netbox.settings import NetBoxSettings
from racktwin.names import check_site
from racktwin.settings import DittoSettings, ProcessSettings


class DcimSettings(NetBoxSettings, DittoSettings, ProcessSettings):
    """How often NetBox is read, what is done with a difference, and where its webhooks come in."""

    dcim_site: str = Field("", description="Name of the Site here, and its namespace; NetBox's slug when left out.")
    dcim_apply: bool = Field(
        False, description="Carry differences out; without it they are logged and counted, and nothing is changed."
    )
    dcim_delete: bool = Field(False, description="Also remove what is gone from NetBox (with twins and devices).")
    dcim_write_back: bool = Field(True, description="Write thing ids and measured power into NetBox, when applying.")
    dcim_every_s: float = Field(300.0, ge=1, description="NetBox is read at least this often (s).")
    dcim_settle_s: float = Field(
        2.0, ge=0, le=60, description="After a webhook, wait this long for more of them before NetBox is read (s)."
    )
    dcim_power_every_s: float = Field(
        3600.0, ge=60, description="Measured power is written back at most this often (s): each write is logged there."
    )
    dcim_host: str = Field("127.0.0.1", description="Address that webhooks come in at (0.0.0.0 in a pod).")
    dcim_port: int = Field(8095, ge=0, le=65535, description="Port of the webhooks; 0 picks a free one.")
    dcim_tls_cert: Path | None = Field(None, description="PEM file of the certificate; without it, plain HTTP.")
    dcim_tls_key: Path | None = Field(None, description="PEM file of the certificate's key.")
    dcim_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret of NetBox's webhook, at least 16 characters; no webhooks without one."
    )
    dcim_webhook_secret_file: Path | None = Field(None, description="File with that secret; wins over it.")

    @field_validator("dcim_site")
    @classmethod
    def _site(cls, value: str) -> str:
        return check_site(value) if value else value

    def webhook_secret(self) -> str:
        """The secret, from its file where there is one; empty for no webhooks.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is too short to be a secret.
        """
        secret = self.dcim_webhook_secret.get_secret_value()
        if self.dcim_webhook_secret_file is not None:
            secret = self.dcim_webhook_secret_file.read_text(encoding="utf-8").strip()
        if secret and len(secret) < 16:
            raise ValueError("the webhook's secret: expected at least 16 characters")
        return secret
