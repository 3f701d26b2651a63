"""Evidence -> verdicts: at which hop the reading stopped, why, and what to look at. Pure.

The way of a reading branches (twin, history, prediction), so several hops can be broken at once; each branch gives the
first hop that it does not pass, and hops behind that are not judged. Next: `racktwin_cli.doctor.report`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from racktwin.names import (
    OwnTopic,
    ThingId,
    base_policy,
    hono_topic,
    models_connection,
    own_topic,
    pipeline_subject,
    twin_connection,
)
from racktwin_cli.doctor.evidence import BEFORE, NO_ANSWER, REFUSED, TITLES, Evidence, Group, Hop, expected

_READING_TOPICS: Final[tuple[OwnTopic, ...]] = ("readings", "twin", "rejects")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One broken hop: a code for programs, the cause and the next thing to look at for people."""

    hop: Hop
    code: str
    cause: str
    look: str


def diagnose(evidence: Evidence) -> list[Verdict]:
    """The broken hops in the order of the way; empty when the reading passed everywhere it should."""
    wanted = expected(evidence)
    verdicts: list[Verdict] = []
    for hop in wanted:
        if hop in evidence.sightings:
            continue
        before = BEFORE.get(hop)
        # Only the first hop of a branch that was not passed says anything. A merge, or a reading, that was overlooked
        # while the twin or InfluxDB shows it has passed all the same.
        if before is not None and before not in evidence.sightings:
            continue
        if any(later in evidence.sightings and _leads_to(hop, later) for later in wanted):
            continue
        # Predictions reach the twin as readings do: what stops those is said once.
        if hop is Hop.PREDICTED_TWIN and Hop.TWIN not in evidence.sightings:
            continue
        verdicts.append(_JUDGES[hop](evidence))
    return verdicts


def _leads_to(hop: Hop, later: Hop) -> bool:
    at: Hop | None = later
    while at is not None and at != hop:
        at = BEFORE.get(at)
    return at == hop and hop != later


def _adapter(e: Evidence) -> Verdict:
    def verdict(code: str, cause: str, look: str) -> Verdict:
        return Verdict(Hop.ADAPTER, code, cause, look)

    device = ThingId.parse(e.login)
    resource = f"kubectl describe {device.kind} {device.name} -n {e.site}"
    if device.kind == "gateway":
        resource = f"kubectl describe site {e.site} -n {e.site}"
    detail = e.sent.detail if e.sent is not None else e.secret_problem
    if e.sent is not None and e.sent.refusal == "unreachable":
        return verdict(
            "adapter_unreachable",
            f"Hono's adapter cannot be reached: {detail}",
            "is the adapter running, and are host and port in the device's Secret right for this network?",
        )
    if e.tenant_known is False:
        return verdict(
            "tenant_unknown",
            f"Hono's registry has no tenant {e.site}",
            f"the operator makes it from the Site: kubectl describe site {e.site} -n {e.site}",
        )
    if e.device_known is False:
        return verdict(
            "device_unknown",
            f"Hono's registry has no device {e.login}",
            f"the operator registers it, and does so again within a sweep (60 s) when it was deleted: {resource}",
        )
    if not e.device_enabled:
        return verdict(
            "device_disabled",
            f"device {e.login} is disabled in Hono's registry",
            "who disabled it? enable it in the registry, or let the operator mend it within a sweep (60 s)",
        )
    if e.sent is None:
        return verdict("no_secret", e.secret_problem, f"the operator makes it with the device: {resource}")
    if e.sent.refusal == "credentials":
        sure = "" if e.device_known else " (or does not know the device: the registry could not be asked)"
        return verdict(
            "wrong_credentials",
            f"Hono's adapter refuses the credentials of {e.login}{sure}: {detail}",
            "compare what the device uses with its Secret; one that was made again under its name waits some minutes, "
            f"for Hono's adapters remember its old password; the operator's view: {resource}",
        )
    if e.sent.refusal == "unavailable":
        return verdict(
            "hono_cannot_forward",
            f"the adapter is there but did not acknowledge: {detail}",
            "Hono cannot pass messages on: its adapter's log, and its Kafka (2.x) or AMQP broker (1.x)",
        )
    return verdict(
        "adapter_refused", f"Hono's adapter refused the message: {detail}", "the adapter's log, and its payload limit"
    )


def _missing_topic(e: Evidence, hop: Hop, topic: str) -> Verdict | None:
    if e.topics is None or topic in e.topics:
        return None
    return Verdict(
        hop,
        "topic_missing",
        f"Kafka has no topic {topic}",
        f"the operator makes it from the Site: kubectl describe site {e.site} -n {e.site}",
    )


