"""hono_bridge: makes a Hono that uses AMQP messaging look like one that uses Kafka messaging.

Devices speak to the adapters of a Hono 1.x whose messages end on an AMQP 1.0 broker; the rest of the system reads
``hono.telemetry.<site>``, ``hono.event.<site>`` and ``hono.command_response.<site>`` and writes
``hono.command.<site>``, as with a Hono 2.7. Where a Kafka-messaging Hono is deployed, this process is not.
"""
