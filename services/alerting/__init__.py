"""Alerting: what is wrong on which twin, once when it begins and once when it is over.

Follows twins (:mod:`racktwin.twin_feed`), judges them by `rules`, keeps what fires in `board`, and says it in two
places: the feature ``alerts`` of the twin holds what is open now, the measurement ``alert`` in InfluxDB what happened.
It has no state of its own: a restarted process reads what is open from the twins, and `leftovers` ends what is open in
InfluxDB alone. Next: the console, and Grafana's
alert rules, which turn the measurement into messages to people.
"""
