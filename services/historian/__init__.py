"""Historian: readings and predictions go into InfluxDB, each exactly once per series and time.

Takes ``racktwin.readings.<site>`` and ``racktwin.predictions.<site>``; writes the bucket ``<site>``, which it makes if
there is none. The way of one record: ``work`` (Kafka) -> ``points`` (record to line) -> ``sink`` (lines to InfluxDB);
what InfluxDB will never take goes to ``racktwin.rejects.<site>``. Next in the flow: Grafana, the console, training.
"""
