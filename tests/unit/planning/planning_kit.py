"""A checker with a handful of kinds and a toy idea of types, and short ways to call planning."""

from collections.abc import Mapping
from typing import Any

from lyftnb.model import (
    ActionSpec,
    InputSpec,
    OutputSpec,
    Plan,
    Problem,
    Schema,
    StateSpec,
    WorkflowSpec,
)
from lyftnb.planning import Finding, plan, validate


class PlainChecker:
    """`inline` declares a schema, `filter` wants a known column, `derive` adds BIGINT columns."""

    def action_kinds(self) -> tuple[str, ...]:
        return ("filter", "derive", "aggregate", "sort", "lookup", "python", "dedupe")

    def input_kinds(self) -> tuple[str, ...]:
        return ("files", "inline")

    def output_kinds(self) -> tuple[str, ...]:
        return ("message", "parquet", "print")

    def rowwise(self, action: ActionSpec) -> bool:
        if action.kind == "python":
            return not isinstance(action.params, dict) or bool(action.params.get("rowwise", True))
        return action.kind not in ("aggregate", "sort")

    def stateful(self, action: ActionSpec) -> bool:
        return action.kind == "dedupe"

    def state(self, action: ActionSpec) -> StateSpec | None:
        return StateSpec(str(action.params)) if action.kind == "dedupe" else None

    def check_action(
        self, action: ActionSpec, schema: Schema | None, tables: Mapping[str, Schema | None]
    ) -> tuple[Schema | None, tuple[Finding, ...]]:
        if schema is None:
            return None, ()
        if action.kind == "filter" and action.params not in schema.names:
            why = f"unknown column '{action.params}'"
            return schema, (Finding(("filter",), "unknown_column", why),)
        if action.kind == "derive":
            return Schema.from_mapping(
                schema.to_mapping() | dict.fromkeys(action.params, "BIGINT")
            ), ()
        return schema, ()

    def check_condition(self, text: str, schema: Schema | None) -> tuple[Finding, ...]:
        return () if text else (Finding((), "bad_expression", "the condition is empty"),)

    def check_emit(self, fields: Mapping[str, str], schema: Schema | None) -> tuple[Finding, ...]:
        return tuple(
            Finding((name,), "bad_expression", "empty") for name, text in fields.items() if not text
        )

    def check_input(self, spec: InputSpec) -> tuple[Schema | None, tuple[Finding, ...]]:
        if spec.kind == "inline":
            return Schema.from_mapping(spec.params), ()
        return None, ()

    def check_output(self, spec: OutputSpec) -> tuple[Finding, ...]:
        ok = spec.kind != "parquet" or "path" in (spec.params or {})
        return () if ok else (Finding(("parquet", "path"), "missing_key", "`path` is missing"),)

    def external(self, kind: str) -> bool:
        return kind == "parquet"


def spec_of(
    steps: Mapping[str, Any],
    channels: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    **rest: Any,
) -> WorkflowSpec:
    """A workflow `w` of these steps."""
    document = {"workflow": "w", "steps": steps, "channels": channels or {}, **rest}
    return WorkflowSpec.model_validate(document | {"context": context or {}})


def problems(spec: WorkflowSpec, **kw: Any) -> tuple[Problem, ...]:
    """What validation finds."""
    return validate(spec, PlainChecker(), **kw)


def found(spec: WorkflowSpec, **kw: Any) -> list[str]:
    """What validation finds, as `code place`; notes about unread channels left out."""
    return [f"{p.code} {p.dotted}" for p in problems(spec, **kw) if p.code != "unread_channel"]


def planned(spec: WorkflowSpec, **kw: Any) -> Plan:
    """The plan of a valid workflow."""
    return plan(spec, deployment="w", version=1, checker=PlainChecker(), **kw)
