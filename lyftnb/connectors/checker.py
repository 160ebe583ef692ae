"""What planning asks about inputs and outputs (the connectors' half of `planning.Checker`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lyftnb.connectors.registry import SINKS, SOURCES
from lyftnb.connectors.unfilled import is_unfilled
from lyftnb.errors import LyftError, NotFound, near
from lyftnb.model import InputSpec, JsonSchema, OutputSpec, Schema
from lyftnb.model.objections import objection
from lyftnb.planning.checker import Finding


class ConnectorChecker:
    """Checks kinds and parameters; opens no file of a workflow."""

    def input_kinds(self) -> tuple[str, ...]:
        """The outside inputs there are."""
        return tuple(SOURCES)

    def output_kinds(self) -> tuple[str, ...]:
        """The outputs there are."""
        return tuple(SINKS)

    def check_input(self, spec: InputSpec) -> tuple[Schema | None, tuple[Finding, ...]]:
        """The schema, where the parameters alone fix it, and what is wrong with them."""
        found = _check(SOURCES, spec.kind, spec.params)
        if found:
            return None, found
        source = SOURCES[spec.kind]
        try:
            return source.schema(source.parse(spec.params)), ()
        except ValidationError:
            # Only a run can tell: it fills in the parameters.
            return None, ()
        except LyftError as error:
            return None, (_finding(spec.kind, error),)

    def check_output(self, spec: OutputSpec) -> tuple[Finding, ...]:
        """What is wrong with the kind or the parameters."""
        return _check(SINKS, spec.kind, spec.params)

    def external(self, kind: str) -> bool:
        """Whether the output kind has effects outside the ledger (an unknown one: yes)."""
        return kind not in SINKS or SINKS[kind].external

    def input_schemas(self) -> dict[str, JsonSchema]:
        """The parameters of every kind of input as JSON Schema: for forms and editors; those of a
        broken package are left out.
        """
        return {
            kind: found.Params.model_json_schema() for kind, found in SOURCES.usable()[0].items()
        }

    def output_schemas(self) -> dict[str, JsonSchema]:
        """As `input_schemas`, of every kind of output."""
        return {kind: found.Params.model_json_schema() for kind, found in SINKS.usable()[0].items()}

    def connector_troubles(self) -> tuple[str, ...]:
        """What is wrong with inputs and outputs of installed packages that cannot be used."""
        return SOURCES.usable()[1] + SINKS.usable()[1]


def _check(registry: Mapping[str, Any], kind: str, params: Any) -> tuple[Finding, ...]:
    try:
        connector = registry[kind]
    except LyftError as error:
        return (_finding(kind, error),)
    try:
        connector.parse(params)
    except ValidationError as error:
        wrong = (item for item in error.errors() if not is_unfilled(item))
        return tuple(_from_pydantic(kind, connector.Params, item) for item in wrong)
    return ()


def _finding(kind: str, error: LyftError) -> Finding:
    code = "unknown_kind" if isinstance(error, NotFound) else error.code
    return Finding((kind,), code, error.message, error.hint or "")


def _from_pydantic(kind: str, model: type[BaseModel], error: ErrorDetails) -> Finding:
    path = (kind, *error["loc"])
    names = [f.alias or name for name, f in model.model_fields.items()]
    if error["type"] == "model_type" and not error["loc"]:
        hint = f"there is: {', '.join(names)}"
        return Finding(path, "bad_parameter", f"{kind} takes a map of parameters", hint)
    if error["type"] == "extra_forbidden":
        guess = near(str(path[-1]), names)
        hint = f"did you mean '{guess}'?" if guess else f"there is: {', '.join(names)}"
        return Finding(path, "unknown_key", f"'{path[-1]}' is not a parameter of {kind}", hint)
    if error["type"] == "missing":
        return Finding(path, "missing_key", f"{kind} needs '{path[-1]}'")
    return Finding(path, "bad_parameter", objection(error))
