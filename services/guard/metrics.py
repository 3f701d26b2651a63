"""What the guard counts."""

from prometheus_client import Counter, Gauge, Histogram

WISHES = Counter("racktwin_guard_wishes_total", "Wishes decided on.", ["outcome", "rule"])
COMMANDS = Counter("racktwin_guard_commands_total", "Commands sent to Hono, repetitions too.", ["site"])
ENDED = Counter("racktwin_guard_commands_ended_total", "Commands that came to an end.", ["state"])
OPEN = Gauge("racktwin_guard_commands_open", "Commands without an end.")
LOCAL = Counter("racktwin_guard_local_control_total", "Units sent back to local control.", ["why"])
DECIDE_SECONDS = Histogram(
    "racktwin_guard_decide_seconds", "Time to read a room and decide.", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3)
)
