"""What the notifier counts."""

from prometheus_client import Counter, Gauge

DELIVERED = Counter("racktwin_notify_delivered_total", "Events that the receiver took.")
FAILED = Counter("racktwin_notify_failed_attempts_total", "Attempts that failed, by HTTP status.", ["status"])
UNDELIVERED = Counter("racktwin_notify_undelivered_total", "Events put aside on the rejects topic.", ["site"])
LEFT_OUT = Counter("racktwin_notify_left_out_total", "Events that nobody asked for.")
UNREADABLE = Counter("racktwin_notify_unreadable_total", "Records that are no twin events.")
UNDER_WAY = Gauge("racktwin_notify_under_way", "Events taken in and not delivered yet.")
PAUSED = Gauge("racktwin_notify_paused", "1 while Kafka keeps the events because too many wait here.")
