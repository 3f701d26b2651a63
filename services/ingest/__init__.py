"""Ingest: what devices sent through Hono becomes cleaned readings, twin merges and rejects.

Takes ``hono.telemetry.<site>`` and ``hono.event.<site>``; writes ``racktwin.readings.<site>`` (full rate, for the
historian and the models), ``racktwin.twin.<site>`` (at most one merge per thing and interval, for Ditto) and
``racktwin.rejects.<site>``. The way of one message:

``loop`` (Kafka) -> ``intake`` (headers, format) -> ``flat`` | ``packs`` | ``envelopes`` (payload to measured values)
-> ``cleaning`` (thing, authority, unit, range, time, duplicates, dew point) -> ``readings topic`` and
-> ``coalesce`` -> ``twin topic``; what cannot be used -> ``rejects``.
"""
