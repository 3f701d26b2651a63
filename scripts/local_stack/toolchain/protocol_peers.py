"""Real programs that the collectors are tried against: an exporter, an MQTT broker, an agent that posts to Hono.

`make check-collectors` builds them on first use; the local stack needs none of them.
"""

from local_stack.toolchain.artefact import Artefact
from local_stack.toolchain.gotool import GoTool

NODE_EXPORTER = GoTool(
    name="node-exporter",
    version="v1.12.1",
    why="an exporter for the Prometheus collector to scrape",
    package="github.com/prometheus/node_exporter",
    program="node_exporter",
)
MQTT_BROKER = GoTool(
    name="mqtt-broker",
    version="v2.7.9",
    why="a broker for the MQTT collector to listen to",
    package="github.com/mochi-mqtt/server/v2/cmd",
    program="mqtt_broker",
    module="github.com/mochi-mqtt/server/v2",
)
_TELEGRAF_PLUGINS = (
    *("inputs.cpu", "inputs.mem", "inputs.net", "inputs.disk", "inputs.diskio", "inputs.system"),
    *("outputs.http", "outputs.file", "processors.starlark", "aggregators", "serializers.template", "serializers.json"),
)
TELEGRAF = GoTool(
    name="telegraf",
    version="v1.38.1",
    why="an agent that posts to Hono with the configuration we document",
    package="github.com/influxdata/telegraf/cmd/telegraf",
    program="telegraf",
    tags=",".join(("custom", *_TELEGRAF_PLUGINS)),
)
PROTOCOL_PEERS: tuple[Artefact, ...] = (NODE_EXPORTER, MQTT_BROKER, TELEGRAF)
