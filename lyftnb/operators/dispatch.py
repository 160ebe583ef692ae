"""Dispatch: which rows of a step go to which port."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lyftnb.dtypes import to_text
from lyftnb.errors import WorkflowError, unknown
from lyftnb.model import DispatchSpec, quoted
from lyftnb.operators.base import HIDDEN, Env, Problems, column_type
from lyftnb.operators.binding import condition, scalar

NO_ROUTE = "no_route"
"""The code of rejects for rows that no case takes."""

_PORT = HIDDEN + "port"


@dataclass(frozen=True, slots=True)
class Routed:
    """The rows of each port, in their order, and those that go nowhere (to the step's rejects)."""

    by_port: dict[str, pl.DataFrame]
    unrouted: pl.DataFrame
    unrouted_positions: pl.Series
    """Where the unrouted rows stand in the split."""


def route(
    frame: pl.DataFrame,
    dispatch: DispatchSpec | None,
    ports: Sequence[tuple[str, str]],
    env: Env,
    split: str,
    first: int = 0,
) -> Routed:
    """Route rows of one split over the ports of a step. Every port keeps the order of rows.

    `clone` gives every row to every port. `round_robin` gives row *i* to port (*b* + *i*) mod *n*,
    where *b* comes from the identity of the split alone, so that a replay routes alike.
    `conditional` takes the first case or condition that holds; null and no match go to `default`,
    or else nowhere. A row on which a condition fails (a CAST) counts as no match of it.

    Args:
        frame: rows of the split, without hidden columns.
        dispatch: how; None stands for `clone`, which is all that one port needs.
        ports: (port, channel), in order.
        env: of the batch, for `${…}` and `now()` in conditions.
        split: the identity of the split: the same text whenever this split is routed.
        first: the place of the first row in its split, which may come in several frames.

    Raises:
        WorkflowError: the field, a port or a condition does not fit.
    """
    names = [port for port, _ in ports]
    if dispatch is None or dispatch.mode == "clone" or not names:
        return _everywhere(frame, names)
    if dispatch.mode == "round_robin":
        number = _round_robin(frame.height, len(names), split, first)
    else:
        number = frame.with_columns(_conditional(dispatch, names, frame.schema, env))[_PORT]
    return _parted(frame, number, names, first)


def _everywhere(frame: pl.DataFrame, names: Sequence[str]) -> Routed:
    return Routed(dict.fromkeys(names, frame), frame.clear(), pl.Series([], dtype=pl.Int64))


def _parted(frame: pl.DataFrame, number: pl.Series, names: Sequence[str], first: int) -> Routed:
    by_port = {name: frame.filter(number == i) for i, name in enumerate(names)}
    if not number.null_count():
        return Routed(by_port, frame.clear(), pl.Series([], dtype=pl.Int64))
    lost = number.is_null()
    return Routed(by_port, frame.filter(lost), lost.arg_true().cast(pl.Int64) + first)


def _round_robin(height: int, ports: int, split: str, first: int) -> pl.Series:
    base = int.from_bytes(hashlib.sha256(split.encode()).digest()[:8], "big") % ports
    return (pl.int_range(first, first + height, eager=True) + base) % ports


def _conditional(
    dispatch: DispatchSpec, names: Sequence[str], schema: pl.Schema, env: Env
) -> pl.Expr:
    """The number of each row's port, null for none, as column `_PORT`."""
    problems = Problems()
    default: int | None = None
    if dispatch.default is not None:
        with problems.at("default"):
            default = _number(dispatch.default, names)
    if dispatch.field is None and not dispatch.when:
        raise WorkflowError("a conditional dispatch needs 'field' with 'cases', or 'when'")
    cases: list[tuple[pl.Expr, int]] = []
    if dispatch.field is not None:
        with problems.at("field"):
            cases += _by_value(dispatch.field, dispatch.cases or {}, names, schema, env)
    for i, case in enumerate(dispatch.when or ()):
        for port, text in case.items():
            with problems.at("when", i, port):
                cases.append((condition(text, schema, env).expr, _number(port, names)))
    problems.raise_any()
    number: pl.Expr = pl.lit(default, dtype=pl.Int32)
    for holds, goal in reversed(cases):
        number = pl.when(holds).then(pl.lit(goal, dtype=pl.Int32)).otherwise(number)
    return number.alias(_PORT)


def _by_value(
    field: str, cases: Mapping[str, str], names: Sequence[str], schema: pl.Schema, env: Env
) -> Iterator[tuple[pl.Expr, int]]:
    if not cases:
        raise WorkflowError("a dispatch by field needs cases", hint="cases: {VALUE: port}")
    dtype = column_type(schema, field)
    if dtype.is_nested():
        raise WorkflowError(
            f"'{field}' is {to_text(dtype)}: its values are not told apart as text",
            hint="dispatch by a plain column",
        )
    value = scalar(f"CAST({quoted(field)} AS VARCHAR)", schema, env).expr
    ports: dict[int, list[str]] = {}
    for text, port in cases.items():
        ports.setdefault(_number(port, names), []).append(text)
    for goal, texts in ports.items():
        # YAML reads true as a boolean, which becomes the text True on its way.
        same = [text.lower() for text in texts] if dtype == pl.Boolean() else texts
        yield value.is_in(same), goal


def _number(port: str, names: Sequence[str]) -> int:
    if port not in names:
        raise unknown("port", port, names)
    return names.index(port)
