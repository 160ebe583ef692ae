"""Patterns: LIKE, GLOB, SIMILAR TO, and JSON paths."""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl
from sqlglot import exp

from lyftnb.operators.expressions.coercion import as_type
from lyftnb.operators.expressions.values import BOOLEAN, NULL, VARCHAR, Refusal, Value, derived

_WORD = re.compile(r"\w+")


def like(value: Value, pattern: Value, escape: str | None, *, ignore_case: bool) -> Value:
    """`value LIKE pattern`; simple patterns become plain searches."""
    value, text = _subject(value, pattern, "ILIKE" if ignore_case else "LIKE")
    if text is None:
        return derived(pl.lit(None, dtype=BOOLEAN), BOOLEAN, value)
    plain = None if ignore_case or escape else _plain_search(value.expr, text)
    if plain is not None:
        return derived(plain, BOOLEAN, value)
    flags = "(?is)" if ignore_case else "(?s)"
    regex = f"{flags}\\A{_like_regex(text, escape)}\\z"
    return derived(value.expr.str.contains(regex), BOOLEAN, value)


def glob(value: Value, pattern: Value) -> Value:
    """`value GLOB pattern`: `*`, `?` and `[a-z]`."""
    value, text = _subject(value, pattern, "GLOB")
    if text is None:
        return derived(pl.lit(None, dtype=BOOLEAN), BOOLEAN, value)
    return derived(value.expr.str.contains(f"(?s)\\A{_glob_regex(text)}\\z"), BOOLEAN, value)


def similar(value: Value, pattern: Value) -> Value:
    """`value SIMILAR TO regex`: the whole text matches."""
    value, text = _subject(value, pattern, "SIMILAR TO")
    if text is None:
        return derived(pl.lit(None, dtype=BOOLEAN), BOOLEAN, value)
    regex = checked_regex(text)
    return derived(value.expr.str.contains(f"\\A(?:{regex})\\z"), BOOLEAN, value)


@lru_cache(maxsize=512)
def checked_regex(pattern: str) -> str:
    """The pattern, if the regex engine takes it.

    Raises:
        Refusal: it does not.
    """
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        reason = next((x for x in str(error).splitlines() if x.startswith("error:")), str(error))
        raise Refusal(
            f"'{pattern}' is no regular expression: {reason.removeprefix('error: ')}",
            hint="look-around and back references are not supported",
        ) from None
    return pattern


def json_step(part: exp.Expression) -> str:
    """One step of a JSON path as text: `.name` or `[0]`."""
    if isinstance(part, exp.JSONPathKey):
        name = str(part.this)
        return f".{name}" if _WORD.fullmatch(name) else f'."{name}"'
    if isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int) and part.this >= 0:
        return f"[{part.this}]"
    raise Refusal("the JSON path is too clever", hint="a path is $.name.other[0]")


def _subject(value: Value, pattern: Value, verb: str) -> tuple[Value, str | None]:
    if value.dtype not in (VARCHAR, NULL):
        raise Refusal(
            f"{verb} needs text on its left, found {value.type}", hint="cast it to VARCHAR"
        )
    if not pattern.is_literal or not isinstance(pattern.literal, str | None):
        raise Refusal(
            f"{verb} needs a constant pattern", hint="contains(text, part) takes a column"
        )
    return as_type(value, VARCHAR), pattern.literal


def _plain_search(expr: pl.Expr, pattern: str) -> pl.Expr | None:
    """The search without a regex, for `x`, `x%`, `%x` and `%x%`."""
    inner = pattern.strip("%")
    if "%" in inner or "_" in inner:
        return None
    begins, ends = pattern.startswith("%"), pattern.endswith("%")
    if begins and ends:
        return expr.str.contains(inner, literal=True)
    if ends:
        return expr.str.starts_with(inner)
    return expr.str.ends_with(inner) if begins else expr == inner


def _like_regex(pattern: str, escape: str | None) -> str:
    if escape is not None and len(escape) > 1:
        raise Refusal("ESCAPE takes one character")
    out, taken = [], False
    for char in pattern:
        if taken:
            out.append(re.escape(char))
            taken = False
        elif escape and char == escape:
            taken = True
        else:
            out.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    if taken:
        raise Refusal("the pattern ends in its ESCAPE character")
    return "".join(out)


def _glob_regex(pattern: str) -> str:
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        close = pattern.find("]", at + 2) if char == "[" else -1
        if char == "[" and close > 0:
            inside = pattern[at + 1 : close]
            negated = inside.startswith("!")
            escaped = re.sub(r"([\\\[\]^&~])", r"\\\1", inside[1:] if negated else inside)
            out.append(f"[{'^' if negated else ''}{escaped}]")
            at = close
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        else:
            out.append({"*": ".*", "?": "."}.get(char) or re.escape(char))
        at += 1
    return "".join(out)
