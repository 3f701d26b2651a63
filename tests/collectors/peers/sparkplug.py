"""Sparkplug B payloads as protobuf itself writes them, from a descriptor of the published schema."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto


def _payload_class() -> Any:
    """The messages of Tahu's sparkplug_b.proto that we use, with its field numbers."""
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug.proto", package="t", syntax="proto2")
    metric = file.message_type.add(name="Metric")
    for name, number, kind in (
        ("name", 1, _FIELD.TYPE_STRING), ("alias", 2, _FIELD.TYPE_UINT64), ("timestamp", 3, _FIELD.TYPE_UINT64),
        ("datatype", 4, _FIELD.TYPE_UINT32), ("is_null", 7, _FIELD.TYPE_BOOL),
        ("int_value", 10, _FIELD.TYPE_UINT32), ("long_value", 11, _FIELD.TYPE_UINT64),
        ("float_value", 12, _FIELD.TYPE_FLOAT),
        ("double_value", 13, _FIELD.TYPE_DOUBLE), ("boolean_value", 14, _FIELD.TYPE_BOOL),
        ("string_value", 15, _FIELD.TYPE_STRING),
    ):  # fmt: skip
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    payload = file.message_type.add(name="Payload")
    payload.field.add(name="timestamp", number=1, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics", number=2, type=_FIELD.TYPE_MESSAGE, type_name=".t.Metric", label=_FIELD.LABEL_REPEATED
    )
    payload.field.add(name="seq", number=3, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Payload"))


PAYLOAD = _payload_class()
