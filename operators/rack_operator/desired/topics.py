"""Kafka topics of a site: names, partitions, retention. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rack_operator.api.site import Topics
from rack_operator.desired import bulk
from racktwin import names

_HOUR_MS = 3_600_000
# Streams that are consumed at once and large; the others are small and worth looking back at.
_SHORT = {"hono.telemetry", "racktwin.readings", "racktwin.twin", "racktwin.models", "racktwin.operator"}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic that must exist; `configs` are the settings that the operator owns."""

    name: str
    partitions: int
    replication_factor: int
    configs: tuple[tuple[str, str], ...]


def topics(site: str, spec: Topics) -> list[Topic]:
    """Every topic of the site, Hono's and ours. Both are made ahead: lazily made ones lose their first records."""
    hono = [(f"hono.{what}", f"hono.{what}.{site}") for what in names.HONO_TOPICS]
    own = [(f"racktwin.{what}", f"racktwin.{what}.{site}") for what in names.OWN_TOPICS]
    made = []
    between = [("racktwin.operator", bulk.commands_topic(site)), ("racktwin.operator", bulk.replies_topic(site))]
    for family, name in hono + own + between:
        hours = spec.retention_hours if family in _SHORT else spec.long_retention_hours
        configs = (("cleanup.policy", "delete"), ("retention.ms", str(hours * _HOUR_MS)))
        made.append(Topic(name, spec.partitions, spec.replication_factor, configs))
    return made
