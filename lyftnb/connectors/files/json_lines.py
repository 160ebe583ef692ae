"""The exact and slow word on one line of NDJSON: is it a row of these columns, what would the
columns have to be for it to be one, or why it is none.

`decode_ndjson` asks here only about the few lines that its fast path did not take.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lyftnb.connectors.files.decoded import BAD_JSON, BAD_VALUE
from lyftnb.dtypes import HIDDEN, to_text, widened

_INT64 = range(-(2**63), 2**63)
_PYTHON: dict[pl.DataType, type] = {
    pl.Boolean(): bool,
    pl.Int64(): int,
    pl.Float64(): float,
    pl.String(): str,
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Bad:
    """The line is no row of these columns."""

    code: str
    reason: str


class _Refused(ValueError):
    """JSON that the parser takes and we do not."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        # A repeated key with null says nothing new; with a value, one of the two would be lost.
        if key in out and value is not None:
            raise _Refused(f"the key '{key}' appears twice")
        out.setdefault(key, value)
    return out


def _constant(text: str) -> None:
    raise _Refused(f"{text} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Refused(f"the number {text} is out of range")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)


def parse_json(raw: bytes) -> Any:
    """Strict JSON: no repeated keys, no NaN, no lone surrogates.

    Raises:
        ValueError: it is not; the message is a reason for people.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    try:
        value = _DECODER.decode(text.strip(" \t\r\n"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("a lone surrogate in a text") from error
    return value


class Judge:
    """Judges lines in order; `columns` grow with what the good ones need, unless they are fixed.

    Args:
        columns: JSON types by name (`decode_ndjson.wire_type`).
        fixed: the columns may not grow.
    """

    def __init__(self, columns: Mapping[str, pl.DataType], fixed: bool) -> None:
        self.columns = columns
        self.fixed = fixed
        self._plain = _plain(columns)
        self._any_known = bool(columns)

    def judge(self, line: bytes) -> Bad | None:
        """None for a good line (without its newline), else what is wrong with it."""
        try:
            row = parse_json(line)
        except ValueError as error:
            return Bad(BAD_JSON, str(error))
        if not isinstance(row, dict):
            return Bad(BAD_JSON, f"a JSON object was expected, found {_named(row)}")
        grown: dict[str, pl.DataType] = {}
        for name, value in row.items():
            if type(value) is self._plain.get(name) and (type(value) is not int or value in _INT64):
                continue
            if value is None and name not in self.columns and self._any_known:
                continue  # says no more than a missing field, and the fast way cannot see it
            if name not in self.columns and name.startswith(HIDDEN):
                kept = f"field '{name}' begins with '{HIDDEN}', which is kept for lyftnb itself"
                return Bad(BAD_VALUE, kept)
            if name not in self.columns and self.fixed:
                return Bad(BAD_VALUE, f"field '{name}' is not in the schema")
            needed = _needed(value, self.columns.get(name, pl.Null()), self.fixed)
            if isinstance(needed, str):
                return Bad(BAD_VALUE, f"field '{name}': {needed}")
            if name not in self.columns or needed != self.columns[name]:
                grown[name] = needed
        if grown:
            self.columns = {**self.columns, **grown}
            self._plain = _plain(self.columns)
        return None


def _plain(columns: Mapping[str, pl.DataType]) -> dict[str, type]:
    """The Python type that fits each column of a plain type at once."""
    return {name: _PYTHON[dtype] for name, dtype in columns.items() if dtype in _PYTHON}


def _needed(value: Any, known: pl.DataType, fixed: bool) -> pl.DataType | str:
    """The type that the column needs to take the value too, or why there is none."""
    try:
        found = known if _is_large_float(value, known) else _type_of(value)
    except _Refused as error:
        return str(error)
    wide = widened(known, found)
    if wide is None or (fixed and wide != known):
        return f"{to_text(known)} was expected, found {_named(value)}"
    return wide


def _is_large_float(value: Any, known: pl.DataType) -> bool:
    """Whether it is a whole number beyond 64 bits where floats are expected, as the decoder reads
    it there.
    """
    return known == pl.Float64() and type(value) is int and abs(value) <= sys.float_info.max


def _type_of(value: Any) -> pl.DataType:
    if value is None:
        return pl.Null()
    if isinstance(value, bool):
        return pl.Boolean()
    if isinstance(value, int):
        if value not in _INT64:
            raise _Refused(f"{value} does not fit 64 bits")
        return pl.Int64()
    if isinstance(value, float):
        return pl.Float64()
    if isinstance(value, str):
        return pl.String()
    if isinstance(value, dict):
        return pl.Struct({name: _type_of(inner) for name, inner in value.items()})
    return pl.List(_type_of_elements(value))


def _type_of_elements(values: list[Any]) -> pl.DataType:
    wide: pl.DataType = pl.Null()
    for value in values:
        wider = widened(wide, _type_of(value))
        if wider is None:
            raise _Refused(f"a list that mixes {to_text(wide)} and {_named(value)}")
        wide = wider
    return wide


def _named(value: Any) -> str:
    kinds = {bool: "a boolean", int: "an integer", float: "a number", str: "a text"}
    kinds |= {dict: "an object", list: "a list", type(None): "null"}
    shown = json.dumps(value, ensure_ascii=False)
    return f"{kinds[type(value)]} ({shown if len(shown) <= 60 else shown[:57] + '…'})"
