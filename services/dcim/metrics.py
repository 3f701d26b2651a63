"""What the process counts."""

from prometheus_client import Counter, Gauge

ROUNDS = Counter("racktwin_dcim_rounds_total", "Comparisons with NetBox.", ["result"])
DIFFERENCES = Gauge("racktwin_dcim_differences", "Resources that differed at the last comparison.", ["action"])
PROBLEMS = Gauge("racktwin_dcim_problems", "Objects of NetBox that could not be taken over at the last comparison.")
APPLIED = Counter("racktwin_dcim_applied_total", "Changes made to resources.", ["action"])
REFUSED = Counter("racktwin_dcim_refused_total", "Changes that the API server refused.")
WRITTEN = Counter("racktwin_dcim_written_back_total", "Objects of NetBox that were changed.")
NOT_WRITTEN = Counter("racktwin_dcim_not_written_back_total", "Objects of NetBox that could not be changed.")
HOOKS = Counter("racktwin_dcim_webhooks_total", "Webhooks that came in.", ["result"])
IN_STEP = Gauge("racktwin_dcim_in_step_timestamp_seconds", "When the resources were last seen in step with NetBox.")
