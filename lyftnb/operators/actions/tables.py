"""Actions that bring rows together with a table: lookup, join."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from lyftnb.dtypes import to_text
from lyftnb.errors import BadData, NotFound, StorageError
from lyftnb.model import Params
from lyftnb.operators.actions.parsing import applied, declared
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    ActionError,
    Bound,
    EagerBound,
    Env,
    Example,
    Flags,
    Problems,
    Reason,
    check_column_name,
    column_type,
)
from lyftnb.operators.parameters import Name
from lyftnb.typed_text import NULLS, inferred_type, parsed

_MATCHED = HIDDEN + "matched"
_KEY = HIDDEN + "key_"


_Pairs = str | tuple[str, ...] | dict[str, str]
_Missing = Literal["null", "reject", "drop"]


def _pairs(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    return {name: name for name in names} if isinstance(names, list | tuple) else value


class LookupParams(Params):
    """The table, how rows find theirs in it, and what they take from there."""

    file: str | None = Field(
        None, min_length=1, description="a csv, tsv, ndjson, json or parquet file"
    )
    table: str | None = Field(
        None, min_length=1, description="or an input of the step, with `as: table`"
    )
    on: dict[Name, Name] = Field(
        min_length=1, description="a column, a list of columns, or a map of column: table's column"
    )
    add: dict[Name, Name] = Field(
        min_length=1, description="columns of the table, or a map of new column: table's column"
    )
    missing: _Missing = Field("null", description="what becomes of a row that finds nothing")
    types: dict[str, str] = Field(
        default_factory=dict, description="of a text file: types of columns, rather than guessed"
    )

    @field_validator("on", "add", mode="before", json_schema_input_type=_Pairs)
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        return _pairs(value)

    @field_validator("missing", mode="before", json_schema_input_type=_Missing | None)
    @classmethod
    def _from_null(cls, value: Any) -> Any:
        return "null" if value is None else value

    @model_validator(mode="after")
    def _one(self) -> LookupParams:
        if (self.file is None) == (self.table is None):
            raise ValueError("give either 'file' or 'table'")
        return self


class Lookup(Action[LookupParams]):
    """Adds columns from a table, found by key.

    Rows never multiply: of several rows of the table with one key the last counts (the newest, of a
    spool). Null finds nothing. A row that finds nothing gets null, or goes to the rejects
    (`no_match`), or is left out. A CSV or TSV file is understood as the `files` input understands
    it: empty fields and `NA` are null, and a number with a leading zero stays text.

    What a plan says depends on no file outside, so none is opened for it: the columns that come
    from a file are known to validation and planning where `types` names them and the keys. Others
    are found when a batch runs, or a trace.
    """

    name = "lookup"
    Params = LookupParams
    example = Example(
        params={"table": "airlines", "on": "carrier", "add": {"airline": "name"}},
        rows=[{"carrier": "UA"}, {"carrier": "??"}],
        result=[
            {"carrier": "UA", "airline": "United Air Lines"},
            {"carrier": "??", "airline": None},
        ],
        tables={"airlines": [{"carrier": "UA", "name": "United Air Lines"}]},
    )

    def tables(self, params: LookupParams) -> tuple[str, ...]:
        """The table input, if it is no file."""
        return () if params.table is None else (params.table,)

    def bind(self, params: LookupParams, schema: pl.Schema, env: Env) -> Bound | EagerBound:
        """Check keys and columns against the table; while checking, no file is opened."""
        types = declared(params.types, "types")
        if params.file is None:
            return _lookup(params, schema, _input(env, params.table or ""))
        path = Path(env.base_path) / params.file
        if not env.checking:
            table = _file(path, types)
            bound = _lookup(params, schema, table.rows.lazy(), lambda wanted: _side(table, wanted))
            return replace(bound, files=((params.file, table.fingerprint),))
        if {*params.on.values(), *params.add.values()} <= types.keys():
            return _lookup(params, schema, pl.LazyFrame(schema=types))
        _check_added(params, schema)
        return EagerBound(
            lambda frame: applied(
                _lookup(params, frame.schema, _file(path, types).rows.lazy()), frame
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What rows take from a table."""

    keys: tuple[tuple[str, pl.DataType], ...]
    """Columns of the table by which rows find theirs, and the types that the rows have there."""
    added: tuple[tuple[str, str], ...]
    """New column, column of the table."""

    @property
    def names(self) -> list[str]:
        """What the keys are called beside the rows."""
        return [_KEY + str(i) for i in range(len(self.keys))]

    def of(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """The part of a table that is wanted, a row for each key."""
        return table.select(
            *(
                # Not strict: a key that the rows' type cannot hold is one that no row can have.
                pl.col(column).cast(dtype, strict=False).alias(name)
                for name, (column, dtype) in zip(self.names, self.keys, strict=True)
            ),
            *(pl.col(column).alias(new) for new, column in self.added),
            pl.lit(True).alias(_MATCHED),
        ).unique(self.names, keep="last")


def _lookup(
    params: LookupParams,
    schema: pl.Schema,
    table: pl.LazyFrame,
    find: Callable[[_Wanted], pl.LazyFrame] | None = None,
) -> Bound:
    """Find rows in a table; `find` knows better than to take what is wanted from it each time."""
    known = table.collect_schema()
    problems = Problems()
    _check_keys(params.on, schema, known, problems)
    for new, column in params.add.items():
        with problems.at("add", new):
            column_type(known, column)
    problems.raise_any()
    _check_added(params, schema)
    wanted = _Wanted(
        tuple((column, schema[name]) for name, column in params.on.items()),
        tuple(params.add.items()),
    )
    right = wanted.of(table) if find is None else find(wanted)

    def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
        found = lf.join(
            right, left_on=list(params.on), right_on=wanted.names, how="left", maintain_order="left"
        )
        matched = pl.col(_MATCHED).is_not_null()
        if params.missing == "reject":
            found = found.with_columns(flags.mark([~matched]))
        elif params.missing == "drop":
            found = found.filter(flags.spare(matched))
        return found.drop(_MATCHED)

    out = pl.Schema(schema)
    out.update({new: known[column] for new, column in params.add.items()})
    why = f"{', '.join(params.on)}: not found in {params.table or params.file}"
    reasons = (Reason("no_match", why),) if params.missing == "reject" else ()
    return Bound(transform, out, reasons)


def _check_added(params: LookupParams, schema: pl.Schema) -> None:
    problems = Problems()
    for new in params.add:
        with problems.at("add", new):
            if check_column_name(new) in schema:
                raise ActionError(
                    f"there is a column '{new}' already", hint=f"add: {{other_name: {new}}}"
                )
    problems.raise_any()


class JoinParams(Params):
    """Two sides and how they meet."""

    right: str = Field(min_length=1, description="an input of the step")
    left: str | None = Field(
        None, description="an input of the step; by default the rows that reach the action"
    )
    how: Literal["inner", "left", "right", "full", "semi", "anti"] = Field(
        "inner", description="which rows stay: those that match, or all of a side, or of both"
    )
    on: dict[Name, Name] = Field(
        min_length=1, description="a column, a list of columns, or a map of left: right column"
    )
    suffix: str = Field(
        "_right", min_length=1, description="put behind right columns whose name is taken"
    )

    @field_validator("on", mode="before", json_schema_input_type=_Pairs)
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        return _pairs(value)


class Join(Action[JoinParams]):
    """Joins two inputs by key, as SQL does: each pair of rows with equal keys, null equals nothing.

    Rows come in the order of the left side, then of the right. A step that joins two streams names
    them and needs a `frame`; the rows that reach its first action are those of the first.
    """

    name = "join"
    Params = JoinParams
    example = Example(
        params={"right": "payments", "on": {"id": "order"}, "how": "left"},
        rows=[{"id": 1}, {"id": 2}],
        result=[{"id": 1, "paid": 5}, {"id": 1, "paid": 6}, {"id": 2, "paid": None}],
        tables={"payments": [{"order": 1, "paid": 5}, {"order": 1, "paid": 6}]},
    )

    def rowwise(self, params: JoinParams) -> bool:
        """Never: a match may lie in another piece of the stream."""
        return False

    def tables(self, params: JoinParams) -> tuple[str, ...]:
        """The sides that are inputs."""
        return (params.right,) if params.left is None else (params.left, params.right)

    def bind(self, params: JoinParams, schema: pl.Schema, env: Env) -> Bound:
        """Check keys on both sides."""
        right = _input(env, params.right)
        known = right.collect_schema()
        side = None if params.left is None else _input(env, params.left)
        ours = schema if side is None else side.collect_schema()
        problems = Problems()
        _check_keys(params.on, ours, known, problems)
        problems.raise_any()
        back = {theirs: own for own, theirs in params.on.items()}

        def transform(lf: pl.LazyFrame, flags: Flags) -> pl.LazyFrame:
            left = lf if side is None else side
            return _joined(
                _typed(left, params.on, ours, known), _typed(right, back, known, ours), params
            )

        out = transform(pl.LazyFrame(schema=ours), Flags()).collect_schema()
        return Bound(transform, out, parted=True)


def _typed(
    lf: pl.LazyFrame, on: Mapping[str, str], own: pl.Schema, other: pl.Schema
) -> pl.LazyFrame:
    """The side with keys that were only seen empty taken for what the other side has."""
    empty = [(ours, theirs) for ours, theirs in on.items() if own[ours] == pl.Null()]
    return lf.with_columns(pl.col(ours).cast(other[theirs]) for ours, theirs in empty)


def _joined(left: pl.LazyFrame, right: pl.LazyFrame, params: JoinParams) -> pl.LazyFrame:
    return left.join(
        right,
        left_on=list(params.on),
        right_on=list(params.on.values()),
        how=params.how,
        suffix=params.suffix,
        coalesce=None if params.how in ("semi", "anti") else True,
        maintain_order="left" if params.how in ("semi", "anti") else "left_right",
    )


def _check_keys(
    on: Mapping[str, str], left: pl.Schema, right: pl.Schema, problems: Problems
) -> None:
    for ours, theirs in on.items():
        with problems.at("on", ours):
            a, b = column_type(left, ours), column_type(right, theirs)
            same = a == b or (a.is_integer() and b.is_integer()) or pl.Null() in (a, b)
            if not same:
                raise ActionError(
                    f"'{ours}' is {to_text(a)} and '{theirs}' of the table is {to_text(b)}",
                    hint="cast one of them: keys must be of one type",
                )


def _input(env: Env, name: str) -> pl.LazyFrame:
    if name not in env.tables:
        known = ", ".join(env.tables) or "none"
        raise NotFound(f"the step has no input '{name}'", hint=f"its named inputs: {known}")
    return env.tables[name]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """A file's rows, and its fingerprint."""

    rows: pl.DataFrame
    fingerprint: str


def _file(path: Path, types: Mapping[str, pl.DataType]) -> _Table:
    """The file as it is now. Read once for each of its states: every split asks."""
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size, tuple(types.items()))
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no file '{path}'", hint="paths start from the workspace's folder"
        ) from error
    except (OSError, BadData, pl.exceptions.PolarsError) as error:
        why = str(error).split("\n", 1)[0]
        raise StorageError(
            f"'{path}' cannot be read: {why}", hint="repair the file, or declare 'types'"
        ) from error


