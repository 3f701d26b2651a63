"""What the process counts."""

from prometheus_client import Counter, Gauge

FOLLOWED = Gauge("racktwin_nodes_followed", "Servers that follow a node.")
PROBLEMS = Gauge("racktwin_nodes_problems", "Servers whose node is not there or gives no metrics.")
SENT = Counter("racktwin_nodes_messages_sent_total", "Messages that Hono acknowledged.")
READINGS = Counter("racktwin_nodes_readings_sent_total", "Values in them.")
DROPPED = Counter("racktwin_nodes_messages_dropped_total", "Messages that were given up.", ["reason"])
BACKLOG = Gauge("racktwin_nodes_backlog", "Messages that wait for Hono.")
SOURCE = Gauge("racktwin_nodes_source", "1 for the source of metrics that is used.", ["source"])
