"""The action that parses JSON out of a text field: json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from pydantic import Field

from lyftnb.model import text_literal
from lyftnb.operators.actions.parsing import (
    BAD_VALUE,
    FAILED,
    TextParams,
    applied,
    check_text,
    declared,
    text_bound,
    typed,
)
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    ActionError,
    Bound,
    EagerBound,
    Env,
    Example,
    Guard,
    Made,
    Reason,
)
from lyftnb.operators.duckdb_session import fetched, session

_REASONS = (
    Reason("bad_json", "the text is not a JSON object"),
    Reason(BAD_VALUE, "a field is not of its declared type"),
)
_INFERRED = {
    "BOOLEAN": pl.Boolean(),
    "BIGINT": pl.Int64(),
    "UBIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "NULL": pl.Null(),
}


class JsonParams(TextParams):
    """A text field of JSON objects."""

    types: dict[str, str] | None = Field(
        None,
        min_length=1,
        description="the fields to take, each with its type; without it the fields and types are "
        "taken from the rows at hand, so that they may differ from batch to batch",
    )


class Json(Action[JsonParams]):
    """Parses a text field of JSON objects into columns.

    Text that is not a JSON object goes to the rejects (`bad_json`), and so does a row with a field
    that is not of its declared type (`bad_value`); numbers and nested values in a VARCHAR field
    become their JSON text, a number may stand as text. A field that is missing, and a text that is
    null, give null. Other fields than the declared ones are left out, and so is a key without a
    name. Of a key that stands twice, the first counts. JSON is what DuckDB takes for it: unlike the
    input format `ndjson`, it lets a comma behind the last field pass, and `NaN` and `Infinity`.
    """

    name = "json"
    Params = JsonParams
    example = Example(
        params={"types": {"id": "BIGINT", "tags": "VARCHAR[]"}, "keep": False},
        rows=[{"_raw": '{"id": 1, "tags": ["a", "b"]}'}, {"_raw": "{broken"}],
        result=[{"id": 1, "tags": ["a", "b"]}],
    )

    def bind(self, params: JsonParams, schema: pl.Schema, env: Env) -> Bound | EagerBound:
        """Lazy with declared types; otherwise the rows are held in hand to find the types."""
        check_text(schema, params.field)
        if params.types is not None:
            return _bound(params, schema, declared(params.types, "types"))
        return EagerBound(lambda frame: _inferring(params, frame), None, _guards(params))


def _bound(params: JsonParams, schema: pl.Schema, types: Mapping[str, pl.DataType]) -> Bound:
    returned = pl.Struct([*(pl.Field(n, t) for n, t in types.items()), pl.Field(FAILED, pl.Int8)])
    # Reading the types once here tells at binding what text can never be.
    pl.LazyFrame(schema={"v": _texts(types)}).select(_values(types)).collect_schema()

    def parsed(text: pl.Expr) -> pl.Expr:
        return text.map_batches(
            lambda series: _parse(series, types), return_dtype=returned, is_elementwise=True
        )

    return text_bound(params, schema, types, parsed, _REASONS)


def _parse(series: pl.Series, types: Mapping[str, pl.DataType]) -> pl.Series:
    """Texts to structs of values and `FAILED`.

    DuckDB takes the JSON apart and leaves every value as its text, which loses nothing; the texts
    are then read as their types, which tells exactly where that fails.
    """
    shape = text_literal(json.dumps({name: _shape(dtype) for name, dtype in types.items()}))
    checks = [_structure_check(path, kind) for path, kind in _containers(types)]
    query = f"""
        SELECT json_transform(t, {shape}) AS v,
               coalesce({" OR ".join(checks) or "false"}, false) AS misshapen,
               text IS NOT NULL AND coalesce(json_type(t), '') <> 'OBJECT' AS invalid
        FROM (SELECT text, CASE WHEN json_valid(text) THEN text::JSON END AS t FROM texts)
    """
    with session({"texts": pl.DataFrame({"text": series})}) as connection:
        found = fetched(connection, query)
    values = found.select(*_values(types), "invalid", "misshapen", pl.col("v"))
    lost = pl.any_horizontal(
        [_lost(pl.col("v").struct.field(n), pl.col(n), t) for n, t in types.items()]
    )
    failed = pl.when("invalid").then(0).when(lost | pl.col("misshapen")).then(1).cast(pl.Int8)
    return values.select(pl.struct(*types, failed.alias(FAILED))).to_series()


def _values(types: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    return [_value(pl.col("v").struct.field(n), t).alias(n) for n, t in types.items()]


def _value(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The texts of a value, nested as it is, read as its type."""
    if isinstance(dtype, pl.Struct):
        fields = [_value(text.struct.field(f.name), _type(f)).alias(f.name) for f in dtype.fields]
        return pl.when(text.is_not_null()).then(pl.struct(fields))
    if isinstance(dtype, pl.List):
        return text.list.eval(_value(pl.element(), _type(dtype)))
    if isinstance(dtype, pl.Null):
        return pl.lit(None)
    if dtype.is_integer():
        whole = text.cast(pl.Float64, strict=False)
        rounded = pl.when(whole == whole.floor()).then(whole.cast(dtype, strict=False))
        return pl.coalesce(typed(text, dtype), rounded)
    return typed(text, dtype)


