"""Settings of the bridge."""

from __future__ import annotations

from pydantic import Field, SecretStr

from racktwin.settings import KafkaSettings, ProcessSettings, SitesSettings


class BridgeSettings(KafkaSettings, SitesSettings, ProcessSettings):
    """Where the AMQP broker is, how much may be in flight, and how long a command stays worth sending."""

    hono_amqp_host: str = Field("127.0.0.1", description="Host of the AMQP 1.0 broker behind Hono's adapters.")
    hono_amqp_port: int = Field(5672, ge=1, le=65535, description="Port of that broker.")
    hono_amqp_user: str = Field("", description="User at that broker (SASL PLAIN); empty for anonymous.")
    hono_amqp_password: SecretStr = Field(SecretStr(""), description="Password at that broker.")
    hono_amqp_tls: bool = Field(False, description="Connect with TLS (trust store of the system).")
    bridge_credit: int = Field(
        1000,
        ge=1,
        le=50000,
        description="Messages per link that may wait for Kafka's acknowledgement; then the broker holds the rest back.",
    )
    bridge_delivery_timeout_s: float = Field(
        30.0,
        gt=0,
        description="How long Kafka may take to acknowledge before messages are released to the AMQP broker (s).",
    )
    bridge_linger_ms: int = Field(2, ge=0, le=1000, description="How long the producer waits to fill a batch (ms).")
    bridge_site_refresh_s: float = Field(3.0, gt=0, description="How often topics are listed to find new sites (s).")
    bridge_command_max_age_s: float = Field(
        30.0,
        gt=0,
        description="Commands older than this are not sent: an actuator must not obey what nobody means any more (s).",
    )
    bridge_commands_in_flight: int = Field(500, ge=1, description="Commands whose outcome may be outstanding.")
    bridge_reply_id: str = Field(
        "racktwin",
        pattern="^[a-z0-9-]{1,32}$",
        description="Last part of the address that command responses return to; shared by all replicas.",
    )
    bridge_undelivered_addresses: str = Field(
        "ExpiryQueue,DLQ",
        description="Broker queues of expired and undeliverable messages: commands in them become failure "
        "notifications. Comma separated; empty for none.",
    )
    bridge_group: str = Field("racktwin-hono-bridge", description="Kafka consumer group for commands.")
