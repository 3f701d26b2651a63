"""What the optimiser counts."""

from prometheus_client import Counter, Gauge, Histogram

PROPOSALS = Counter("racktwin_optimiser_proposals_total", "Looks at rooms by what came of them.", ["state"])
SAVING = Gauge("racktwin_optimiser_saving_percent", "Saving of cooling power that is proposed (%).", ["room"])
STANDBY = Gauge("racktwin_optimiser_standby", "1: another instance looks after the room.", ["room"])
LOOK_SECONDS = Histogram(
    "racktwin_optimiser_look_seconds", "Time for one room's proposal.", buckets=(0.02, 0.05, 0.1, 0.3, 1, 3, 10)
)
