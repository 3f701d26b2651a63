"""How to reach NetBox, and how its objects are to be read."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, SecretStr

from racktwin.settings import Settings


class NetBoxSettings(Settings):
    """NetBox's address and token, and what its roles and custom fields mean here."""

    netbox_url: str = Field("http://127.0.0.1:8000", description="Base URL of NetBox, without /api.")
    netbox_token: SecretStr = Field(
        SecretStr(""),
        description="API token, v1 or v2 (nbt_...); it may view dcim objects, and change them to write back.",
    )
    netbox_token_file: Path | None = Field(
        None, description="File with the token, read for each connection; wins over the token itself."
    )
    netbox_site: str = Field("", description="Slug of the NetBox site; the only one there when left out.")
    netbox_tag: str = Field("", description="Take only racks that bear this tag (slug); all when left out.")
    netbox_verify: bool = Field(True, description="Check NetBox's certificate.")
    netbox_timeout_s: float = Field(30.0, gt=0, description="Time that an answer may take (s).")
    netbox_per_second: float = Field(10.0, gt=0, description="Most requests a second that NetBox is asked.")
    netbox_page: int = Field(250, ge=1, le=1000, description="Objects a page.")
    netbox_room_level: int = Field(
        -1,
        ge=-1,
        le=10,
        description="Depth of the locations that are rooms: 0 the site's own locations; -1 the location a rack is in. "
        "What lies between room and rack names the row.",
    )
    netbox_server_roles: str = Field(
        "*", description="Slugs of device roles that become servers, comma separated; * stands for any characters."
    )
    netbox_cooling_roles: str = Field(
        "crac,crah,*cooling*,*air-condition*,in-row", description="Slugs of device roles that become CoolingUnits."
    )
    netbox_ignored_roles: str = Field(
        "pdu,*power-distribution*,ups,patch*,*panel*,*cable*,*blank*,shelf",
        description="Slugs of device roles that become nothing.",
    )
    netbox_default_room: str = Field("", description="Room of racks without a location; those are refused without it.")
    netbox_gateways: str = Field("", description="Gateways that a new Site gets, comma separated.")
    netbox_field_prefix: str = Field(
        "racktwin_", pattern="^[a-z][a-z0-9_]*$", description="Beginning of the names of our custom fields in NetBox."
    )

    def token(self) -> str:
        """The token, from its file where there is one.

        Raises:
            OSError: the file cannot be read.
        """
        if self.netbox_token_file is not None:
            return self.netbox_token_file.read_text(encoding="utf-8").strip()
        return self.netbox_token.get_secret_value()


def matches(role: str, patterns: str) -> bool:
    """Whether a role's slug is one of those meant."""
    return any(fnmatchcase(role, pattern.strip()) for pattern in patterns.split(",") if pattern.strip())
