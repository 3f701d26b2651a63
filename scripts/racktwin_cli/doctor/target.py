"""Whom the doctor examines: site, thing, the login it sends with, and the models that should predict from it.

Next: `racktwin_cli.doctor.examination`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from racktwin.device_credentials import Credentials, CredentialsMissing
from racktwin.names import Kind, ThingId, device_secret, thing_id
from racktwin_cli.failures import Failure
from racktwin_cli.installation import Installation
from racktwin_cli.kube import Cluster

# As a runner is set when nobody says otherwise.
PREDICTION_INTERVAL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the site: where it runs, and which features it reads (None: not known)."""

    name: str
    replicas: int
    kinds: tuple[str, ...] | None
    features: tuple[str, ...] | None
    group: str = ""
    """Consumer group of its runners."""
    interval_s: float = PREDICTION_INTERVAL_S
    """Time between two predictions of a thing."""


@dataclass(frozen=True, slots=True)
class Target:
    """A thing, and the login to send its reading with. `login` None: `problem` says why there is none."""

    thing: ThingId
    sender: str
    login: Credentials | None
    problem: str


def site_of(settings: Installation, cluster: Cluster, wanted: str | None) -> str:
    """The site to work on.

    Raises:
        Failure: none was named and the cluster has none, or several.
    """
    chosen = wanted or settings.site
    if chosen is not None:
        return chosen
    sites = cluster.sites()
    if len(sites) == 1:
        return sites[0]
    if not sites:
        raise Failure("the cluster has no Site", "apply one: kubectl apply -f site.yaml")
    raise Failure(f"the cluster has several Sites: {', '.join(sites)}", "name one with --site")


def thing_of(text: str | None, site: str, cluster: Cluster) -> ThingId:
    """The thing that was named (``r1``, ``rack/r1``, ``server/web-1``, a thing id), or the site's first ready rack.

    Raises:
        Failure: the name is not one, or the site has no rack.
    """
    if text is None:
        racks = cluster.racks(site)
        if not racks:
            raise Failure(f"site {site} has no Rack", "apply one, or name a device: racktwin doctor server/NAME")
        ready = [rack for rack in racks if _ready(rack)]
        return ThingId.parse(thing_id(site, "rack", str((ready or racks)[0]["metadata"]["name"])))
    kind, _, name = text.rpartition("/")
    try:
        # A kind that there is none of is told by what parses the id.
        return ThingId.parse(text if ":" in text else thing_id(site, cast(Kind, kind or "rack"), name))
    except ValueError as error:
        raise Failure(str(error), "name a device as r1, server/web-1 or racktwin.<site>:rack-r1") from error


def target_of(thing: ThingId, cluster: Cluster, gateway: str | None, password: str | None) -> Target:
    """The login of the thing, or of the gateway that speaks for it; `password` replaces the Secret's.

    Raises:
        Failure: Kubernetes could not be asked.
    """
    kind, name = ("gateway", gateway) if gateway is not None else (thing.kind, thing.name)
    sender = thing_id(thing.site, cast(Kind, kind), name)
    secret = device_secret(cast(Kind, kind), name)
    data = cluster.secret(secret, thing.site)
    if data is None:
        return Target(thing, sender, None, f"there is no Secret {secret} in namespace {thing.site}")
    try:
        known = Credentials.of(secret, {**data, **({} if password is None else {"password": password})})
    except CredentialsMissing as error:
        return Target(thing, sender, None, f"namespace {thing.site}: {error}")
    return Target(thing, sender, known, "")


def models_of(site: str, cluster: Cluster) -> list[Model]:
    """The models of a site, with what they read.

    Raises:
        Failure: Kubernetes could not be asked.
    """
    resource: dict[str, Any] = cluster.site(site) or {}
    found = []
    for model in resource.get("spec", {}).get("models") or ():
        config_map = (model.get("artifact") or {}).get("configMap")
        definition = cluster.model(config_map, site) if config_map else None
        kinds = features = None
        if definition is not None:
            kinds = tuple(str(kind) for kind in definition.get("kinds") or ())
            channels = {channel["name"]: channel["feature"] for channel in definition.get("channels") or ()}
            features = tuple(str(channels.get(target["channel"], "")) for target in definition.get("targets") or ())
        name = str(model["name"])
        found.append(Model(name, int(model.get("replicas", 1)), kinds, features, f"racktwin-model-{name}"))
    for body in cluster.twin_models(site):
        if body["spec"].get("site") == site and not body["spec"].get("suspend"):
            found.append(_twin_model(body))
    return found


def _twin_model(body: dict[str, Any]) -> Model:
    name, spec = str(body["metadata"]["name"]), body["spec"]
    channels = {c["name"]: c["feature"] for c in (spec.get("inputs") or {}).get("channels") or ()}
    wanted = [target for target in (spec.get("output") or {}).get("targets") or () if target in channels]
    replicas = (body.get("status") or {}).get("replicas", (spec.get("replicas") or {}).get("min", 1))
    return Model(
        name,
        int(replicas),
        tuple((spec.get("selector") or {}).get("kinds") or ("rack",)),
        tuple(str(channels[target]) for target in wanted) or None,
        f"racktwin-model-{spec['site']}-{name}",
        float(spec.get("intervalS") or PREDICTION_INTERVAL_S),
    )


def predicts(model: Model, kind: str, feature: str) -> bool:
    """Whether a model predicts when this feature gets a reading; a model that could not be read is taken to."""
    return (model.kinds is None or kind in model.kinds) and (model.features is None or feature in model.features)


def _ready(rack: dict[str, Any]) -> bool:
    conditions = (rack.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
