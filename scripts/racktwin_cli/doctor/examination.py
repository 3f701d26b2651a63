"""One examination: watch, send, follow, ask around. Joins the other modules and concludes nothing.

Next: `racktwin_cli.doctor.diagnosis` concludes, `racktwin_cli.doctor.report` tells.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Final

from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import twin_connection
from racktwin.process import epoch_ms
from racktwin_cli.doctor import marked as marking
from racktwin_cli.doctor import send, surroundings
from racktwin_cli.doctor.evidence import REFUSED, Evidence, Hop, Influx, Runner, Sent, Sighting, expected
from racktwin_cli.doctor.follow import TopicWatcher, Trail, Watchers
from racktwin_cli.doctor.marked import Marked
from racktwin_cli.doctor.target import Model, Target, predicts
from racktwin_cli.failures import Failure
from racktwin_cli.installation import Installation
from racktwin_cli.kafka_view import Groups
from racktwin_cli.kube import Cluster

_POLL_S: Final = 0.1
_DITTO_S: Final = 5.0
_AFTER_TURN_S: Final = 5.0
_HEALTHY_PROCESSES: Final = ("hono-bridge", "ingest", "historian")


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. `wait_s`: how long without a new sighting until the reading counts as stopped; a prediction
    gets as long as its model's interval asks for where that is more."""

    feature: str | None
    values: Mapping[str, float]
    http: bool
    wait_s: float


@dataclass(frozen=True, slots=True)
class Examination:
    """The reading that was sent, when (epoch ms), and everything that was seen."""

    marked: Marked
    started_ms: int
    evidence: Evidence


def examine(
    settings: Installation, cluster: Cluster, *, target: Target, models: list[Model], order: Order, marker: str
) -> Examination:
    """Send one marked reading and gather what became of it.

    Raises:
        Failure: the doctor itself cannot work: Kafka or Kubernetes does not answer, or there is no value to send.
    """
    thing, site = target.thing, target.thing.site
    ditto = DittoClient(settings, timeout_s=_DITTO_S)
    twin_found, features, problem = _present(ditto, str(thing))
    feature = marking.choose_feature(thing.kind, features or {}, order.feature)
    if problem and not order.values:
        raise Failure(
            f"the twin's present value cannot be read: {problem}",
            "is Ditto running, and RACKTWIN_DITTO_* right? To examine the way up to it, give a value with --value",
        )
    # Ditto away: the thing may well exist, and the value is given.
    shown = None if twin_found is False else features or {}
    influx = surroundings.InfluxView(settings, site)
    try:
        with TopicWatcher(settings, site) as watcher:
            started = epoch_ms()
            marked = marking.make(str(thing), feature, shown, started, marker=marker, given=order.values)
            # Of an estimated reading models make nothing.
            reading_models = (
                [m for m in models if predicts(m, thing.kind, feature.name)] if not marked.estimated else []
            )
            plan = Evidence(
                site=site,
                thing=str(thing),
                feature=feature.name,
                login=target.sender,
                topics=watcher.topics,
                runners=tuple(Runner(m.name, m.replicas, None, group_id=m.group) for m in reading_models),
            )
            trail = Trail()
            sent: Sent | None = None
            if target.login is not None:
                with Watchers(DittoClient(settings, timeout_s=_DITTO_S), influx.ask, marked, trail):
                    sent = (send.over_http if order.http else send.over_mqtt)(target.login, marked)
                    if sent.refusal is None:
                        trail.see(Hop.ADAPTER, epoch_ms(), "acknowledged")
                        slowest_s = max((model.interval_s for model in reading_models), default=0.0)
                        _follow(watcher, marked, trail, expected(plan), wait_s=order.wait_s, interval_s=slowest_s)
            rejected = watcher.rejected(trail)
    finally:
        influx.close()
    evidence = _ask_around(settings, cluster, target=target, trail=trail, plan=plan, ditto=ditto)
    return Examination(
        marked,
        started,
        replace(
            evidence,
            sent=sent,
            secret_problem=target.problem,
            rejected=rejected,
            sightings=_in_order(trail.seen()),
            twin_found=twin_found,
            ditto_problem=trail.ditto_problem or problem,
            influx=trail.influx,
        ),
    )


