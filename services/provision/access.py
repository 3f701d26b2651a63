"""Kafka's users and their rights, from the chart's list. `plan` is pure; `ensure` applies it.

A rule names topics, prefixes of topics, consumer groups or prefixes of groups, and what may be done with them. Rights
that our users have and the list does not give are taken away; users of others are left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from provision.failure import Failure
from provision.settings import KafkaAccessSettings
from racktwin.kafka import client_config

_ITERATIONS = 4096
_ANSWER_S = 20.0
# What Hono tells its components; it makes them when it needs them, and loses what it said until then.
_TOPICS = ("hono.notification.registry-tenant", "hono.notification.registry-device")

Operation = Literal["Read", "Write", "Create", "Delete", "Alter", "Describe", "AlterConfigs", "DescribeConfigs"]
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Delete": AclOperation.DELETE,
    "Alter": AclOperation.ALTER,
    "Describe": AclOperation.DESCRIBE,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be done with which topics or groups."""

    do: list[Operation]
    topics: list[str] = []
    prefix: list[str] = []
    groups: list[str] = []
    group_prefix: list[str] = msgspec.field(default_factory=list, name="groupPrefix")


def load(path: Path) -> dict[str, list[Rule]]:
    """User -> rules.

    Raises:
        Failure: the file is not there or of another form.
    """
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), dict[str, list[Rule]])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Failure(f"{path}: {error}", "set RACKTWIN_PROVISION_ACCESS to the file of the chart") from error


def plan(access: Mapping[str, list[Rule]]) -> set[AclBinding]:
    """Every right that the rules give; Describe comes with any other."""
    wanted: set[AclBinding] = set()
    for user, rules in access.items():
        for rule in rules:
            targets = [
                *((ResourceType.TOPIC, ResourcePatternType.LITERAL, name) for name in rule.topics),
                *((ResourceType.TOPIC, ResourcePatternType.PREFIXED, name) for name in rule.prefix),
                *((ResourceType.GROUP, ResourcePatternType.LITERAL, name) for name in rule.groups),
                # Kafka has no empty prefix: every group is the literal *.
                *(
                    (ResourceType.GROUP, ResourcePatternType.PREFIXED, name)
                    if name
                    else (ResourceType.GROUP, ResourcePatternType.LITERAL, "*")
                    for name in rule.group_prefix
                ),
            ]
            for kind, pattern, name in targets:
                for operation in {*rule.do, "Describe"}:
                    wanted.add(_binding(user, kind, pattern, name, _OPERATIONS[operation]))
    return wanted


def _binding(user: str, kind: ResourceType, pattern: ResourcePatternType, name: str, operation: Any) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def ensure(settings: KafkaAccessSettings, say: Callable[[str], None]) -> dict[str, int]:
    """Make users and rights as the list says; how many users there are and rights came and went.

    Raises:
        Failure: a password is missing, or Kafka does not answer or refuses.
    """
    access = load(settings.provision_access)
    passwords = {}
    for user in access:
        try:
            passwords[user] = (settings.provision_users / user).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Failure(f"password of {user}: {error}", "is the Secret of that user mounted?") from error
    admin = AdminClient(client_config(settings))
    _wait(admin, settings)
    try:
        for future in admin.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS), password.encode()
                )
                for user, password in passwords.items()
            ]
        ).values():
            future.result(_ANSWER_S)
        wanted = plan(access)
        present = _present(admin, set(access))
        _apply(admin, wanted - present, present - wanted)
        _topics(admin)
    except KafkaException as error:
        raise Failure(
            f"Kafka {settings.kafka_bootstrap}: {error}", "may this user administer users and rights?"
        ) from error
    say(f"{len(passwords)} users, {len(wanted)} rights: {len(wanted - present)} new, {len(present - wanted)} gone")
    return {"users": len(passwords), "rights": len(wanted), "new": len(wanted - present), "gone": len(present - wanted)}


def _wait(admin: AdminClient, settings: KafkaAccessSettings) -> None:
    deadline = time.monotonic() + settings.provision_wait_s
    while True:
        try:
            admin.list_topics(timeout=5.0)
            return
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise Failure(
                    f"Kafka {settings.kafka_bootstrap}: {error.args[0].str()}",
                    "is it running, and are user and CA right?",
                ) from error


def _present(admin: AdminClient, users: set[str]) -> set[AclBinding]:
    everything = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found = admin.describe_acls(everything, request_timeout=_ANSWER_S).result(_ANSWER_S)
    return {binding for binding in found if binding.principal.removeprefix("User:") in users}


def _apply(admin: AdminClient, new: set[AclBinding], gone: set[AclBinding]) -> None:
    if new:
        for future in admin.create_acls(list(new), request_timeout=_ANSWER_S).values():
            future.result(_ANSWER_S)
    if gone:
        filters = [
            AclBindingFilter(
                b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type
            )
            for b in gone
        ]
        for deleted in admin.delete_acls(filters, request_timeout=_ANSWER_S).values():
            deleted.result(_ANSWER_S)


def _topics(admin: AdminClient) -> None:
    missing = set(_TOPICS) - set(admin.list_topics(timeout=_ANSWER_S).topics)
    if missing:
        for future in admin.create_topics([NewTopic(name, 1, -1) for name in sorted(missing)]).values():
            future.result(_ANSWER_S)
