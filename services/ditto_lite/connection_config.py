"""Configurations of connections: reading, defaults, and what of them this stand-in can run.

Pure. Next: :mod:`ditto_lite.connections` keeps them, :mod:`ditto_lite.kafka_link` runs them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from ditto_lite.errors import DittoError, error
from ditto_lite.fields import Selector, parse_selector
from ditto_lite.placeholders import Template, parse_template
from ditto_lite.rql import Predicate, compile_filter

_TYPES: Final = ("amqp-091", "amqp-10", "mqtt", "mqtt-5", "kafka", "http-push", "hono")
_URI: Final = re.compile(r"^(tcp|ssl)://(?:[^@/]*@)?[^:/@]+:\d+(/.*)?$")
_MASK: Final = "*****"
_REPLY_TO: Final = "{{header:reply-to}}"
_ASKED_FOR: Final = {"correlation-id": "{{header:correlation-id}}", "content-type": "{{header:content-type}}"}


def _invalid(reason: str) -> DittoError:
    return error("connectivity:connection.configuration.invalid", reason=reason)


def read_connection(body: Any, connection_id: str) -> dict[str, Any]:
    """A connection as it is kept, with Ditto's defaults filled in.

    Raises:
        DittoError: it is not a connection, or needs what only a real Ditto has (other protocols, JavaScript mappers).
    """
    if not isinstance(body, dict):
        raise error("json.invalid", message=f"<{body}> is not a valid JSON object!")
    kind = body.get("connectionType")
    if kind not in _TYPES:
        raise error("json.invalid", message=f"Connection type <{kind}> is invalid!")
    if body.get("id") not in (None, connection_id):
        raise _invalid("The connection ID in the request body is not equal to the connection ID in the request URL.")
    sources = [_read_source(each) for each in body.get("sources") or []]
    targets = [_read_target(each) for each in body.get("targets") or []]
    if not sources and not targets:
        raise _invalid("Either a source or a target must be specified in the configuration of a connection!")
    uri = body.get("uri")
    if not isinstance(uri, str) or not _URI.match(uri):
        raise error("connectivity:connection.uri.invalid", uri=uri)
    if kind != "kafka":
        raise _invalid(f"Connections of type <{kind}> do not run on this stand-in for Ditto; <kafka> does.")
    status = body.get("connectionStatus", "open")
    if status not in ("open", "closed"):
        raise error("json.invalid", message=f"Connection status <{status}> is invalid!")
    connection: dict[str, Any] = {"id": connection_id, "name": body.get("name"), "connectionType": kind}
    connection |= {"connectionStatus": status, "uri": uri, "sources": sources, "targets": targets}
    connection |= {
        "clientCount": body.get("clientCount", 1),
        "failoverEnabled": body.get("failoverEnabled", True),
        "validateCertificates": body.get("validateCertificates", True),
        "processorPoolSize": body.get("processorPoolSize", 1),
        "specificConfig": body.get("specificConfig") or {},
        "tags": body.get("tags") or [],
    }
    for name in ("mappingDefinitions", "ca", "credentials"):
        if body.get(name):
            connection[name] = body[name]
    if connection["name"] is None:
        del connection["name"]
    Plan.of(connection)
    return connection


def _subjects(body: dict[str, Any]) -> list[str]:
    subjects = body.get("authorizationContext")
    if not isinstance(subjects, list) or not subjects:
        raise _invalid("The authorization context of a source or target must not be empty!")
    return [str(subject) for subject in subjects]


def _read_source(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not body.get("addresses"):
        raise error("json.field.missing", field="/sources/addresses")
    source: dict[str, Any] = {
        "addresses": list(body["addresses"]),
        "consumerCount": body.get("consumerCount", 1),
        "authorizationContext": _subjects(body),
        "headerMapping": dict(body.get("headerMapping") or {}),
    }
    if "qos" in body:
        source["qos"] = body["qos"]
    for name in ("enforcement", "payloadMapping", "acknowledgementRequests", "declaredAcks"):
        if body.get(name):
            source[name] = body[name]
    reply = body.get("replyTarget")
    if isinstance(reply, dict) and reply.get("address"):
        source["replyTarget"] = {"headerMapping": {}, "expectedResponseTypes": ["response", "error"], "enabled": True}
        source["replyTarget"] |= reply
    elif isinstance(reply, dict) and reply.get("enabled") is False:
        source["replyTarget"] = {"enabled": False}
    else:
        # Who says nothing about replies gets them where each record wants them.
        source["headerMapping"] = {**_ASKED_FOR, "reply-to": _REPLY_TO, **source["headerMapping"]}
        source["replyTarget"] = {
            "address": _REPLY_TO,
            "headerMapping": dict(_ASKED_FOR),
            "expectedResponseTypes": ["response", "error"],
            "enabled": True,
        }
    return source


def _read_target(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("address"), str):
        raise error("json.field.missing", field="/targets/address")
    target: dict[str, Any] = {
        "address": body["address"],
        "topics": list(body.get("topics") or []),
        "authorizationContext": _subjects(body),
        "headerMapping": dict(body.get("headerMapping") or {}),
    }
    if "qos" in body:
        target["qos"] = body["qos"]
    for name in ("payloadMapping", "issuedAcknowledgementLabel"):
        if body.get(name):
            target[name] = body[name]
    return target


def masked(connection: dict[str, Any]) -> dict[str, Any]:
    """A connection as it may be shown: without the password of its URI."""
    parts = urlsplit(connection["uri"])
    if parts.password is None:
        return connection
    return {**connection, "uri": connection["uri"].replace(f":{parts.password}@", f":{_MASK}@", 1)}


def unmasked(connection: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A connection whose masked password was sent back keeps the one that it had."""
    if old is None or urlsplit(connection["uri"]).password != _MASK:
        return connection
    password = urlsplit(old["uri"]).password or ""
    return {**connection, "uri": connection["uri"].replace(f":{_MASK}@", f":{password}@", 1)}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target sends: ``topic``, ``topic/key`` or ``topic#partition``."""

    topic: Template
    key: Template | None
    partition: int | None

    @classmethod
    def of(cls, text: str) -> Address:
        """Split an address; slashes inside placeholders do not separate."""
        outside = re.sub(r"\{\{.*?\}\}", lambda match: "\0" * len(match[0]), text)
        slash, sharp = outside.find("/"), outside.find("#")
        if slash >= 0:
            return cls(parse_template(text[:slash]), parse_template(text[slash + 1 :]), None)
        if sharp >= 0:
            return cls(parse_template(text[:sharp]), None, int(text[sharp + 1 :]))
        return cls(parse_template(text), None, None)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic of a target. ``what`` is ``things/twin/events`` and the like."""

    what: str
    namespaces: frozenset[str]
    filter: Predicate | None
    extra: Selector | None

    @classmethod
    def of(cls, text: str) -> Subscription:
        """Read ``_/_/things/twin/events?namespaces=a,b&filter=gt(...)&extraFields=attributes/serial``."""
        path, _, query = text.partition("?")
        parameters = {name: unquote(value) for name, value in parse_qsl(query.replace("+", "%2B"))}
        return cls(
            "/".join(path.split("/")[2:]),
            frozenset(filter(None, parameters.get("namespaces", "").split(","))),
            compile_filter(parameters["filter"]) if "filter" in parameters else None,
            parse_selector(parameters["extraFields"]) if "extraFields" in parameters else None,
        )


@dataclass(frozen=True, slots=True)
class ReplyPlan:
    """Where answers go."""

    address: Address
    headers: dict[str, Template]
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source, ready to run."""

    addresses: tuple[str, ...]
    qos: int
    subjects: tuple[str, ...]
    headers: dict[str, Template]
    enforcement: tuple[Template, tuple[Template, ...]] | None
    reply: ReplyPlan | None


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """A target, ready to run."""

    text: str
    address: Address
    subscriptions: tuple[Subscription, ...]
    subjects: tuple[str, ...]
    headers: dict[str, Template]


