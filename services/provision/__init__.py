"""What a release needs beside its processes: certificates, Kafka users and rights, InfluxDB's set-up, backups.

Each is a command of ``python -m provision`` that a Job of the Helm chart runs; each can be repeated, and does nothing
where everything is as it should be. ``python -m provision.influx_probe`` stands beside InfluxDB and writes to it.
Installing (what is in the chart) is not here, and sites are the operator's.
"""
