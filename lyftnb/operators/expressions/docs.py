"""The reference of the dialect, written from the tables that the compiler itself reads."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from lyftnb.operators.expressions.registry import Function, table

OPERATORS: Final[tuple[tuple[str, str, str], ...]] = (
    ("a + b, a - b, a * b", "Whole numbers as BIGINT, others as DOUBLE or DECIMAL.",
     "narrow integers are widened to BIGINT first, so they do not overflow at 32 bits"),
    ("a / b", "Division, always as DOUBLE; by zero it is infinite or NaN.", ""),
    ("a // b", "Division of whole numbers, cut towards zero; by zero the row is rejected.",
     "whole numbers only"),
    ("a % b", "The remainder, with the sign of `a`; by zero the row is rejected.",
     "the smallest BIGINT % -1 is 0; the remainder of fractions is a DOUBLE"),
    ("a ** b, a ^ b", "The power, as DOUBLE.", ""),
    ("a & b, a \\| b, ~a", "Bit by bit, of whole numbers.", ""),
    ("a << n, a >> n", "Bits moved by a constant from 0 to 62; lost bits reject the row.",
     "a negative number may be moved left"),
    ("=, <>, <, <=, >, >=", "Comparison. NaN equals itself and is larger than all numbers.",
     "text and numbers are not compared; a quoted literal is read as the other side's type"),
    ("IS [NOT] DISTINCT FROM", "Comparison in which null equals null.", ""),
    ("AND, OR, NOT", "Logic with three values. The right side cannot reject a row that the left "
     "side has decided.", ""),
    ("IS [NOT] NULL, TRUE, FALSE", "Tests that are never null.", ""),
    ("x [NOT] IN (…), BETWEEN", "Membership and ranges, both ends included.", ""),
    ("LIKE, ILIKE, GLOB, SIMILAR TO, ~", "Patterns, which are constants: `%` and `_`, `*` and `?`, "
     "regular expressions (`~` finds one anywhere).", ""),
    ("a \\|\\| b", "Texts or lists joined; null if either is. Numbers and dates become text.", ""),
    ("CASE", "Both forms. A branch that is not taken cannot reject the row.", ""),
    ("CAST(x AS t), x::t", "A value that cannot be cast rejects the row.",
     "text becomes a whole number only if it is one: '1.5', '1e3', '0x1F' and, for a type without "
     "a sign, '-0' do not; no `_` stands between digits; blanks around a BOOLEAN do not count; "
     "times are read as YYYY-MM-DD [HH:MM[:SS[.ffffff]]], of the years 1 to 9999; 1e-5 is written "
     "0.00001"),
    ("TRY_CAST(x AS t)", "The same, but null.", ""),
    ("l[1], l[2:3], s['a'], s.a", "Elements and slices of lists and texts (from 1; from the end "
     "when negative), fields of structs.", ""),
    ("[a, b], {'a': x}", "A list, a struct.", ""),
    ("INTERVAL 3 DAY", "A span of time, to add to a DATE or TIMESTAMP (which gives a TIMESTAMP) or "
     "to multiply. Days are 24 hours, in UTC.", "months and years must be constants"),
    ("t AT TIME ZONE 'zone'", "See timezone().", ""),
    ("EXTRACT(part FROM t)", "See date_part().", ""),
    ("json ->> '$.a.b'", "See json_extract_string().", ""),
    ("${name \\|\\| default}", "A value of the run, bound as a literal.", "lyftnb's own"),
)  # fmt: skip
"""(form, what it does, how it differs from DuckDB), with `|` escaped for Markdown."""


def function_table() -> str:
    """Operators and functions as Markdown: what they give, an example, how they differ."""
    parts = ["### Operators and forms", "", "| form | | differs from DuckDB |", "|---|---|---|"]
    parts += [f"| `{form}` | {doc} | {note} |" for form, doc, note in OPERATORS]
    for family, functions in groupby(table(), key=lambda f: f.family):
        parts += ["", f"### {family}", "", *_rows(functions)]
    return "\n".join(parts) + "\n"


def _rows(functions: Iterable[Function]) -> list[str]:
    rows = ["| function | gives | | example | differs from DuckDB |", "|---|---|---|---|---|"]
    for f in functions:
        also = f" Also {', '.join(f'`{alias}`' for alias in f.aliases)}." if f.aliases else ""
        cells = (f"`{f.signature}`", f.returns, f.doc + also, f"`{f.example}`", f.note)
        rows.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
    return rows


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