def _present(ditto: DittoClient, thing: str) -> tuple[bool | None, dict[str, object] | None, str]:
    """Whether the twin exists (None: Ditto does not say), its features, and what is wrong with Ditto."""
    try:
        found = ditto.get_thing(thing, "features")
        if found is None:
            return False, None, ""
        return True, dict(found.get("features") or {}), ""
    except DittoError as error:
        return None, None, str(error)


def _follow(
    watcher: TopicWatcher, marked: Marked, trail: Trail, wanted: tuple[Hop, ...], *, wait_s: float, interval_s: float
) -> None:
    missing = set(wanted)
    while time.monotonic() - trail.changed_at < patience_s(missing, wait_s, interval_s):
        watcher.poll(marked, trail, _POLL_S)
        missing = awaited(wanted, trail.seen().keys(), trail.influx)
        if not missing or watcher.rejected(trail) is not None:
            return


def awaited(wanted: Iterable[Hop], seen: Set[Hop], influx: Influx | None) -> set[Hop]:
    """The hops where waiting may still show the reading: InfluxDB shows no point to a token that it refuses."""
    missing = set(wanted) - seen
    if influx is not None and influx.status in REFUSED:
        missing.discard(Hop.HISTORY)
    return missing


def patience_s(missing: Set[Hop], wait_s: float, interval_s: float) -> float:
    """How long the next sighting may take, so that no hop is blamed which had not its time.

    A reading that comes before its thing's turn, with none after it, is predicted from an interval after that turn.
    That is waited for where the model can come to the reading, and its prediction to the twin.
    """
    predicts = Hop.PREDICTION in missing and Hop.INGEST not in missing
    shows = Hop.PREDICTED_TWIN in missing and not missing & {Hop.PREDICTION, Hop.TWIN}
    return max(wait_s, 2.0 * interval_s + _AFTER_TURN_S) if predicts or shows else wait_s


def _ask_around(
    settings: Installation, cluster: Cluster, *, target: Target, trail: Trail, plan: Evidence, ditto: DittoClient
) -> Evidence:
    """Ask the systems about what was not seen; what went well needs no explanation."""
    seen = trail.seen()
    missing = [hop for hop in expected(plan) if hop not in seen]
    if not missing:
        return plan
    site = plan.site
    groups = Groups(settings)
    readings, merge = trail.places.get(Hop.INGEST), trail.places.get(Hop.MERGE)
    evidence = replace(plan, unready=surroundings.unready(settings.health_urls, _HEALTHY_PROCESSES))
    if Hop.ADAPTER in missing:
        tenant_known, device_known, enabled = surroundings.registry(settings, site, target.sender)
        return replace(evidence, tenant_known=tenant_known, device_known=device_known, device_enabled=enabled)
    if Hop.HONO in missing:
        return replace(evidence, bridge=surroundings.bridge(groups, settings.bridge_group))
    if Hop.INGEST in missing:
        ingest = surroundings.group(groups, settings.ingest_group, trail.places.get(Hop.HONO))
        return replace(evidence, ingest=ingest)
    if Hop.TWIN in missing:
        evidence = replace(
            evidence,
            connection=surroundings.connection(settings, site),
            may_write=surroundings.policy_lets_write(ditto, plan.thing, plan.feature),
            ditto_group=surroundings.group(groups, twin_connection(site), merge),
        )
    if Hop.HISTORY in missing:
        evidence = replace(evidence, historian=surroundings.group(groups, settings.historian_group, readings))
    if Hop.PREDICTION in missing:
        runners = tuple(
            Runner(
                runner.model,
                runner.replicas,
                cluster.ready_replicas(f"model-{runner.model}", site),
                surroundings.group(groups, runner.group_id or f"racktwin-model-{runner.model}", readings),
            )
            for runner in plan.runners or ()
        )
        evidence = replace(evidence, runners=runners)
    return evidence


def _in_order(sightings: dict[Hop, Sighting]) -> dict[Hop, Sighting]:
    return {hop: sightings[hop] for hop in Hop if hop in sightings}
