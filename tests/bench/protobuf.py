"""The Sparkplug B payload as Protocol Buffers' own library decodes it, for its values and what dates them."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_UINT64, _UINT32, _FLOAT, _DOUBLE, _BOOL, _STRING, _MESSAGE = 4, 13, 2, 1, 8, 9, 11
_METRIC = {
    "name": (1, _STRING),
    "alias": (2, _UINT64),
    "timestamp": (3, _UINT64),
    "datatype": (4, _UINT32),
    "is_historical": (5, _BOOL),
    "is_null": (7, _BOOL),
    "int_value": (10, _UINT32),
    "long_value": (11, _UINT64),
    "float_value": (12, _FLOAT),
    "double_value": (13, _DOUBLE),
    "boolean_value": (14, _BOOL),
    "string_value": (15, _STRING),
}
"""Fields of a metric by name: number and type (Eclipse Sparkplug 3.0, 6.4.1)."""


def make_payload_class() -> Any:
    """Give the message class of a payload; what the benchmark does not send is left out."""
    written = descriptor_pb2.FileDescriptorProto(name="sparkplug.proto", package="sp", syntax="proto2")
    metric = written.message_type.add(name="Metric")
    for name, (number, kind) in _METRIC.items():
        metric.field.add(name=name, number=number, type=kind, label=1)
    payload = written.message_type.add(name="Payload")
    payload.field.add(name="timestamp", number=1, type=_UINT64, label=1)
    payload.field.add(name="metrics", number=2, type=_MESSAGE, label=3, type_name=".sp.Metric")
    payload.field.add(name="seq", number=3, type=_UINT64, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(written)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sp.Payload"))