@dataclass(frozen=True, slots=True)
class Plan:
    """A connection, ready to run."""

    sources: tuple[SourcePlan, ...]
    targets: tuple[TargetPlan, ...]

    @classmethod
    def of(cls, connection: dict[str, Any]) -> Plan:
        """Compile templates and filters of a connection.

        Raises:
            DittoError: something in it cannot be compiled or run here.
        """
        _check_definitions(connection)
        sources = tuple(_plan_source(each, connection) for each in connection.get("sources", []))
        return cls(sources, tuple(_plan_target(each, connection) for each in connection.get("targets", [])))


def _templates(mapping: dict[str, Any]) -> dict[str, Template]:
    return {name.lower(): parse_template(str(text)) for name, text in mapping.items()}


def _check_definitions(connection: dict[str, Any]) -> None:
    """Refuse mappers that nobody here can run; accepting them would lose their messages in silence."""
    for name, definition in connection.get("mappingDefinitions", {}).items():
        if definition.get("mappingEngine") != "Ditto":
            engine = definition.get("mappingEngine")
            raise _invalid(
                f"The payload mapping <{name}> ({engine}) does not run on this stand-in for Ditto; <Ditto> does."
            )


def _check_mapping(part: dict[str, Any], connection: dict[str, Any]) -> None:
    definitions = connection.get("mappingDefinitions", {})
    for name in part.get("payloadMapping", []):
        engine = definitions.get(name, {}).get("mappingEngine", name)
        if engine != "Ditto":
            raise _invalid(
                f"The payload mapping <{name}> ({engine}) does not run on this stand-in for Ditto; <Ditto> does."
            )


