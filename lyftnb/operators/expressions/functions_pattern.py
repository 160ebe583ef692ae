"""Functions that look into text: regular expressions, JSON paths, digests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import polars as pl

from lyftnb.operators.expressions.matching import checked_regex
from lyftnb.operators.expressions.registry import Call, Family
from lyftnb.operators.expressions.values import BOOLEAN, VARCHAR, Refusal, Value, derived

_PATTERN = Family("Patterns, JSON and digests")


def _flagged(regex: str, options: str | None) -> str:
    known = {"i": "i", "c": "", "s": "s", "m": "m", "n": "m", "l": "", "g": ""}
    flags = ""
    for option in options or "":
        if option not in known:
            raise Refusal(
                f"'{option}' is no option of a regular expression", hint="i, c, s, m or g"
            )
        flags += known[option]
    return f"(?{flags}){checked_regex(regex)}" if flags else checked_regex(regex)


@_PATTERN.scalar(
    "regexp_matches",
    "text:text, regex:text!, options:text?!",
    BOOLEAN,
    "Whether the regular expression is found anywhere in the text.",
    "regexp_matches(path, '^/api/')",
)
def _regexp_matches(text: pl.Expr, regex: str | None, options: str | None = None) -> pl.Expr:
    if regex is None:
        return pl.lit(None, dtype=BOOLEAN)
    return text.str.contains(_flagged(regex, options))


@_PATTERN.scalar(
    "regexp_full_match",
    "text:text, regex:text!, options:text?!",
    BOOLEAN,
    "Whether the regular expression matches the whole text.",
    "regexp_full_match(code, '[A-Z]{3}')",
)
def _regexp_full_match(text: pl.Expr, regex: str | None, options: str | None = None) -> pl.Expr:
    if regex is None:
        return pl.lit(None, dtype=BOOLEAN)
    return text.str.contains(_flagged(f"\\A(?:{regex})\\z", options))


@_PATTERN.scalar(
    "regexp_extract",
    "text:text, regex:text!, group:integer?!",
    VARCHAR,
    "The first match (or a group of it, from 1); '' where there is none.",
    "regexp_extract(line, 'id=(\\d+)', 1)",
)
def _regexp_extract(text: pl.Expr, regex: str | None, group: int | None = 0) -> pl.Expr:
    if regex is None or group is None:
        return pl.lit(None, dtype=VARCHAR)
    if not 0 <= group <= 99:
        raise Refusal(f"a regular expression has no group {group}", hint="groups count from 1")
    found = text.str.extract(_flagged(regex, None), group)
    return pl.when(text.is_not_null()).then(found.fill_null(""))


@_PATTERN.scalar(
    "regexp_replace",
    "text:text, regex:text!, by:text!, options:text?!",
    VARCHAR,
    "The first match replaced (all with option 'g'); `\\1` stands for a group.",
    "regexp_replace(name, '\\s+', ' ', 'g')",
)
def _regexp_replace(
    text: pl.Expr, regex: str | None, by: str | None, options: str | None = None
) -> pl.Expr:
    if regex is None or by is None:
        return pl.lit(None, dtype=VARCHAR)
    pattern = _flagged(regex, options)
    template = re.sub(r"\\(\d)", r"${\1}", by.replace("$", "$$")).replace("\\\\", "\\")
    if "g" in (options or ""):
        return text.str.replace_all(pattern, template)
    return text.str.replace(pattern, template)


def _digest(text: pl.Expr, algorithm: str) -> pl.Expr:
    def hashed(series: pl.Series) -> pl.Series:
        make = getattr(hashlib, algorithm)
        return pl.Series(
            [None if t is None else make(t.encode()).hexdigest() for t in series.to_list()],
            dtype=VARCHAR,
        )

    return text.map_batches(hashed, return_dtype=VARCHAR, is_elementwise=True)


@_PATTERN.scalar("md5", "text:text", VARCHAR, "The MD5 digest in hexadecimal.", "md5('a')")
def _md5(text: pl.Expr) -> pl.Expr:
    return _digest(text, "md5")


@_PATTERN.scalar(
    "sha256", "text:text", VARCHAR, "The SHA-256 digest in hexadecimal.", "sha256('a')"
)
def _sha256(text: pl.Expr) -> pl.Expr:
    return _digest(text, "sha256")


@_PATTERN.function(
    "hash",
    "value:any",
    "UBIGINT",
    "A 64-bit number that spreads values evenly.",
    "hash(id) % 16",
    note="other numbers than DuckDB's, and they may change with Polars",
)
def _hash(args: Sequence[Value], call: Call) -> Value:
    return derived(args[0].expr.hash(seed=0), pl.UInt64(), args[0])


@_PATTERN.scalar(
    "json_extract_string",
    "json:text, path:text!",
    VARCHAR,
    "What stands at a path of a JSON text, as text; null where nothing does. "
    "Also written `json ->> path`.",
    "json_extract_string(body, '$.user.id')",
    note="text that is no JSON gives null; DuckDB stops",
)
def _json_extract_string(json: pl.Expr, path: str | None) -> pl.Expr:
    if path is None:
        return pl.lit(None, dtype=VARCHAR)
    return json.str.json_path_match(_checked_path(path))


@lru_cache(maxsize=512)
def _checked_path(path: str) -> str:
    full = path if path.startswith("$") else f"$.{path}"
    spelled = re.sub(r'\."([^"]*)"', r"['\1']", full)
    try:
        pl.select(pl.lit("{}").str.json_path_match(spelled))
    except pl.exceptions.PolarsError:
        raise Refusal(f"'{path}' is no JSON path", hint="a path is $.name.other[0]") from None
    return spelled
