"""Functions over text. Lengths and positions count characters (code points), positions from 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from lyftnb.operators.expressions import containers
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.values import (
    BIGINT,
    BOOLEAN,
    VARCHAR,
    Refusal,
    Value,
    derived,
)

_TEXT = Family("Text")
_LIST = pl.List(pl.String())
# What goes where nothing is named: Unicode's spaces, but neither tabs nor newlines, as in DuckDB.
_SPACES = " \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@_TEXT.scalar(
    "lower",
    "text:text",
    VARCHAR,
    "In lower case.",
    "lower('ABC')",
    aliases=("lcase",),
    note="by Unicode's full rules: lower('İ') has two characters",
)
def _lower(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase()


@_TEXT.scalar(
    "upper",
    "text:text",
    VARCHAR,
    "In upper case.",
    "upper('abc')",
    aliases=("ucase",),
    note="by Unicode's full rules: upper('ß') is 'SS'",
)
def _upper(text: pl.Expr) -> pl.Expr:
    return text.str.to_uppercase()


@_TEXT.function(
    "length",
    "value:any",
    "BIGINT",
    "Characters of a text, or elements of a list.",
    "length('né')",
    aliases=("len", "char_length", "character_length"),
)
def _length(args: Sequence[Value], call: Call) -> Value:
    value = args[0]
    if isinstance(value.dtype, pl.List):
        count = value.expr.list.len()
    elif value.dtype == VARCHAR:
        count = value.expr.str.len_chars()
    else:
        raise Refusal(f"{call.name}() needs text or a list, found {value.type}")
    return derived(count.cast(BIGINT), BIGINT, value, bounds=(0, 2**32))


@_TEXT.scalar("strlen", "text:text", BIGINT, "Bytes of a text in UTF-8.", "strlen('né')")
def _strlen(text: pl.Expr) -> pl.Expr:
    return text.str.len_bytes().cast(BIGINT)


def _characters(given: tuple[Any, ...]) -> str | None:
    return given[0] if given else _SPACES


def _stripped(method: str, text: pl.Expr, given: tuple[Any, ...]) -> pl.Expr:
    characters = _characters(given)
    if characters is None:
        return pl.lit(None, dtype=VARCHAR)
    return getattr(text.str, method)(characters) if characters else text


@_TEXT.scalar(
    "trim",
    "text:text, characters:text?!",
    VARCHAR,
    "Without spaces (or any of the characters) at both ends.",
    "trim('  a ')",
)
def _trim(text: pl.Expr, *characters: str | None) -> pl.Expr:
    return _stripped("strip_chars", text, characters)


@_TEXT.scalar(
    "ltrim",
    "text:text, characters:text?!",
    VARCHAR,
    "Without spaces (or any of the characters) at the start.",
    "ltrim('  a')",
)
def _ltrim(text: pl.Expr, *characters: str | None) -> pl.Expr:
    return _stripped("strip_chars_start", text, characters)


@_TEXT.scalar(
    "rtrim",
    "text:text, characters:text?!",
    VARCHAR,
    "Without spaces (or any of the characters) at the end.",
    "rtrim('a  ')",
)
def _rtrim(text: pl.Expr, *characters: str | None) -> pl.Expr:
    return _stripped("strip_chars_end", text, characters)


@_TEXT.scalar(
    "substring",
    "text:text, start:integer, length:integer?",
    VARCHAR,
    "Characters from `start` on, at most `length`; a negative start counts from the end.",
    "substring('hello', 2, 3)",
    aliases=("substr",),
)
def _substring(text: pl.Expr, start: pl.Expr, length: pl.Expr | None = None) -> pl.Expr:
    first, count = _known_integer(start), None if length is None else _known_integer(length)
    if first is not None and first > 0 and (length is None or (count is not None and count >= 0)):
        # The usual case, ten times as fast: the bounds need not be computed for each row.
        return text.str.slice(first - 1, count)
    size = text.str.len_chars().cast(BIGINT)
    begin = pl.when(start < 0).then(size + start).otherwise(start - 1)
    if length is None:
        return text.str.slice(begin.clip(0))
    # A negative length takes what stands before the start.
    low, high = pl.min_horizontal(begin, begin + length), pl.max_horizontal(begin, begin + length)
    known = text.is_not_null() & start.is_not_null() & length.is_not_null()
    return pl.when(known).then(text.str.slice(low.clip(0), (high.clip(0) - low.clip(0))))


def _known_integer(bound: pl.Expr) -> int | None:
    """The value of a literal; None for what depends on the row, and for null."""
    if not bound.meta.is_literal():
        return None
    value = pl.select(bound).item()
    return int(value) if value is not None else None


@_TEXT.scalar(
    "left",
    "text:text, count:integer",
    VARCHAR,
    "The first characters; all but the last `-count` when negative.",
    "left('hello', 2)",
)
def _left(text: pl.Expr, count: pl.Expr) -> pl.Expr:
    return text.str.head(count)


@_TEXT.scalar(
    "right",
    "text:text, count:integer",
    VARCHAR,
    "The last characters; all but the first `-count` when negative.",
    "right('hello', 2)",
)
def _right(text: pl.Expr, count: pl.Expr) -> pl.Expr:
    return text.str.tail(count)


@_TEXT.scalar(
    "replace",
    "text:text, part:text!, by:text!",
    VARCHAR,
    "Every occurrence of `part` replaced.",
    "replace('aXbX', 'X', '-')",
)
def _replace(text: pl.Expr, part: str | None, by: str | None) -> pl.Expr:
    if part is None or by is None:
        return pl.lit(None, dtype=VARCHAR)
    return text.str.replace_all(part, by, literal=True) if part else text


@_TEXT.scalar(
    "split_part",
    "text:text, separator:text!, number:integer!",
    VARCHAR,
    "The piece of that number, from 1 (from the end when negative); '' where there is none.",
    "split_part('a,b,c', ',', 2)",
)
def _split_part(text: pl.Expr, separator: str | None, number: int | None) -> pl.Expr:
    if separator is None or number is None:
        return pl.lit(None, dtype=VARCHAR)
    if number == 0:
        return pl.when(text.is_not_null()).then(pl.lit(""))
    piece = text.str.split(separator).list.get(
        number - 1 if number > 0 else number, null_on_oob=True
    )
    return pl.when(text.is_not_null()).then(piece.fill_null(""))


@_TEXT.scalar(
    "string_split",
    "text:text, separator:text!",
    _LIST,
    "The pieces between separators.",
    "string_split('a,b', ',')",
    aliases=("split", "str_split", "string_to_array"),
)
def _string_split(text: pl.Expr, separator: str | None) -> pl.Expr:
    if separator is None:
        return pl.lit(None, dtype=_LIST)
    pieces = text.str.split(separator)
    return pieces if separator else pl.when(text != "").then(pieces).otherwise(_none_of(text))


def _none_of(text: pl.Expr) -> pl.Expr:
    return _alone(text).list.head(0)


def _alone(text: pl.Expr) -> pl.Expr:
    return pl.when(text.is_not_null()).then(pl.concat_list(text))


@_TEXT.function(
    "concat",
    "values:any*",
    "VARCHAR",
    "All values as one text; nulls are skipped.",
    "concat(a, '-', b)",
)
def _concat(args: Sequence[Value], call: Call) -> Value:
    if not args:
        raise Refusal("concat() needs at least one value", hint="write concat(a, b)")
    texts = [containers.text(arg) for arg in args]
    return derived(pl.concat_str([t.expr for t in texts], ignore_nulls=True), VARCHAR, *texts)


@_TEXT.function(
    "concat_ws",
    "separator:text!, values:any*",
    "VARCHAR",
    "The values that are not null, with the separator between them.",
    "concat_ws(', ', city, country)",
)
def _concat_ws(args: Sequence[Value], call: Call) -> Value:
    separator, texts = args[0].literal, [containers.text(arg) for arg in args[1:]]
    if not texts:
        raise Refusal("concat_ws() needs values after the separator", hint=call.name + "(', ', a)")
    if separator is None:
        return derived(pl.lit(None, dtype=VARCHAR), VARCHAR, *texts)
    joined = pl.concat_str([t.expr for t in texts], separator=separator, ignore_nulls=True)
    return derived(joined, VARCHAR, *texts)


@_TEXT.function(
    "contains",
    "value:any, part:any",
    "BOOLEAN",
    "Whether a text has `part` in it, or a list the element.",
    "contains('abc', 'b')",
)
def _contains(args: Sequence[Value], call: Call) -> Value:
    return containers.contains(args[0], args[1])


@_TEXT.scalar(
    "starts_with",
    "text:text, part:text",
    BOOLEAN,
    "Whether the text begins with `part`.",
    "starts_with('abc', 'a')",
    aliases=("prefix",),
)
def _starts_with(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    return text.str.starts_with(part)


@_TEXT.scalar(
    "ends_with",
    "text:text, part:text",
    BOOLEAN,
    "Whether the text ends with `part`.",
    "ends_with('abc', 'c')",
    aliases=("suffix",),
)
def _ends_with(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    return text.str.ends_with(part)


@_TEXT.scalar(
    "strpos",
    "text:text, part:text!",
    BIGINT,
    "Where `part` first stands, from 1; 0 if it does not.",
    "strpos('hello', 'l')",
    aliases=("instr", "position"),
)
def _strpos(text: pl.Expr, part: str | None) -> pl.Expr:
    if part is None:
        return pl.lit(None, dtype=BIGINT)
    before = text.str.splitn(part, 2).struct.field("field_0").str.len_chars().cast(BIGINT)
    found = pl.when(text.str.contains(part, literal=True)).then(before + 1).otherwise(0)
    return pl.when(text.is_not_null()).then(found if part else pl.lit(1, dtype=BIGINT))


def _filling(count: int | None, pad: str | None, name: str) -> int:
    if pad == "":
        raise Refusal(f"{name}() needs something to pad with", hint=f"{name}(text, 5, '0')")
    return max(count or 0, 0)


def _padding(text: pl.Expr, count: int, pad: str) -> pl.Expr:
    missing = (pl.lit(count, dtype=BIGINT) - text.str.len_chars().cast(BIGINT)).clip(0)
    return pl.lit((pad * (count // len(pad) + 1))[:count]).str.head(missing)


@_TEXT.scalar(
    "lpad",
    "text:text, count:integer!, pad:text!",
    VARCHAR,
    "Filled up on the left, or cut, to `count` characters.",
    "lpad('7', 3, '0')",
)
def _lpad(text: pl.Expr, count: int | None, pad: str | None) -> pl.Expr:
    if count is None or pad is None:
        return pl.lit(None, dtype=VARCHAR)
    count = _filling(count, pad, "lpad")
    return _padding(text, count, pad) + text.str.head(count)


@_TEXT.scalar(
    "rpad",
    "text:text, count:integer!, pad:text!",
    VARCHAR,
    "Filled up on the right, or cut, to `count` characters.",
    "rpad('7', 3, '0')",
)
def _rpad(text: pl.Expr, count: int | None, pad: str | None) -> pl.Expr:
    if count is None or pad is None:
        return pl.lit(None, dtype=VARCHAR)
    count = _filling(count, pad, "rpad")
    return text.str.head(count) + _padding(text, count, pad)


@_TEXT.scalar(
    "repeat",
    "text:text, count:integer",
    VARCHAR,
    "The text, `count` times over.",
    "repeat('ab', 2)",
)
def _repeat(text: pl.Expr, count: pl.Expr) -> pl.Expr:
    known = text.is_not_null() & count.is_not_null()
    return pl.when(known).then(text.repeat_by(count.clip(0)).list.join(""))


@_TEXT.scalar("reverse", "text:text", VARCHAR, "Backwards.", "reverse('abc')")
def _reverse(text: pl.Expr) -> pl.Expr:
    return text.str.reverse()


@_TEXT.scalar(
    "ascii",
    "text:text",
    BIGINT,
    "The code point of the first character.",
    "unicode('é')",
    aliases=("unicode", "ord"),
    note="0 for the empty text; DuckDB's unicode() gives -1",
)
def _ascii(text: pl.Expr) -> pl.Expr:
    first = text.str.head(1)
    return first.map_batches(
        lambda s: pl.Series(
            [None if c is None else ord(c) if c else 0 for c in s.to_list()], dtype=BIGINT
        ),
        return_dtype=BIGINT,
        is_elementwise=True,
    )
