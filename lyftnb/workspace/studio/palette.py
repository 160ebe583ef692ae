"""What may be put on a canvas: kinds with forms and docs, functions, schemas of the rest."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, TypeAdapter

from lyftnb.connectors import SINKS, SOURCES
from lyftnb.dtypes import to_schema
from lyftnb.errors import ConfigError
from lyftnb.model import (
    ChannelSpec,
    DispatchSpec,
    EmitSpec,
    MessageEdge,
    StepSpec,
    TriggerSpec,
    WorkflowSpec,
)
from lyftnb.operators import Example, action, action_kinds
from lyftnb.operators.expressions.registry import table
from lyftnb.planning import SPOOL_INPUT
from lyftnb.workspace.checker import checker
from lyftnb.workspace.studio.data_files import data_files
from lyftnb.workspace.studio.protocol.palette import Family, Kind, Palette, SqlFunction
from lyftnb.workspace.studio.protocol.tables import Column
from lyftnb.workspace.studio.shapes import listed

_BODY = frozenset({"input", "actions", "output", "notebook", "uses", "with"})
"""What of a step has forms of its own."""
_EXAMPLES: dict[tuple[Family, str], Any] = {
    ("input", "files"): {"path": "data/*.csv", "format": "csv"},
    ("input", "generate"): {"rows": 1000, "columns": {"n": "sequence"}},
    ("input", "inline"): {"rows": [{"n": 1}, {"n": 2}]},
    ("input", "kv"): {"namespace": "settings"},
    ("input", "messages"): {"tag": "landed"},
    ("input", "queue"): {"queue": "work"},
    ("input", SPOOL_INPUT): {"deployment": "flights", "channel": "flights_clean"},
    ("output", "csv"): {"path": "out"},
    ("output", "discard"): None,
    ("output", "duckdb"): {"path": "out.duckdb", "table": "rows"},
    ("output", "message"): {"tag": "landed"},
    ("output", "ndjson"): {"path": "out"},
    ("output", "parquet"): {"path": "out"},
    ("output", "print"): None,
    ("output", "queue"): {"queue": "work"},
}
"""What the docs of connectors show, and new ones begin with; actions bring their own."""
_BEGINNINGS: dict[tuple[Family, str], Any] = {
    ("input", "files"): {"path": ""},
    ("input", SPOOL_INPUT): {"deployment": "", "channel": ""},
}
"""Where the example names what only the example has: empty, to be filled in."""
_PLAIN = {
    "python": {"source": "import polars as pl\n\n\ndef transform(lf):\n    return lf\n"},
    "sql": "SELECT * FROM batch",
}
"""Actions that begin with something for rows of any columns."""
_ICONS = {
    "aggregate": "sum", "assert": "check", "cast": "type", "dedupe": "unique",
    "derive": "function", "filter": "filter", "join": "merge", "lookup": "search",
    "python": "code", "sql": "database", "sort": "sort", "window": "clock", "files": "file",
    "csv": "file", "ndjson": "file", "parquet": "file", "duckdb": "database", "queue": "queue",
    "message": "message", "messages": "message", "kv": "key", "spool": "spool",
    "print": "terminal", "generate": "dice", "inline": "table", "discard": "trash",
    "access_log": "text", "json": "text", "key_value": "text", "regex": "text", "time": "clock",
    "distinct": "unique", "explode": "outline", "flatten": "outline", "unnest": "outline",
    "fill": "add", "limit": "align", "select": "check", "remove": "minus", "rename": "type",
    "hash": "key", "mask": "key", "notify": "message", "sample": "dice",
}  # fmt: skip
_ICON_OF_FAMILY: dict[Family, str] = {"action": "gear", "input": "input", "output": "output"}


def palette(groups: Iterable[str], root: Path) -> Palette:
    """All that there is, with these worker groups; an input of files begins with some that lie in
    the workspace's folder.
    """
    known = _palette()
    kinds = tuple(
        kind.model_copy(update={"example": {"path": found}})
        if (kind.family, kind.name) == ("input", "files") and (found := data_files(root))
        else kind
        for kind in known.kinds
    )
    return known.model_copy(update={"groups": tuple(groups), "kinds": kinds})


@cache
def _palette() -> Palette:
    known = checker()
    document = known.document_schema()
    return Palette(
        kinds=(*_actions(), *_inputs(document), *_outputs()),
        functions=tuple(
            SqlFunction(name=f.name, signature=f.signature, doc=f.doc, aggregate=f.aggregate)
            for f in table()
        ),
        document=document,
        settings=_settings(),
        groups=(),
    )


def _actions() -> Iterator[Kind]:
    for name in action_kinds():
        with suppress(ConfigError):  # of a broken package: a workflow that uses it is told so
            kind = action(name)
            made = _kind("action", name, kind, kind.Params, kind.example.params)
            more = {"columns": _columns(kind.example), "plain": _PLAIN.get(name)}
            yield made.model_copy(update=more)


def _columns(example: Example) -> tuple[Column, ...]:
    """The columns of the rows that an example works on, as far as they have a type."""
    frame = pl.DataFrame(example.rows, infer_schema_length=None)
    typed = {name: dtype for name, dtype in frame.schema.items() if dtype != pl.Null}
    return listed(to_schema(typed).fields)


def _inputs(document: dict[str, Any]) -> Iterator[Kind]:
    for name in SOURCES:
        source = SOURCES[name]
        yield _kind("input", name, source, source.Params, _EXAMPLES.get(("input", name)))
    params = next(
        branch["properties"][SPOOL_INPUT]
        for branch in document["$defs"]["InputSpec"]["anyOf"]
        if SPOOL_INPUT in branch["properties"]
    )
    yield Kind(
        family="input",
        name=SPOOL_INPUT,
        summary="Rows of a spool of another deployment",
        doc="Rows of a spool of another deployment, as they come.",
        params=params,
        example=_BEGINNINGS["input", SPOOL_INPUT],
        icon=_ICONS["spool"],
    )


def _outputs() -> Iterator[Kind]:
    for name in SINKS:
        sink = SINKS[name]
        yield _kind("output", name, sink, sink.Params, _EXAMPLES.get(("output", name)))


def _kind(family: Family, name: str, what: object, params: type[BaseModel], example: Any) -> Kind:
    doc = inspect.cleandoc(type(what).__doc__ or "")
    first = " ".join(doc.split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    return Kind(
        family=family,
        name=name,
        summary=first,
        doc=doc + (f"\n\n```yaml\n{_written(name, example)}\n```" if example is not None else ""),
        params=params.model_json_schema(by_alias=True),
        example=TypeAdapter(Any).dump_python(_BEGINNINGS.get((family, name), example), mode="json"),
        icon=_ICONS.get(name, _ICON_OF_FAMILY[family]),
    )


def _written(name: str, example: Any) -> str:
    return yaml.safe_dump({name: example}, sort_keys=False, allow_unicode=True, width=90).strip()


def _settings() -> dict[str, dict[str, Any]]:
    step = StepSpec.model_json_schema(by_alias=True)
    workflow = WorkflowSpec.model_json_schema(by_alias=True)
    return {
        "step": _with(step, [name for name in step["properties"] if name not in _BODY]),
        "channel": ChannelSpec.model_json_schema(by_alias=True),
        "dispatch": DispatchSpec.model_json_schema(by_alias=True),
        "trigger": TriggerSpec.model_json_schema(by_alias=True),
        "emit": EmitSpec.model_json_schema(by_alias=True),
        "message": MessageEdge.model_json_schema(by_alias=True),
        "workflow": _with(workflow, ["description", "context"]),
    }


def _with(schema: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """An object's schema with only these properties, and the definitions that they need."""
    kept = {name: schema["properties"][name] for name in names}
    required = [name for name in schema.get("required", ()) if name in kept]
    needed = dict(_needed(kept, schema.get("$defs", {})))
    return {**schema, "properties": kept, "required": required, "$defs": needed}


def _needed(value: Any, definitions: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for inner in value:
            yield from _needed(inner, definitions)
    elif isinstance(value, dict):
        ref = value.get("$ref")
        if isinstance(ref, str):
            name = ref.rsplit("/", 1)[1]
            yield name, definitions[name]
            yield from _needed(definitions[name], definitions)
        for inner in value.values():
            yield from _needed(inner, definitions)
