"""The half of planning's `Checker` port that knows actions and conditions."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel, ValidationError

from lyftnb.dtypes import from_schema, to_schema
from lyftnb.errors import LyftError, near
from lyftnb.model import ActionSpec, JsonSchema, Path, Schema, StateSpec
from lyftnb.operators.base import Action, ActionError, Env
from lyftnb.operators.binding import condition
from lyftnb.operators.emitting import emission
from lyftnb.operators.expressions import known
from lyftnb.operators.parameters import expressions, invalid_parameters
from lyftnb.operators.registry import action, action_kinds, usable_actions
from lyftnb.planning.checker import Finding

_Result = tuple[Schema | None, tuple[Finding, ...]]


class ActionChecker:
    """Checks actions by binding them to schemas, which is what running them begins with."""

    def action_kinds(self) -> tuple[str, ...]:
        """The actions there are, installed packages' too."""
        return action_kinds()

    def action_schemas(self) -> dict[str, JsonSchema]:
        """The parameters of every kind of action as JSON Schema: for forms and editors; those of a
        broken package are left out.
        """
        usable, _ = usable_actions()
        return {kind: found.Params.model_json_schema() for kind, found in usable.items()}

    def action_troubles(self) -> tuple[str, ...]:
        """What is wrong with actions of installed packages that cannot be used."""
        return usable_actions()[1]

    def rowwise(self, action: ActionSpec) -> bool:
        """Whether the result is the same however the stream is cut.

        What does not check counts as row-wise: `check_action` says what is wrong with it.
        """
        kind, params, findings = _parsed(action)
        return True if kind is None or findings else kind.rowwise(params)

    def stateful(self, action: ActionSpec) -> bool:
        """Whether it remembers something from batch to batch; what does not check does not."""
        kind, params, findings = _parsed(action)
        return False if kind is None or findings else kind.stateful(params)

    def state(self, action: ActionSpec) -> StateSpec | None:
        """The frames that it keeps from batch to batch; what does not check keeps none."""
        kind, params, findings = _parsed(action)
        return None if kind is None or findings else kind.state(params)

    def check_action(
        self, action: ActionSpec, schema: Schema | None, tables: Mapping[str, Schema | None]
    ) -> _Result:
        """Check an action against the rows that reach it.

        With an unknown schema (of the rows or of a table that it reads) only parameters are
        checked, and of expressions what needs none: syntax, functions and types. The outgoing
        schema is unknown.
        """
        kind, params, findings = _parsed(action)
        if kind is None or findings:
            return None, findings
        missing = [name for name in kind.tables(params) if name not in tables]
        if missing:
            return None, tuple(_unknown_input(action.kind, name, tables) for name in missing)
        unknown = [name for name in kind.tables(params) if tables[name] is None]
        if schema is None or unknown:
            return None, _syntax(action.kind, params)
        return _bound(action.kind, kind, params, schema, tables)

    def check_condition(self, text: str, schema: Schema | None) -> tuple[Finding, ...]:
        """Check a boolean expression; where the schema is unknown, what needs none."""
        try:
            if schema is None:
                known(text)
            else:
                condition(text, from_schema(schema), Env(checking=True))
        except LyftError as error:
            return _findings((), error)
        return ()

    def check_emit(self, fields: Mapping[str, str], schema: Schema | None) -> tuple[Finding, ...]:
        """Check the fields of a message; only their form where the schema is unknown."""
        try:
            taken = emission(fields)
            if schema is not None:
                taken.check(from_schema(schema), Env(checking=True))
        except LyftError as error:
            return _findings((), error)
        return ()


def _parsed(spec: ActionSpec) -> tuple[Action[Any] | None, Any, tuple[Finding, ...]]:
    try:
        kind = action(spec.kind)
    except LyftError as error:
        finding = Finding((spec.kind,), "unknown_action", error.message, error.hint or "")
        return None, None, (finding,)
    try:
        return kind, kind.parse(spec.params), ()
    except ValidationError as error:
        wrong = invalid_parameters(spec.kind, error, kind.Params)
        return kind, None, _findings((spec.kind,), wrong, code="parameter")


def _bound(
    name: str,
    kind: Action[Any],
    params: BaseModel,
    schema: Schema,
    tables: Mapping[str, Schema | None],
) -> _Result:
    frames = {
        table: pl.LazyFrame(schema=from_schema(columns))
        for table, columns in tables.items()
        if columns is not None
    }
    env = Env(checking=True, tables=frames)
    try:
        bound = kind.bind(params, from_schema(schema), env)
        return (None if bound.schema is None else to_schema(bound.schema)), ()
    except LyftError as error:
        return None, _findings((name,), error)
    except Exception as error:
        if type(kind).__module__.startswith("lyftnb."):
            raise
        return None, (_broken(name, error),)


def _broken(name: str, error: Exception) -> Finding:
    """An action of an installed package whose own code fails: the rest is checked all the same."""
    *_, last = traceback.extract_tb(error.__traceback__)
    why = f"{type(error).__name__}: {error}"
    return Finding(
        (name,),
        "broken_action",
        f"the action '{name}' cannot be checked: {why} ({last.filename}:{last.lineno})",
        "repair its `bind`; for what a workflow has wrong it raises an ActionError",
    )


def _syntax(name: str, params: BaseModel) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for path, text in expressions(params):
        try:
            known(text)
        except LyftError as error:
            found += _findings((name, *path), error)
    return tuple(found)


def _findings(place: Path, error: LyftError, *, code: str | None = None) -> tuple[Finding, ...]:
    problems = error.problems if isinstance(error, ActionError) else (((), error),)
    return tuple(
        Finding((*place, *path), code or found.code, found.message, found.hint or "")
        for path, found in problems
    )


def _unknown_input(kind: str, name: str, tables: Mapping[str, Schema | None]) -> Finding:
    guess = near(name, tables)
    hint = f"did you mean '{guess}'?" if guess else "name it under 'in', with `as: table`"
    return Finding((kind,), "unknown_input", f"the step has no input '{name}'", hint)
