"""Settings of the console."""

from __future__ import annotations

from pydantic import Field, SecretStr

from racktwin.settings import DittoSettings, InfluxSettings, KafkaSettings, ProcessSettings, SitesSettings


class ConsoleSettings(KafkaSettings, DittoSettings, InfluxSettings, SitesSettings, ProcessSettings):
    """Where the console listens, who may come in, and where it reads."""

    console_host: str = Field("127.0.0.1", description="Address that the console listens on (0.0.0.0 in a pod).")
    console_port: int = Field(8090, ge=0, le=65535, description="Port of the console.")
    console_tls_cert: str | None = Field(None, description="PEM file of the certificate; without it, plain HTTP.")
    console_tls_key: str | None = Field(None, description="PEM file of the certificate's key.")
    console_origin: str | None = Field(
        None, description="Address that browsers see, where a proxy stands before it: https://console.example.net."
    )
    console_web_dir: str | None = Field(None, description="Folder of the built page; the API alone is served without.")
    console_users_file: str | None = Field(
        None, description="File of local users (`python -m console.users`); read again whenever it changes."
    )
    console_session_key: SecretStr = Field(
        SecretStr(""), description="Secret that signs sessions, at least 32 characters; all replicas share it."
    )
    console_session_hours: float = Field(12.0, gt=0, le=168, description="How long a session lasts (h).")
    console_logins_per_minute: int = Field(10, ge=1, description="Attempts to log in that one address has a minute.")
    console_requests_per_second: float = Field(50.0, gt=0, description="Requests that one user has a second.")
    console_push_ms: int = Field(200, ge=50, le=5000, description="Changes are pushed to browsers this often (ms).")
    console_grafana_url: str | None = Field(None, description="Address of Grafana, for links.")
    console_ditto_ui_url: str | None = Field(None, description="Address of the Ditto UI, for links.")
    console_oidc_issuer: str | None = Field(None, description="OpenID Connect issuer; without it, local users alone.")
    console_oidc_client_id: str = Field("racktwin-console", description="Client id at the issuer.")
    console_oidc_client_secret: SecretStr = Field(SecretStr(""), description="Client secret at the issuer.")
    console_oidc_scopes: str = Field("openid profile email", description="Scopes asked of the issuer.")
    console_oidc_name_claim: str = Field(
        "preferred_username", description="Claim with the person's name, which the audit shows; else email, else sub."
    )
    console_oidc_role_claim: str = Field(
        "racktwin_role",
        description="Claim that holds roles or groups, one or a list; a path such as realm_access.roles.",
    )
    console_oidc_roles: dict[str, str] = Field(
        {},
        description='Roles by values of that claim, as JSON: {"dc-staff": "operator"}; else they are roles themselves.',
    )
    console_oidc_sites_claim: str = Field(
        "racktwin_sites", description="Claim that holds the sites, or *; with an empty name everybody sees all."
    )
    console_live_per_user: int = Field(20, ge=1, description="Live connections that one user may have open.")
