"""Kafka's rights from the chart's list."""

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from local_stack import paths
from provision import access
from provision.failure import Failure

LIST = paths.repository() / "charts" / "racktwin" / "charts" / "kafka" / "files" / "access.yaml"


def rights(user):
    return {
        (b.restype, b.resource_pattern_type, b.name, b.operation)
        for b in access.plan(access.load(LIST))
        if b.principal == f"User:{user}"
    }


def may(user, operation, topic):
    return any(
        kind == ResourceType.TOPIC
        and allowed == operation
        and (topic.startswith(name) if pattern == ResourcePatternType.PREFIXED else topic == name)
        for kind, pattern, name, allowed in rights(user)
    )


def test_describe_comes_with_every_right():
    for kind, pattern, name, _ in rights("ingest"):
        assert (kind, pattern, name, AclOperation.DESCRIBE) in rights("ingest")


def test_only_the_operator_writes_commands_to_ditto():
    """Whoever may write to that topic acts with the operator's rights."""
    writers = [user for user in access.load(LIST) if may(user, AclOperation.WRITE, "racktwin.operator.berlin")]
    assert writers == ["operator"]


def test_only_models_write_what_counts_as_a_models_word():
    """Ditto applies what is on that topic as said by a model; what else is on twins, models do not write."""
    users = access.load(LIST)
    assert [user for user in users if may(user, AclOperation.WRITE, "racktwin.models.berlin")] == ["model"]
    assert [user for user in users if may(user, AclOperation.READ, "racktwin.models.berlin")] == ["ditto", "doctor"]
    assert not may("model", AclOperation.WRITE, "racktwin.twin.berlin")
    assert may("model", AclOperation.WRITE, "racktwin.predictions.berlin")


def test_replays_write_readings_and_twins_alone():
    written = {name for kind, _, name, operation in rights("scenario") if operation == AclOperation.WRITE}
    assert written == {"racktwin.readings.", "racktwin.twin."}
    assert all(kind == ResourceType.TOPIC for kind, *_ in rights("scenario"))


def test_only_the_guard_commands_devices():
    writers = [user for user in access.load(LIST) if may(user, AclOperation.WRITE, "hono.command.berlin")]
    assert writers == ["guard"]


def test_a_guard_that_is_started_anew_reads_what_it_let_through():
    assert may("guard", AclOperation.READ, "racktwin.audit.berlin")


def test_the_doctor_writes_nothing():
    assert {operation for *_, operation in rights("doctor")} == {AclOperation.READ, AclOperation.DESCRIBE}


def test_nobody_but_the_operator_makes_topics_beside_hono():
    makers = {user for user in access.load(LIST) if any(o == AclOperation.CREATE for *_, o in rights(user))}
    assert makers == {"operator", "hono"}


def test_every_group_is_the_literal_star():
    assert (ResourceType.GROUP, ResourcePatternType.LITERAL, "*", AclOperation.READ) in rights("hono")


def test_a_misspelt_rule_is_named(tmp_path):
    path = tmp_path / "access.yaml"
    path.write_text("ingest:\n  - {topic: [x], do: [Read]}\n")
    with pytest.raises(Failure, match="topic"):
        access.load(path)