def _plan_source(source: dict[str, Any], connection: dict[str, Any]) -> SourcePlan:
    _check_mapping(source, connection)
    enforcement = None
    if rule := source.get("enforcement"):
        enforcement = parse_template(rule["input"]), tuple(parse_template(text) for text in rule.get("filters", []))
    reply = None
    target = source.get("replyTarget", {})
    if target.get("enabled") and target.get("address"):
        expected = frozenset(target.get("expectedResponseTypes", ["response", "error"]))
        reply = ReplyPlan(Address.of(target["address"]), _templates(target.get("headerMapping") or {}), expected)
    return SourcePlan(
        tuple(source["addresses"]),
        source.get("qos", 0),
        tuple(source["authorizationContext"]),
        _templates(source["headerMapping"]),
        enforcement,
        reply,
    )


def _plan_target(target: dict[str, Any], connection: dict[str, Any]) -> TargetPlan:
    _check_mapping(target, connection)
    return TargetPlan(
        target["address"],
        Address.of(target["address"]),
        tuple(Subscription.of(topic) for topic in target["topics"]),
        tuple(target["authorizationContext"]),
        _templates(target["headerMapping"]),
    )


def kafka_settings(connection: dict[str, Any]) -> dict[str, Any]:
    """librdkafka's settings for a connection: bootstrap servers, TLS and SASL from the URI and the specific config."""
    parts = urlsplit(connection["uri"])
    specific = connection["specificConfig"]
    settings: dict[str, Any] = {
        "bootstrap.servers": specific.get("bootstrapServers") or f"{parts.hostname}:{parts.port}",
        "client.id": connection["id"],
        # A topic that is made after the connection was opened is seen within seconds, not minutes.
        "topic.metadata.refresh.interval.ms": 5000,
        "allow.auto.create.topics": False,
        "log_level": 2,
    }
    tls = parts.scheme == "ssl"
    settings["security.protocol"] = "SSL" if tls else "PLAINTEXT"
    if parts.username:
        settings["security.protocol"] = "SASL_SSL" if tls else "SASL_PLAINTEXT"
        settings["sasl.mechanism"] = str(specific.get("saslMechanism", "plain")).upper()
        settings["sasl.username"] = unquote(parts.username)
        settings["sasl.password"] = unquote(parts.password or "")
    if tls and connection.get("ca"):
        settings["ssl.ca.pem"] = connection["ca"]
    if tls and not connection["validateCertificates"]:
        settings["enable.ssl.certificate.verification"] = False
    return settings
