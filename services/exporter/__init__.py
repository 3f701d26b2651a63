"""Prometheus exporter of what twins show now.

Follows twins as the console does (Ditto and the topic of twin events), keeps no state, and answers scrapes from memory.
Its own health and counters are where every process has them; twins are at an address of their own, because who scrapes
processes need not see racks. Next in the flow: Prometheus.
"""
