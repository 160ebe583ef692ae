"""The contexts of a workspace: what people read and change, and what planning is given of them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lyftnb.errors import LyftError, SetupError, unknown
from lyftnb.model import (
    NO_CONTEXT,
    Context,
    ContextChange,
    flattened,
    has_value,
    merged,
    value_at,
)
from lyftnb.planning import ContextLayers, Explanation, lineage
from lyftnb.workspace.nouns import CONTEXT_CHANGES, CONTEXTS, DIFFERENCES, EXPLANATIONS
from lyftnb.workspace.tabular import Table, table

if TYPE_CHECKING:
    from lyftnb.store import Ledger
    from lyftnb.workspace.book import Book
    from lyftnb.workspace.given import WorkflowLike

Explainer = Callable[["WorkflowLike", "str | None", "str | None"], "tuple[Explanation, ...]"]
"""Plans a workflow in a context, as a deployment of that name, and says where its variables come
from."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A variable that two layers do not give alike."""

    name: str
    left: Any
    right: Any
    missing: str = ""
    """The side that does not give it at all: `left`, `right`, or none."""


class Contexts:
    """Named sets of variables: `ws.contexts`.

    A layer is named by a context (`prod`), or as the override of a worker group (`group:etl`) or of
    a deployment (`deployment:flights`). Paths are dotted: `db.host`.
    """

    def __init__(self, ledger: Ledger | Book, default: str | None, explained: Explainer) -> None:
        self._ledger = ledger
        self._explained = explained
        self.default = default
        """The context that holds where none is named (`[context] default` in lyftnb.toml)."""

    # -- reading

    def list(self) -> Table[Context]:
        """All layers that there are."""
        return Table(self._ledger.contexts(), CONTEXTS)

    def get(self, layer: str, path: str | None = None) -> Any:
        """The value of a variable as the layer gives it, its parents considered; without a path,
        all of them.

        Raises:
            NotFound: there is no such layer or variable.
        """
        values = self._values(layer)
        if path is None:
            return values
        if not has_value(values, path):
            raise unknown("variable", path, flattened(values), where=f"context {layer}")
        return value_at(values, path)

    def diff(self, left: str, right: str) -> Table[Difference]:
        """The variables that two layers do not give alike, by name."""
        ours, theirs = flattened(self._values(left)), flattened(self._values(right))
        found = (
            Difference(name, ours.get(name), theirs.get(name), missing)
            for name in sorted({*ours, *theirs})
            if (missing := "left" if name not in ours else "right" if name not in theirs else "")
            or ours[name] != theirs[name]
        )
        return Table(found, replace(DIFFERENCES, columns=("variable", left, right)))

    def history(self, layer: str | None = None, limit: int = 100) -> Table[ContextChange]:
        """Who changed what and when, the newest first."""
        return Table(self._ledger.context_changes(layer, limit), CONTEXT_CHANGES)

    def explain(
        self, workflow: WorkflowLike, context: str | None = None, name: str | None = None
    ) -> Table[Explanation]:
        """Say of each variable that a workflow uses which layer gives it its value, and what the
        weaker layers would have given.

        Args:
            workflow: the workflow.
            context: as for `Workspace.plan`.
            name: as for `Workspace.plan`.

        Raises:
            InvalidWorkflow: the workflow has errors, such as a variable that nothing gives.
        """
        return Table(self._explained(workflow, context, name), EXPLANATIONS)

    # -- changing

    def create(self, name: str, parent: str | None = None) -> None:
        """Make a context; what it does not give, its parent gives."""
        self._ledger.create_context(name, parent, user())

    def set_parent(self, name: str, parent: str | None) -> None:
        """Give a context another parent, or none.

        Raises:
            SetupError: the contexts would be each other's parents.
        """
        self._ledger.set_context_parent(name, parent, user())

    def set(self, layer: str, path: str, value: Any) -> None:
        """Give a variable of a layer a value: text, a number, true or false, a list or an object.

        Raises:
            NotFound: there is no such context.
            SetupError: the path or the value is none.
        """
        self._ledger.set_context(layer, path, value, user())

    def unset(self, layer: str, path: str) -> None:
        """Take a variable of a layer away.

        Raises:
            NotFound: the layer does not give it itself.
        """
        self._ledger.unset_context(layer, path, user())

    def delete(self, layer: str) -> None:
        """Remove a context, or all of an override.

        Raises:
            SetupError: it is the parent of another, or the default.
        """
        if layer == self.default:
            raise SetupError(
                f"'{layer}' is the default context",
                where="lyftnb.toml: context.default",
                hint="name another default first",
            )
        self._ledger.delete_context(layer, user())

    def __repr__(self) -> str:
        names = [c.layer + " (default)" * (c.layer == self.default) for c in self.list()]
        return f"Contexts({', '.join(names)})"

    def _repr_html_(self) -> str:
        rows = [
            (c.layer, c.parent, name, value)
            for c in self.list()
            for name, value in (flattened(c.values) or {"": None}).items()
        ]
        return table(("context", "parent", "variable", "value"), rows)

    # -- inside

    def chosen(self, context: str | None, where: str | None = None) -> str | None:
        """The context that holds where `context` was asked for (and `where`); None: none does.

        Raises:
            NotFound: there is no such context.
        """
        if context == NO_CONTEXT:
            return None
        name = context if context is not None else self.default
        if name is None:
            return None
        by_name = self._by_name()
        if name not in by_name or ":" in name:
            where = "lyftnb.toml: context.default" if context is None else where
            raise _unknown(name, by_name, where)
        return name

    def layers(self, deployment: str | None, context: str | None) -> ContextLayers:
        """What planning takes for a deployment in a context."""
        return ContextLayers.of(self.list(), deployment, context)

    def _by_name(self) -> dict[str, Context]:
        return {c.layer: c for c in self.list()}

    def _values(self, layer: str) -> dict[str, Any]:
        """All that a layer gives, its parents considered."""
        by_name = self._by_name()
        if layer not in by_name:
            raise _unknown(layer, by_name)
        values: dict[str, Any] = {}
        # From the weakest up: a plain value hides objects of all that are weaker.
        for name in reversed(lineage({c.layer: c.parent for c in by_name.values()}, layer)):
            values = merged(by_name[name].values, values)
        return values


def _unknown(name: str, known: Mapping[str, Context], where: str | None = None) -> LyftError:
    from lyftnb.store.contexts import no_context

    error = no_context(name, known)
    return error.with_where(where) if where else error


def user() -> str:
    """Who makes a change: the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user without a name.
        return str(os.getuid())