def _lost(text: pl.Expr, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a text somewhere in the value could not be read as its type."""
    if isinstance(dtype, pl.Struct):
        parts = [
            _lost(text.struct.field(f.name), value.struct.field(f.name), _type(f))
            for f in dtype.fields
        ]
        return pl.any_horizontal(parts)
    if isinstance(dtype, pl.List):
        pair = text.list.eval(_lost_element(_type(dtype)).any())
        return pair.list.first().fill_null(False)
    return text.is_not_null() & value.is_null()


def _lost_element(dtype: pl.DataType) -> pl.Expr:
    return _lost(pl.element(), _value(pl.element(), dtype), dtype)


def _type(holder: pl.Field | pl.List) -> pl.DataType:
    dtype = holder.inner if isinstance(holder, pl.List) else holder.dtype
    return dtype() if isinstance(dtype, type) else dtype


def _texts(types: Mapping[str, pl.DataType]) -> pl.Struct:
    def text(dtype: pl.DataType) -> pl.DataType:
        if isinstance(dtype, pl.Struct):
            return pl.Struct([pl.Field(f.name, text(_type(f))) for f in dtype.fields])
        return pl.List(text(_type(dtype))) if isinstance(dtype, pl.List) else pl.String()

    return pl.Struct([pl.Field(name, text(dtype)) for name, dtype in types.items()])


def _shape(dtype: pl.DataType) -> Any:
    """The structure that DuckDB takes JSON apart by, with text for every value."""
    if isinstance(dtype, pl.Struct):
        return {f.name: _shape(_type(f)) for f in dtype.fields}
    return [_shape(_type(dtype))] if isinstance(dtype, pl.List) else "VARCHAR"


def _containers(types: Mapping[str, pl.DataType]) -> Iterator[tuple[str, str]]:
    """The paths at which an object or an array must stand, if anything does."""

    def below(path: str, dtype: pl.DataType) -> Iterator[tuple[str, str]]:
        if isinstance(dtype, pl.Struct):
            yield path, "OBJECT"
            for f in dtype.fields:
                yield from below(f"{path}.{_step(f.name)}", _type(f))
        elif isinstance(dtype, pl.List):
            yield path, "ARRAY"
            yield from below(path + "[*]", _type(dtype))

    for name, dtype in types.items():
        yield from below(f"$.{_step(name)}", dtype)


def _step(name: str) -> str:
    if '"' in name:
        raise ActionError(f"'{name}': a nested field's name cannot hold a double quote")
    return f'"{name}"'


def _structure_check(path: str, kind: str) -> str:
    found = f"json_type(t, {text_literal(path)})"
    if "[*]" in path:
        return f"len(list_filter({found}, lambda k: k NOT IN ('{kind}', 'NULL'))) > 0"
    return f"{found} NOT IN ('{kind}', 'NULL')"


def _guards(params: JsonParams) -> tuple[Guard, ...]:
    """Text that is no JSON object must be parted before types are taken from the rest."""

    def invalid(series: pl.Series) -> pl.Series:
        query = """SELECT text IS NOT NULL AND CASE WHEN json_valid(text)
            THEN json_type(text::JSON) <> 'OBJECT' ELSE true END AS bad FROM texts"""
        with session({"texts": pl.DataFrame({"text": series})}) as connection:
            return fetched(connection, query)["bad"]

    bad = (
        pl.col(params.field)
        .cast(pl.String)
        .map_batches(invalid, return_dtype=pl.Boolean, is_elementwise=True)
    )
    return ((bad, _REASONS[0]),)


def _inferring(params: JsonParams, frame: pl.DataFrame) -> Made:
    """Take the fields and types from the rows, then parse (only a huge whole number can fail)."""
    query = "SELECT json_group_structure(text::JSON) AS s FROM texts WHERE text IS NOT NULL"
    texts = frame.select(pl.col(params.field).cast(pl.String).alias("text"))
    with session({"texts": texts}) as connection:
        structure = json.loads(fetched(connection, query)["s"][0] or "{}")
    found = structure.items() if isinstance(structure, dict) else ()
    types = {n: _inferred(kind) for n, kind in found if n and not n.startswith(HIDDEN)}
    if not types:
        return Made(frame if params.keep or frame.width == 1 else frame.drop(params.field))
    return applied(_bound(params, frame.schema, types), frame)


def _inferred(structure: Any) -> pl.DataType:
    """The type of what DuckDB saw; values of mixed types stay JSON text, and so do objects with a
    key that no field can be called.
    """
    if isinstance(structure, dict) and structure and not any(_odd(name) for name in structure):
        return pl.Struct([pl.Field(name, _inferred(kind)) for name, kind in structure.items()])
    if isinstance(structure, list):
        return pl.List(_inferred(structure[0]))
    return _INFERRED.get(structure, pl.String()) if isinstance(structure, str) else pl.String()


def _odd(name: str) -> bool:
    return not name or '"' in name
