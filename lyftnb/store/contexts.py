"""Verbs of the ledger: contexts, and the overrides of worker groups and deployments.

A layer is one row, replaced in place; each change is a row of its own beside it, for good.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lyftnb.errors import NotFound, SetupError, near, unknown
from lyftnb.model import (
    DRAFT,
    NO_CONTEXT,
    OWN_LAYER,
    Context,
    ContextChange,
    Edit,
    has_value,
    is_layer,
    is_variable,
    value_at,
    with_value,
    without_value,
)
from lyftnb.store.audit import note
from lyftnb.store.families import Setting
from lyftnb.store.session import Session


class Contexts(Session):
    """Contexts. `by` is who makes a change, for those who ask later."""

    def contexts(self) -> list[Context]:
        """All layers: contexts by name, and `group:NAME` and `deployment:NAME` that have values."""
        with self.opened() as database:
            return [_context(row) for row in database.rows("contexts")]

    def context_changes(self, layer: str | None = None, limit: int = 1000) -> list[ContextChange]:
        """Who changed what, the newest first."""
        with self.opened() as database:
            rows = database.rows("context_changes", layer=layer, limit=limit)
        return [_change(row) for row in rows]

    def create_context(self, name: str, parent: str | None, by: str) -> None:
        """Make a context without values of its own.

        Raises:
            SetupError: there is one, or the name cannot be one.
            NotFound: there is no such parent.
        """
        if ":" in name or not is_layer(name) or name == DRAFT:
            raise SetupError(
                f"'{name}' cannot be the name of a context",
                hint="use small letters, digits and _; "
                f"'{DRAFT}', '{NO_CONTEXT}' and '{OWN_LAYER}' are taken",
            )
        with self.changing() as setting:
            layers = _layers(setting)
            if name in layers:
                raise SetupError(f"there is a context '{name}' already", hint="set its values")
            _require_parent(parent, layers)
            edit = _Edit(setting, by, name)
            edit.note("create", None, None, parent)
            edit.write({}, parent)

    def set_context_parent(self, name: str, parent: str | None, by: str) -> None:
        """Let a context take what it does not give itself from another, or (None) from none.

        Raises:
            NotFound: there is no such context, or no such parent.
            SetupError: the parent is, or comes after, the context itself.
        """
        with self.changing() as setting:
            layers = _layers(setting)
            context = _require(name, layers)
            _require_parent(parent, layers)
            ring = [name]
            above = parent
            while above is not None:
                ring.append(above)
                if above == name:
                    raise SetupError(
                        f"contexts cannot be each other's parents: {' -> '.join(ring)}",
                        hint="choose a parent that does not come from this context",
                    )
                above = layers[above].parent
            edit = _Edit(setting, by, name)
            edit.note("parent", None, context.parent, parent)
            edit.write(context.values, parent)

    def delete_context(self, name: str, by: str) -> None:
        """Remove a context with its values, or all of an override.

        Raises:
            NotFound: there is no such layer.
            SetupError: it is the parent of another.
        """
        with self.changing() as setting:
            layers = _layers(setting)
            if name not in layers:
                raise no_context(name, layers)
            context = layers[name]
            children = [c.layer for c in layers.values() if c.parent == name]
            if children:
                raise SetupError(
                    f"'{name}' is the parent of {', '.join(children)}",
                    hint="give them another parent first, or delete them",
                )
            edit = _Edit(setting, by, name)
            edit.note("delete", None, context.values, None)
            edit.write(None, None)

    def set_context(self, layer: str, path: str, value: Any, by: str) -> None:
        """Give a variable of a layer a value (JSON), in place of what stood there and below it.

        Raises:
            NotFound: there is no such context. (Overrides are made by their first value.)
            SetupError: the path is none, leads through a plain value, or the value is not JSON.
        """
        _check(layer, path)
        plain = _plain(path, value)
        with self.changing() as setting:
            context = _require(layer, _layers(setting))
            try:
                values = with_value(context.values, path, plain)
            except ValueError as error:
                raise SetupError(
                    f"'{error}' holds a value of its own, so there can be no '{path}'",
                    where=f"context {layer}",
                    hint=f"unset '{error}' first",
                ) from None
            edit = _Edit(setting, by, layer)
            edit.note("set", path, value_at(context.values, path), plain)
            edit.write(values, context.parent)

    def unset_context(self, layer: str, path: str, by: str) -> None:
        """Take a variable of a layer away, and what is below it.

        Raises:
            NotFound: the layer gives no such variable itself.
        """
        _check(layer, path)
        with self.changing() as setting:
            context = _require(layer, _layers(setting))
            if not has_value(context.values, path):
                raise unknown("variable", path, context.values, where=f"context {layer}")
            values = without_value(context.values, path)
            edit = _Edit(setting, by, layer)
            edit.note("unset", path, value_at(context.values, path), None)
            # An override without values is none; a context stays.
            edit.write(values if values or ":" not in layer else None, context.parent)


class _Edit:
    """One change of one layer, within a transaction."""

    def __init__(self, setting: Setting, by: str, layer: str) -> None:
        self._setting = setting
        self._layer = layer
        self._stamp = {"layer": layer, "changed_at": setting.now, "changed_by": by}

    def note(self, edit: Edit, path: str | None, before: Any, after: Any) -> None:
        database = self._setting.database
        change = database.rows("last_context_change")[0]["change"] + 1
        what = {"change": change, "edit": edit, "path": path, "before": before, "after": after}
        database.append("context_changes", [self._stamp | what])
        detail = {} if path is None else {"path": path}
        who, at = self._stamp["changed_by"], self._setting.now
        note(database, at, str(who), f"context {edit}", self._layer, detail)

    def write(self, values: Mapping[str, Any] | None, parent: str | None) -> None:
        database = self._setting.database
        database.run("remove_context", layer=self._layer)
        if values is not None:
            row = self._stamp | {"values": dict(values), "parent": parent}
            database.append("contexts", [row])


def _layers(setting: Setting) -> dict[str, Context]:
    return {row["layer"]: _context(row) for row in setting.database.rows("contexts")}


def _require(layer: str, layers: Mapping[str, Context]) -> Context:
    if layer in layers:
        return layers[layer]
    if ":" in layer and is_layer(layer):
        # An override is there as soon as somebody gives it a value.
        return Context(layer, {}, None, datetime.min.replace(tzinfo=UTC), "")
    raise no_context(layer, layers)


def _require_parent(parent: str | None, layers: Mapping[str, Context]) -> None:
    if parent is not None and (":" in parent or parent not in layers):
        raise no_context(parent, layers)


def no_context(name: str, known: Iterable[str]) -> NotFound:
    """The error for a context that does not exist."""
    names = [layer for layer in known if ":" not in layer]
    guess = near(name, names)
    there = f"there is: {', '.join(names)}" if names else f"lyftnb context create {name}"
    return NotFound(
        f"unknown context '{name}'", hint=f"did you mean '{guess}'?" if guess else there, name=name
    )


def _check(layer: str, path: str) -> None:
    if not is_layer(layer):
        raise SetupError(
            f"'{layer}' is no layer of variables",
            hint="name a context, `group:NAME` or `deployment:NAME`",
        )
    if not is_variable(path):
        raise SetupError(
            f"'{path}' is no name of a variable",
            where=f"context {layer}",
            hint="write names of letters, digits and _, with dots between them: db.host",
        )


def _plain(path: str, value: Any) -> Any:
    """The value as JSON gives it back.

    Raises:
        SetupError: JSON cannot hold it.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SetupError(
            f"the value of '{path}' is not JSON: {error}",
            hint="give text, a number, true or false, a list or an object of these",
        ) from None


def _context(row: Mapping[str, Any]) -> Context:
    return Context(**{**row, "values": json.loads(row["values"])})


def _change(row: Mapping[str, Any]) -> ContextChange:
    texts = {name: row[name] for name in ("before", "after")}
    return ContextChange(**{**row, **{n: t and json.loads(t) for n, t in texts.items()}})
