"""A step of a draft, with its body written as a chain of calls."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from lyftnb.errors import WorkflowError, unknown
from lyftnb.model import canonical_json
from lyftnb.workspace.function_source import function_source
from lyftnb.workspace.tabular import facts

Document = dict[str, Any]


class Step:
    """One step of a `Workflow` draft. Its methods add to the draft and return the step.

    Every kind of action is a method: its value alone, or its parameters by name.

    >>> from lyftnb import Workflow
    >>> step = Workflow("flights").step("clean", in_="raw", out="clean")
    >>> step.filter("dep_time IS NOT NULL").derive(speed="distance / (air_time / 60.0)")
    Step(clean: raw → filter, derive → clean)

    A name that Python keeps for itself takes an underscore: `step.assert_("x > 0")`. A parameter
    whose name is taken goes in a mapping: `step.derive({"self": "1"})`.
    """

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self._document = document

    def input(self, kind: str, params: Any = None, **named: Any) -> Self:
        """Read from outside: `step.input("files", path="data/*.csv")`."""
        self._document["input"] = {kind: _params(kind, params, named)}
        return self

    def output(self, kind: str, params: Any = None, **named: Any) -> Self:
        """Write to outside: `step.output("parquet", path="out")`."""
        self._document["output"] = {kind: _params(kind, params, named)}
        return self

    def action(
        self,
        kind: str,
        params: Any = None,
        *,
        id: str | None = None,
        on_error: str | None = None,
        description: str | None = None,
    ) -> Self:
        """Append an action of any kind, with its stable id and its own `on_error` if wanted."""
        settings = {"id": id, "on_error": on_error, "description": description}
        given = {key: value for key, value in settings.items() if value is not None}
        self._document.setdefault("actions", []).append({kind: plain(params), **given})
        return self

    def clear(self) -> Self:
        """Take all actions out, to write the body anew."""
        self._document.pop("actions", None)
        return self

    def python(self, body: Callable[..., Any] | str, **named: Any) -> Self:
        """Append Python: a function of a LazyFrame, kept as its source text.

        The source must stand on its own: what it uses of importable modules is imported in the
        text, anything else from around it is refused.

        Raises:
            WorkflowError: the function has no source, or takes values from around it.
        """
        source = body if isinstance(body, str) else function_source(body)
        return self.action("python", {"source": source, **plain(named)})

    def __getattr__(self, name: str) -> Callable[..., Step]:
        if name.startswith("_"):
            raise AttributeError(name)
        kind = unreserved(name)
        known = _action_kinds()
        if kind not in known:
            raise AttributeError(str(unknown("action", kind, known)))

        def append(params: Any = None, **named: Any) -> Step:
            return self.action(kind, _params(kind, params, named))

        append.__name__ = append.__qualname__ = name
        append.__doc__ = _about(kind)
        return append

    def __dir__(self) -> list[str]:
        names = (f"{kind}_" if keyword.iskeyword(kind) else kind for kind in _action_kinds())
        return sorted({*super().__dir__(), *names})

    def __repr__(self) -> str:
        return f"Step({outline(self.name, self._document)})"

    def _repr_html_(self) -> str:
        said = ((key, _said(value)) for key, value in self._document.items())
        return facts((("step", self.name), *said))


def _action_kinds() -> tuple[str, ...]:
    from lyftnb.operators.registry import action_kinds

    return action_kinds()


def _about(kind: str) -> str | None:
    from lyftnb.operators.registry import action

    return inspect.getdoc(action(kind))


def unreserved(name: str) -> str:
    """`in_` → `in`, `assert_` → `assert`: the document's name behind a Python one."""
    stem = name.removesuffix("_")
    return stem if keyword.iskeyword(stem) else name


def plain(value: Any) -> Any:
    """A value as the document holds it: paths as text, tuples as lists, keys as text."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _params(kind: str, params: Any, named: Mapping[str, Any]) -> Any:
    """One value for the document out of a positional value or named parameters."""
    given = {unreserved(key): plain(value) for key, value in named.items()}
    if params is None:
        return given or None
    if not given:
        return plain(params)
    if isinstance(params, Mapping):
        return {**plain(params), **given}
    raise WorkflowError(
        f"{kind} got a value and named parameters",
        hint=f"name all of them: {kind}(…={params!r}, {', '.join(f'{k}=…' for k in given)})",
    )


def _said(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def outline(name: str, step: Document) -> str:
    """A step in one line: `clean: raw → filter, derive → clean [etl]`."""
    came = step.get("in", step.get("input"))
    kinds = [next(iter(action), "") for action in step.get("actions", ())]
    body = ", ".join(kinds) or _names(step.get("notebook", {}).get("path")) or step.get("uses", "")
    goes = step.get("out", step.get("output"))
    parts = [part for part in (_names(came), body, _names(goes)) if part]
    group = f" [{step['group']}]" if "group" in step else ""
    return f"{name}: {' → '.join(parts)}{group}"


def _names(value: Any) -> str:
    """Channels or kinds as the document names them, in one phrase."""
    if isinstance(value, Mapping):
        inner = (v.get("channel", k) if isinstance(v, Mapping) else v for k, v in value.items())
        return ", ".join(str(k) if v is None else str(v) for k, v in zip(value, inner, strict=True))
    return ", ".join(value) if isinstance(value, list) else str(value or "")
