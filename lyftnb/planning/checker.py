"""The port through which planning asks about kinds, parameters, expressions and schemas.

Planning knows the structure of a workflow and nothing of any engine. `operators` answers about
actions and conditions, `connectors` about inputs and outputs; the workspace joins the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lyftnb.model import ActionSpec, InputSpec, OutputSpec, Schema, Severity, StateSpec


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a checker sees, placed relative to the part it was asked about.

    `path` starts at the kind's key (`("derive", "speed_mph")`), so that validation places it as
    `steps.clean.actions[1].derive.speed_mph`.
    """

    path: tuple[str | int, ...]
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"


class Checker(Protocol):
    """What planning asks. Implementations are free of effects and open no file of a workflow."""

    def action_kinds(self) -> tuple[str, ...]:
        """The actions there are."""
        ...

    def input_kinds(self) -> tuple[str, ...]:
        """The outside inputs there are."""
        ...

    def output_kinds(self) -> tuple[str, ...]:
        """The outputs there are."""
        ...

    def rowwise(self, action: ActionSpec) -> bool:
        """Whether the result is the same however the stream is cut.

        Asked only about known kinds; parameters that do not check count as row-wise.
        """
        ...

    def stateful(self, action: ActionSpec) -> bool:
        """Whether the action remembers something from batch to batch.

        Asked only about known kinds; parameters that do not check count as not stateful.
        """
        ...

    def state(self, action: ActionSpec) -> StateSpec | None:
        """The frames that the action keeps from batch to batch, if it keeps any.

        Asked only about known kinds; parameters that do not check keep none.
        """
        ...

    def check_action(
        self,
        action: ActionSpec,
        schema: Schema | None,
        tables: Mapping[str, Schema | None],
    ) -> tuple[Schema | None, tuple[Finding, ...]]:
        """Check an action against the rows that reach it.

        Args:
            action: the action; its kind may be unknown.
            schema: of the incoming rows; None where it is not known.
            tables: schemas of the inputs by name: table inputs, and all inputs of a body that
                tells them apart.

        Returns:
            The schema of the outgoing rows (None where it is not known), and what was found.
        """
        ...

    def check_condition(self, text: str, schema: Schema | None) -> tuple[Finding, ...]:
        """Check a boolean expression; paths are relative to the text, so mostly empty."""
        ...

    def check_emit(self, fields: Mapping[str, str], schema: Schema | None) -> tuple[Finding, ...]:
        """Check the fields of an emitted message; paths are their names."""
        ...

    def check_input(self, spec: InputSpec) -> tuple[Schema | None, tuple[Finding, ...]]:
        """Check an outside input; its schema, where the parameters alone fix it."""
        ...

    def check_output(self, spec: OutputSpec) -> tuple[Finding, ...]:
        """Check an output's kind and parameters."""
        ...

    def external(self, kind: str) -> bool:
        """Whether the output kind has effects outside the ledger."""
        ...