def _hono(e: Evidence) -> Verdict:
    missing = _missing_topic(e, Hop.HONO, hono_topic("telemetry", e.site))
    if missing is not None:
        return missing
    if _down(e, e.bridge, "hono-bridge") or (e.bridge is not None and "hono-bridge" in e.unready):
        says = _says(e, "hono-bridge")
        return Verdict(
            Hop.HONO,
            "bridge_down",
            f"the adapter took it, and hono_bridge, which takes it to Kafka, does not run or is cut off{says}",
            "start hono_bridge, or see its log; what the AMQP broker took meanwhile waits there",
        )
    return Verdict(
        Hop.HONO,
        "not_forwarded",
        "the adapter took the message, and it is not on Kafka",
        "the adapter's log and Hono's Kafka settings; with AMQP messaging the broker's queue telemetry/" + e.site,
    )


def _ingest(e: Evidence) -> Verdict:
    for what in _READING_TOPICS:
        missing = _missing_topic(e, Hop.INGEST, own_topic(what, e.site))
        if missing is not None:
            return missing
    if e.rejected is not None:
        look = "racktwin rejects shows the payload"
        if e.rejected.reason == "unknown_thing":
            look = "the operator makes the twin: is the Rack applied and Ready?"
        return Verdict(
            Hop.INGEST, "rejected", f"ingest refused the reading, {e.rejected.reason}: {e.rejected.detail}", look
        )
    if _down(e, e.ingest, "ingest"):
        return Verdict(
            Hop.INGEST,
            "ingest_down",
            "no ingest process is in its consumer group",
            "start ingest, or see its log; telemetry waits on Kafka meanwhile",
        )
    if e.ditto_problem:
        return Verdict(
            Hop.INGEST,
            "ditto_unreachable",
            f"ingest asks Ditto who a new thing is, and Ditto does not answer: {e.ditto_problem}",
            "is Ditto running? ingest goes on by itself when it answers",
        )
    return Verdict(
        Hop.INGEST,
        "ingest_stuck",
        f"ingest runs and has not written the reading{_behind(e.ingest)}{_says(e, 'ingest')}",
        "ingest's /readyz and log; more replicas if it cannot keep up",
    )


def _merge(e: Evidence) -> Verdict:
    return _missing_topic(e, Hop.MERGE, own_topic("twin", e.site)) or Verdict(
        Hop.MERGE,
        "not_merged",
        "ingest wrote the reading and sent no merge for the twin",
        f"the interval of {e.feature} may be longer than the wait (RACKTWIN_TWIN_INTERVAL_*); try again with --wait",
    )


def _twin(e: Evidence) -> Verdict:
    def verdict(code: str, cause: str, look: str) -> Verdict:
        return Verdict(Hop.TWIN, code, cause, look)

    connection = twin_connection(e.site)
    if e.ditto_problem:
        return verdict("ditto_unreachable", f"Ditto does not answer: {e.ditto_problem}", "is Ditto running?")
    if e.twin_found is False:
        return verdict(
            "twin_unknown",
            f"Ditto has no thing {e.thing} that we may read",
            "the operator makes it: is its resource applied and Ready?",
        )
    if e.connection is not None and not e.connection.found:
        return verdict(
            "connection_missing",
            f"Ditto has no connection {connection}",
            f"the operator makes it from the Site: kubectl describe site {e.site} -n {e.site}",
        )
    if e.connection is not None and "closed" in (e.connection.wanted, e.connection.live):
        return verdict(
            "connection_closed",
            f"Ditto's connection {connection} is closed: merges wait on Kafka",
            f"open it: POST /api/2/connections/{connection}/command with connectivity.commands:openConnection",
        )
    if e.connection is not None and e.connection.live not in ("open", "unknown", ""):
        return verdict(
            "connection_failed",
            f"Ditto's connection {connection} is {e.connection.live}: {e.connection.detail}",
            f"can Ditto reach Kafka? GET /api/2/connections/{connection}/status and /logs",
        )
    if e.may_write is False:
        return verdict(
            "policy_forbids",
            f"the policy of {e.thing} does not let {pipeline_subject(e.site)} write {e.feature}",
            f"GET /api/2/things/{e.thing}/policyId, then that policy; the operator mends drift within a sweep (60 s)",
        )
    if e.ditto_group is not None and e.ditto_group.behind:
        return verdict(
            "ditto_behind",
            f"Ditto has not come to the merge yet{_behind(e.ditto_group)}",
            "more is sent than Ditto takes: racktwin size, longer RACKTWIN_TWIN_INTERVAL_*, or more cores for Ditto",
        )
    return verdict(
        "ditto_refused",
        "Ditto's connection is open and the twin does not show the reading",
        f"Ditto refuses the merge (its Thing Model?): GET /api/2/connections/{connection}/logs, after enabling them",
    )


