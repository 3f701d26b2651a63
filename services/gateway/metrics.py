"""What the gateway counts, for /metrics. ``source`` is ``fleet`` or ``machine``."""

from __future__ import annotations

from typing import Final, get_args

from prometheus_client import Counter, Enum, Gauge, Histogram

from racktwin.smartctl import State

PACKS_SENT: Final = Counter(
    "racktwin_gateway_messages_sent_total", "Messages given to the adapter for the first time.", ["source"]
)
PACKS_ACKED: Final = Counter("racktwin_gateway_messages_acked_total", "Messages the adapter acknowledged.", ["source"])
PACKS_RESENT: Final = Counter(
    "racktwin_gateway_messages_resent_total", "Messages given again, after a lost connection.", ["source"]
)
PACKS_LOST: Final = Counter(
    "racktwin_gateway_messages_lost_total", "Messages given up: backlog full, refused, or the rack was removed.",
    ["source", "reason"],
)  # fmt: skip
READINGS_SENT: Final = Counter(
    "racktwin_gateway_readings_sent_total", "Values in messages given to the adapter for the first time.", ["source"]
)
READINGS_ACKED: Final = Counter("racktwin_gateway_readings_acked_total", "Values the adapter acknowledged.", ["source"])
IN_FLIGHT: Final = Gauge("racktwin_gateway_in_flight", "Messages that wait for an acknowledgement.", ["source"])
BACKLOG: Final = Gauge("racktwin_gateway_backlog", "Messages not acknowledged yet, in flight or not.", ["source"])
ACK_SECONDS: Final = Histogram(
    "racktwin_gateway_ack_seconds", "From giving a message to the adapter to its acknowledgement (s).", ["source"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)  # fmt: skip
CONNECTED: Final = Gauge("racktwin_gateway_connected", "1 while the adapter is reachable and lets us in.", ["source"])
DEVICES: Final = Gauge("racktwin_gateway_devices", "Devices that report through this gateway.", ["source"])
QUARANTINED: Final = Gauge(
    "racktwin_gateway_devices_quarantined", "Devices left out because the adapter hangs up on them."
)
COMMANDS: Final = Counter("racktwin_gateway_commands_total", "Commands received, by the status answered.", ["status"])
DISKS: Final = Enum(
    "racktwin_gateway_disks_state",
    "Whether this machine's disks can be read, or why not.",
    # What it stands at until the disks are asked for, and where they never are.
    states=["not asked", *get_args(State)],
)
