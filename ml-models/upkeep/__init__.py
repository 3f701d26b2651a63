"""Predictive maintenance as it goes: what wears in a site, how long it lasts, when to mend it, onto twins and history.

In the order of the flow: `series` (from InfluxDB), `model` (which maintenance model serves, if any), `past` (what it
reads), `judge` (what it leaves to the plain trend, `models.wear`), `disks` (servers' disks, by `models.disk_wear`),
`outbox` (findings -> Kafka records), all driven by `work`, every few minutes. It commands nothing. On recorded files
`racktwin detect` does the same.
"""