def _history(e: Evidence) -> Verdict:
    def verdict(code: str, cause: str, look: str) -> Verdict:
        return Verdict(Hop.HISTORY, code, cause, look)

    status = e.influx.status if e.influx is not None else None
    says = e.unready.get("historian", "")
    if e.influx is not None and status == 0:
        return verdict(
            "influx_unreachable",
            f"InfluxDB cannot be reached: {e.influx.detail}",
            "is InfluxDB running? the historian waits for it and loses nothing",
        )
    if e.influx is not None and status in REFUSED:
        return verdict(
            "influx_token",
            f"InfluxDB refuses the token of this command ({status}: {e.influx.detail})",
            "RACKTWIN_INFLUX_TOKEN and RACKTWIN_INFLUX_ORG, here and of the historian",
        )
    if " 401" in says or " 403" in says:
        return verdict(
            "historian_token",
            f"InfluxDB refuses the historian's token: {says}",
            "RACKTWIN_INFLUX_TOKEN of the historian; it goes on by itself once it is right, and nothing is lost",
        )
    if e.rejected is not None:
        return verdict(
            "rejected",
            f"the historian refused the reading, {e.rejected.reason}: {e.rejected.detail}",
            "racktwin rejects shows the record",
        )
    if _down(e, e.historian, "historian"):
        return verdict(
            "historian_down",
            "no historian is in its consumer group",
            "start the historian, or see its log; readings wait on Kafka meanwhile",
        )
    if e.influx is not None and status == 404:
        return verdict(
            "bucket_missing",
            f"InfluxDB has no bucket {e.site}",
            "the historian makes it with the first reading: its /readyz and log say why not",
        )
    return verdict(
        "historian_stuck",
        f"the historian runs and InfluxDB has no such point{_behind(e.historian)}{_says(e, 'historian')}",
        "the historian's /readyz names what InfluxDB answers (token, disk, bucket)",
    )


def _prediction(e: Evidence) -> Verdict:
    missing = _missing_topic(e, Hop.PREDICTION, own_topic("predictions", e.site))
    if missing is not None:
        return missing
    for runner in e.runners or ():
        deployment = f"kubectl describe deployment model-{runner.model} -n {e.site}"
        if runner.replicas == 0:
            return Verdict(
                Hop.PREDICTION,
                "model_paused",
                f"model {runner.model} is paused: replicas 0",
                f"Site spec.models[].replicas of {runner.model}",
            )
        if runner.ready is None or runner.ready == 0 or (runner.group is not None and runner.group.members == 0):
            what = "has no Deployment" if runner.ready is None else "has no runner that is ready"
            return Verdict(Hop.PREDICTION, "no_runner", f"model {runner.model} {what}", deployment)
    names = ", ".join(runner.model for runner in e.runners or ())
    behind = next((_behind(r.group) for r in e.runners or () if r.group is not None and r.group.behind), "")
    return Verdict(
        Hop.PREDICTION,
        "not_predicting",
        f"a runner of {names} is ready and has made no prediction from the reading{behind}",
        "its interval may be longer than the wait (RACKTWIN_PREDICTION_INTERVAL_S, --wait); else "
        "racktwin_predictions_skipped_total of its /metrics says why",
    )


def _predicted_twin(e: Evidence) -> Verdict:
    return _missing_topic(e, Hop.PREDICTED_TWIN, own_topic("models", e.site)) or Verdict(
        Hop.PREDICTED_TWIN,
        "prediction_not_on_twin",
        "a prediction was made and the twin does not show it",
        f"Ditto refuses its merge (do the thing's Thing Model and policy {base_policy(e.site)} name the prediction's "
        f"feature?) or does not take it: GET /api/2/connections/{models_connection(e.site)}/status and /logs",
    )


def _down(e: Evidence, group: Group | None, process: str) -> bool:
    """Whether a process does not run: nobody in its group, or nobody at its health address."""
    return (group is not None and group.members == 0) or e.unready.get(process, "").startswith(NO_ANSWER)


def _behind(group: Group | None) -> str:
    return f"; it is {group.behind:,} record(s) behind" if group is not None and group.behind else ""


def _says(e: Evidence, process: str) -> str:
    return f"; it says: {e.unready[process]}" if process in e.unready else ""


_JUDGES: Final[dict[Hop, Callable[[Evidence], Verdict]]] = {
    Hop.ADAPTER: _adapter,
    Hop.HONO: _hono,
    Hop.INGEST: _ingest,
    Hop.MERGE: _merge,
    Hop.TWIN: _twin,
    Hop.HISTORY: _history,
    Hop.PREDICTION: _prediction,
    Hop.PREDICTED_TWIN: _predicted_twin,
}
assert set(_JUDGES) == set(TITLES)