@lru_cache(maxsize=16)
def _read(
    path: Path, mtime_ns: int, size: int, types: tuple[tuple[str, pl.DataType], ...]
) -> _Table:
    content = path.read_bytes()
    fingerprint = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return _Table(_parsed(path, content, pl.Schema(types)), fingerprint)


@lru_cache(maxsize=16)
def _side(table: _Table, wanted: _Wanted) -> pl.LazyFrame:
    """What is wanted of a file, sought once: to make 26,000 keys unique takes as long as to find
    them for a split of as many rows.
    """
    return wanted.of(table.rows.lazy()).collect().lazy()


def _parsed(path: Path, content: bytes, declared_types: pl.Schema) -> pl.DataFrame:
    match path.suffix.lower():
        case ".csv" | ".tsv":
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            texts = pl.read_csv(
                content, separator=separator, infer_schema=False, null_values=list(NULLS)
            )
            return texts.select(
                _parsed_column(column, declared_types.get(column.name)) for column in texts
            )
        case ".parquet":
            return pl.read_parquet(content)
        case ".ndjson" | ".jsonl":
            return pl.read_ndjson(
                content, schema_overrides=declared_types, infer_schema_length=None
            )
        case ".json":
            return pl.read_json(content, schema_overrides=declared_types, infer_schema_length=None)
    raise ActionError(
        f"'{path.name}' is of no known kind", hint="use .csv, .tsv, .ndjson, .json or .parquet"
    )


def _parsed_column(texts: pl.Series, declared_type: pl.DataType | None) -> pl.Series:
    dtype = declared_type or inferred_type(texts)
    typed = parsed(texts, dtype)
    lost = (typed.is_null() & texts.is_not_null()).arg_true()
    if len(lost):
        row = lost[0]
        raise BadData(
            f"column '{texts.name}', row {row + 1}: '{texts[row]}' is no {to_text(dtype)}"
        )
    return typed
