"""Names of sites, things, topics, policies and connections: the one place that spells them.

Pure. Everything that builds or parses an identifier goes through here, so that a device id in Hono,
a thing id in Ditto and a key in Kafka can never disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["site", "room", "rack", "server", "cooling", "pdu", "gateway"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

API_GROUP: Final = "racktwin.io"
API_VERSION: Final = "v1alpha1"

OPERATOR_SUBJECT: Final = "nginx:operator"
VIEWER_SUBJECT: Final = "nginx:viewer"

OwnTopic = Literal["readings", "twin", "models", "predictions", "events", "rejects", "audit"]
HonoTopic = Literal["telemetry", "event", "command", "command_response"]
OWN_TOPICS: Final[tuple[str, ...]] = get_args(OwnTopic)
HONO_TOPICS: Final[tuple[str, ...]] = get_args(HonoTopic)

# A DNS label whose parts each begin with a letter: Ditto's namespaces demand that after a dash too.
SITE_PATTERN: Final = "^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$"
# Leaves room for prefixes within Kubernetes' 63.
SITE_LENGTH: Final = 40
# What follows the kind in a thing id: a DNS-1123 label, as resources are named.
NAME_PATTERN: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"

# Always used with fullmatch: `$` alone would let a trailing newline pass.
_SITE = re.compile(SITE_PATTERN)
_NAME = re.compile(NAME_PATTERN)
_THING = re.compile(
    r"^racktwin\.(?P<site>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)"
    r":(?P<kind>" + "|".join(KINDS) + r")-(?P<name>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$"
)
_TOPIC = re.compile(r"^(?P<family>hono|racktwin)\.(?P<what>[a-z_]+)\.(?P<site>[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)$")


@dataclass(frozen=True, slots=True)
class ThingId:
    """A thing's identity, ``racktwin.<site>:<kind>-<name>``, equal to its Hono device id."""

    site: str
    kind: str
    name: str

    def __post_init__(self) -> None:
        check_site(self.site)
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: expected one of {', '.join(KINDS)}")
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: expected a DNS label (a-z, 0-9 and '-', at most 63)")

    def __str__(self) -> str:
        return f"{namespace(self.site)}:{self.kind}-{self.name}"

    @classmethod
    def parse(cls, text: str) -> ThingId:
        """Read ``racktwin.<site>:<kind>-<name>``.

        Raises:
            ValueError: the text is not of that form.
        """
        match = _THING.fullmatch(text)
        if match is None:
            raise ValueError(
                f"thing id {text!r}: expected racktwin.<site>:<kind>-<name>, kind one of {', '.join(KINDS)}"
            )
        return cls(match["site"], match["kind"], match["name"])


def check_site(site: str) -> str:
    """Return the site's name unchanged.

    Raises:
        ValueError: it is not a DNS label of at most 40 characters whose parts each begin with a letter.
    """
    if len(site) > SITE_LENGTH or not _SITE.fullmatch(site):
        raise ValueError(
            f"site {site!r}: expected a DNS label of at most {SITE_LENGTH} characters whose parts each begin with a "
            "letter (Ditto's namespaces want that)"
        )
    return site


def namespace(site: str) -> str:
    """Ditto namespace of a site."""
    return f"racktwin.{site}"


def thing_id(site: str, kind: Kind, name: str) -> str:
    """Thing id (and Hono device id) of one resource.

    Raises:
        ValueError: site, kind or name is not well formed.
    """
    return str(ThingId(site, kind, name))


def site_of(thing: str) -> str:
    """Site of a thing id, without checking the rest of it (hot path).

    Raises:
        ValueError: the id has no ``racktwin.<site>:`` prefix.
    """
    prefix, sep, _ = thing.partition(":")
    if not sep or not prefix.startswith("racktwin."):
        raise ValueError(f"thing id {thing!r}: expected racktwin.<site>:<kind>-<name>")
    return prefix[9:]


def kind_of(thing: str) -> str:
    """The kind in a thing id, ``other`` where there is none: a class to count under, of which there are few."""
    kind = thing.partition(":")[2].partition("-")[0]
    return kind if kind in KINDS else "other"


def auth_id(device: str) -> str:
    """Hono auth-id of a device: its id with the colon, which HTTP basic auth cannot carry, as underscore."""
    return device.replace(":", "_")


def own_topic(what: OwnTopic, site: str) -> str:
    """One of our own Kafka topics, ``racktwin.<what>.<site>``."""
    return f"racktwin.{what}.{site}"


def hono_topic(what: HonoTopic, site: str) -> str:
    """One of Hono's Kafka topics, ``hono.<what>.<site>``."""
    return f"hono.{what}.{site}"


def site_of_topic(topic: str) -> str:
    """Site that a topic belongs to.

    Raises:
        ValueError: the topic is neither Hono's nor ours.
    """
    match = _TOPIC.fullmatch(topic)
    if match is None:
        raise ValueError(f"topic {topic!r}: expected hono.<what>.<site> or racktwin.<what>.<site>")
    return match["site"]


def topic_pattern(family: Literal["hono", "racktwin"], what: tuple[str, ...]) -> str:
    """librdkafka subscription pattern of every site's topics of the given kinds (begins with ``^``)."""
    return rf"^{family}\.({'|'.join(what)})\.[a-z][a-z0-9-]*$"


def scenario_bucket(site: str) -> str:
    """InfluxDB bucket of the series of a site's scenarios; no query of live data names it."""
    return f"{site}_scenarios"


def base_policy(site: str) -> str:
    """Policy that every other policy of the site imports."""
    return f"{namespace(site)}:base"


def twin_connection(site: str) -> str:
    """Ditto connection that takes commands from ``racktwin.twin.<site>``."""
    return f"racktwin-{site}-twin"


def models_connection(site: str) -> str:
    """Ditto connection that takes what models say from ``racktwin.models.<site>``."""
    return f"racktwin-{site}-models"


def events_connection(site: str) -> str:
    """Ditto connection that publishes twin events to ``racktwin.events.<site>``."""
    return f"racktwin-{site}-events"


def pipeline_subject(site: str) -> str:
    """Subject under which telemetry, and what is computed from it, is written onto a site's twins."""
    return f"integration:racktwin-{site}-pipeline"


def models_subject(site: str) -> str:
    """Subject under which models, and nobody else, write their features onto a site's twins."""
    return f"integration:racktwin-{site}-models"


def events_subject(site: str) -> str:
    """Subject that may read a site's twins to publish their events."""
    return f"integration:racktwin-{site}-events"


def device_secret(kind: Kind, name: str) -> str:
    """Name of the Kubernetes Secret that holds a device's connection data and password."""
    return f"{kind}-{name}-device"
