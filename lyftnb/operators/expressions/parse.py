"""Text to tree: one expression of DuckDB's dialect, with `${…}` bound as placeholders.

Function calls stay as they are written (name and arguments): what they mean is said by the table
of functions alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from lyftnb.errors import ExpressionError
from lyftnb.model import PLACEHOLDER, Placeholder

SQL_ACTION = "the `sql` action runs any DuckDB query over the rows"

# Functions whose SQL form has words between the arguments.
_WORDED = ("CAST", "TRY_CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

_REFUSED: tuple[tuple[type[exp.Expression], str], ...] = (
    (exp.Query, "a query is not an expression"),
    (exp.Window, "window functions do not work row by row"),
    (exp.Lambda, "lambdas are not part of the dialect"),
    (exp.Alias, "an expression has no alias"),
    (exp.Block, "expected one expression, found several"),
    (exp.Command, "expected an expression, found a statement"),
    (exp.DDL, "expected an expression, found a statement"),
    (exp.Parameter, "there are no parameters; values come in as ${name}"),
    (exp.Placeholder, "there are no parameters; values come in as ${name}"),
)


class Dialect(DuckDB):  # type: ignore[misc]
    """DuckDB's grammar, but calls keep their names and indexes their numbers."""

    INDEX_OFFSET = 0

    class Parser(DuckDB.Parser):  # type: ignore[misc]
        FUNCTIONS: dict[str, object] = {}
        FUNCTION_PARSERS = {
            name: parser
            for name, parser in DuckDB.Parser.FUNCTION_PARSERS.items()
            if name in _WORDED
        }


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A parsed expression. Trees are shared through the cache: nobody may change one."""

    text: str
    tree: exp.Expression
    placeholders: dict[int, Placeholder]
    """By the offset where they stand."""


def offset_of(node: exp.Expression) -> int | None:
    """Where a node begins in the text, as far as the parser kept it."""
    return min((part.meta["start"] for part in node.walk() if "start" in part.meta), default=None)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse one expression.

    Raises:
        ExpressionError: it is no single expression of the dialect; `offset` says where.
    """
    if not text.strip():
        raise ExpressionError("the expression is empty", text=text, offset=0)
    source, placeholders = _bind_places(text)
    try:
        trees = Dialect().parse(source)
    except ParseError as error:
        raise _syntax_error(text, error) from None
    except (TokenError, RecursionError) as error:
        raise ExpressionError(
            f"the expression cannot be read: {_first_line(error)}",
            hint="look for an unclosed quote or parenthesis",
            text=text,
        ) from None
    if len(trees) != 1 or trees[0] is None:
        raise ExpressionError("expected one expression, found several", text=text)
    _refuse_statements(text, trees[0])
    return Expression(text, trees[0], placeholders)


def columns(text: str) -> frozenset[str]:
    """The columns an expression reads, as it spells them (no schema is needed)."""
    expression = parse(text)
    return frozenset(
        column.parts[0].name
        for column in expression.tree.find_all(exp.Column)
        if column.parts[0].meta.get("start") not in expression.placeholders
    )


def _bind_places(text: str) -> tuple[str, dict[int, Placeholder]]:
    """Put an identifier of the same length in each placeholder's stead, so that offsets hold."""
    if "${" not in text:
        return text, {}
    places: dict[int, Placeholder] = {}
    out = text
    quoted = [match.span() for match in _QUOTED.finditer(PLACEHOLDER.sub(_blank, text))]
    for match in PLACEHOLDER.finditer(text):
        start, end = match.span()
        if any(a < start < b for a, b in quoted):
            raise ExpressionError(
                f"{match[0]} stands inside quotes, where it would be plain text",
                hint=f"a ${{…}} is a value of its own: write 'text' || {match[0]}",
                text=text,
                offset=start,
            )
        places[start] = _placeholder(match[1], text, start)
        out = out[:start] + "v".ljust(end - start, "_") + out[end:]
    return out, places


def _blank(match: re.Match[str]) -> str:
    # A default may hold quotes of its own; they do not open a string outside.
    return "_" * len(match[0])


def _placeholder(body: str, text: str, offset: int) -> Placeholder:
    place = Placeholder.of(body)
    if place is None:
        raise ExpressionError(
            f"'${{{body}}}' names no value",
            hint="write ${run.id}, or ${msg.last || 0} with a fallback",
            text=text,
            offset=offset,
        )
    if place.secret is not None and place.default is not None:
        raise ExpressionError(
            "a secret has no fallback", hint="set the secret instead", text=text, offset=offset
        )
    return place


def _refuse_statements(text: str, tree: exp.Expression) -> None:
    for node in tree.walk():
        for kind, message in _REFUSED:
            if isinstance(node, kind):
                raise ExpressionError(message, hint=SQL_ACTION, text=text, offset=offset_of(node))


def _syntax_error(text: str, error: ParseError) -> ExpressionError:
    found = error.errors[0] if error.errors else {}
    offset = _offset(text, found.get("line"), found.get("col"), found.get("highlight") or "")
    what = str(found.get("description") or _first_line(error)).rstrip(".")
    what = re.sub(r"Required keyword: '\w+' missing for <class .*", "something is missing", what)
    place = f" near '{found['highlight']}'" if found.get("highlight") else ""
    return ExpressionError(
        f"the expression cannot be parsed{place}: {what}",
        hint="expressions are DuckDB SQL, one value each; " + SQL_ACTION,
        text=text,
        offset=offset,
    )


def _offset(text: str, line: int | None, column: int | None, highlight: str) -> int | None:
    """Sqlglot counts lines from 1 and names the column where the token ends."""
    if line is None or column is None:
        return None
    start = sum(len(part) + 1 for part in text.split("\n")[: line - 1])
    return max(0, min(len(text), start + column - max(len(highlight), 1)))


def _first_line(error: Exception) -> str:
    return next(_lines(_ANSI.sub("", str(error))), "it is nested too deeply")


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())
