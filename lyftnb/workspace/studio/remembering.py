"""Remembers what was found out about actions, so that a change of one step asks about that alone.

A draft of 500 steps is held against the rules again with every key that is typed into it; all but a
few of its actions meet the same columns as before.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from lyftnb.model import ActionSpec, InputSpec, OutputSpec, Schema, StateSpec
from lyftnb.planning import Checker, Finding

T = TypeVar("T")
_KEPT = 20_000
"""Answers; those that were used least lately go first."""


class RememberingChecker:
    """A checker that gives an answer again where it is asked the same. Thread-safe."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self.external = checker.external
        self.action_kinds = checker.action_kinds
        self.input_kinds = checker.input_kinds
        self.output_kinds = checker.output_kinds

    def rowwise(self, action: ActionSpec) -> bool:
        """See `Checker.rowwise`."""
        return self._answer("rowwise", _key(action), lambda: self._checker.rowwise(action))

    def stateful(self, action: ActionSpec) -> bool:
        """See `Checker.stateful`."""
        return self._answer("stateful", _key(action), lambda: self._checker.stateful(action))

    def state(self, action: ActionSpec) -> StateSpec | None:
        """See `Checker.state`."""
        return self._answer("state", _key(action), lambda: self._checker.state(action))

    def check_action(
        self, action: ActionSpec, schema: Schema | None, tables: Mapping[str, Schema | None]
    ) -> tuple[Schema | None, tuple[Finding, ...]]:
        """See `Checker.check_action`."""
        key = (_key(action), schema, tuple(tables.items()))
        return self._answer(
            "action", key, lambda: self._checker.check_action(action, schema, tables)
        )

    def check_condition(self, text: str, schema: Schema | None) -> tuple[Finding, ...]:
        """See `Checker.check_condition`."""
        return self._answer(
            "condition", (text, schema), lambda: self._checker.check_condition(text, schema)
        )

    def check_emit(self, fields: Mapping[str, str], schema: Schema | None) -> tuple[Finding, ...]:
        """See `Checker.check_emit`."""
        key = (tuple(fields.items()), schema)
        return self._answer("emit", key, lambda: self._checker.check_emit(fields, schema))

    def check_input(self, spec: InputSpec) -> tuple[Schema | None, tuple[Finding, ...]]:
        """See `Checker.check_input`."""
        return self._answer("input", _key(spec), lambda: self._checker.check_input(spec))

    def check_output(self, spec: OutputSpec) -> tuple[Finding, ...]:
        """See `Checker.check_output`."""
        return self._answer("output", _key(spec), lambda: self._checker.check_output(spec))

    def _answer(self, what: str, about: Hashable, ask: Callable[[], T]) -> T:
        key = (what, about)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                found: T = self._known[key]
                return found
        answer = ask()
        with self._lock:
            self._known[key] = answer
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return answer


def _key(spec: ActionSpec | InputSpec | OutputSpec) -> tuple[str, str]:
    # The order of keys counts: derived columns see those before them.
    return spec.kind, json.dumps(spec.params, ensure_ascii=False, default=repr)
