"""The source text of a function, made to stand on its own on a worker."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from lyftnb.errors import WorkflowError


def function_source(function: Callable[..., Any]) -> str:
    """The source of a function, with imports of what it uses of importable modules.

    Raises:
        WorkflowError: there is no source, it is a lambda or a method, or it takes values from
            around it that a worker could not have.
    """
    name = getattr(function, "__name__", repr(function))
    if not isinstance(function, FunctionType) or name == "<lambda>":
        raise WorkflowError(
            f"{name} cannot become a python action", hint="give it a function made with `def`"
        )
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except OSError:
        raise WorkflowError(
            f"the source of {name} cannot be found", hint="give its source as text instead"
        ) from None
    imports: list[str] = []
    missing: list[str] = []
    for used, value in _from_around(function, source):
        line = _import(used, value, function.__module__)
        (imports if line else missing).append(line or used)
    if missing:
        raise WorkflowError(
            f"{name} takes {', '.join(missing)} from around it; only its source goes to workers",
            hint="define it inside the function, or import it there",
        )
    return "\n".join([*imports, "", "", source] if imports else [source])


def _from_around(function: FunctionType, source: str) -> Iterator[tuple[str, Any]]:
    """Names that the function takes from outside, sorted, with their values.

    The body's names come from its code; those of its signature and decorators, which run when it
    is defined, from its source.
    """
    around = inspect.getclosurevars(function)
    found = {**around.globals, **around.nonlocals}
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    outside = [definition.args, *definition.decorator_list]
    if definition.returns is not None:
        outside.append(definition.returns)
    for node in (inner for part in outside for inner in ast.walk(part)):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            found[node.id] = function.__globals__.get(node.id)
    yield from sorted(found.items())


def _import(name: str, value: Any, own_module: str) -> str | None:
    """The line that imports the value under that name; None if no line could."""
    if isinstance(value, ModuleType):
        module = value.__name__
        return f"import {module}" if name == module else f"import {module} as {name}"
    home = getattr(value, "__module__", None)
    if home in (None, own_module, "__main__") or not hasattr(sys.modules.get(home), name):
        return None
    return f"from {home} import {name}"
