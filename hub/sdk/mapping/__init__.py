"""THE MAPPING: a source's nested object and written rules come in, the records that it states go out."""

from hub.sdk.mapping.compiled import RecordMapping
from hub.sdk.mapping.path import Path, Scope, Template, parse_expression
from hub.sdk.mapping.place import describe_fault, find_line, read_settings
from hub.sdk.mapping.schema import RECORD_TYPES, Condition, FieldRule, Reading, Rule
from hub.sdk.mapping.value import Reader

__all__ = [
    "RECORD_TYPES",
    "Condition",
    "FieldRule",
    "Path",
    "Reader",
    "Reading",
    "RecordMapping",
    "Rule",
    "Scope",
    "Template",
    "describe_fault",
    "find_line",
    "parse_expression",
    "read_settings",
]
