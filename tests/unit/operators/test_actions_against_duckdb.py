"""Actions held against DuckDB on the same rows, nulls and edge values included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lyftnb.dtypes import to_text
from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, ChainResult, Env

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4, 5, 6],
        "k": ["a", "b", None, "a", "ü", "b"],
        "n": [10, None, -3, 0, 2**40, 10],
        "x": [1.5, -0.0, None, 2.5, 1e300, float("inf")],
        "t": ["12", "x", None, "-7", "", " 5 "],
        "d": [
            date(2024, 2, 29),
            None,
            date(1969, 12, 31),
            date(2024, 3, 1),
            None,
            date(2000, 1, 1),
        ],
        "ts": [datetime(2024, 2, 29, 23, 59, 59, 999999), None, *[datetime(2024, 3, 1)] * 4],
        "l": [[1, 2], [], None, [3], [None], [4, 4]],
        "s": [
            {"p": 1, "q": {"r": "a"}},
            {"p": None, "q": None},
            None,
            *[{"p": 2, "q": {"r": None}}] * 3,
        ],
    }
)
TABLE = pl.DataFrame({"code": ["a", "b", "a", None], "name": ["old", "bee", "new", "nobody"]})

CASES: dict[str, tuple[Any, str]] = {
    "filter": ({"filter": "n > 0 OR k IS NULL"}, "SELECT * FROM rows WHERE n > 0 OR k IS NULL"),
    "derive": (
        {"derive": {"y": "n * 2", "z": "y + 1", "k": "upper(k)"}},
        "SELECT id, upper(k) AS k, n, x, t, d, ts, l, s, n * 2 AS y, n * 2 + 1 AS z FROM rows",
    ),
    "select names": ({"select": ["x", "id"]}, "SELECT x, id FROM rows"),
    "select exprs": (
        {"select": {"n": "id", "id": "n", "one": 1}},
        "SELECT id AS n, n AS id, 1::BIGINT AS one FROM rows",
    ),
    "select a constant": ({"select": {"one": 1}}, "SELECT 1::BIGINT AS one FROM rows"),
    "rename": (
        {"rename": {"n": "x", "x": "n"}},
        "SELECT id, k, n AS x, x AS n, t, d, ts, l, s FROM rows",
    ),
    "remove": ({"remove": ["^[dls]$", "ts"]}, "SELECT id, k, n, x, t FROM rows"),
    "cast": (
        {"cast": {"n": "DOUBLE", "d": "TIMESTAMP", "id": "VARCHAR"}},
        "SELECT id::VARCHAR AS id, k, n::DOUBLE AS n, x, t, d::TIMESTAMP AS d, ts, l, s FROM rows",
    ),
    "fill": (
        {"fill": {"k": "none", "n": 7, "d": "2020-01-01"}},
        "SELECT id, coalesce(k, 'none') AS k, coalesce(n, 7) AS n, x, t,"
        " coalesce(d, DATE '2020-01-01') AS d, ts, l, s FROM rows",
    ),
    "fill forward": (
        {"fill": {"forward": ["k", "d"]}},
        "SELECT id, last_value(k IGNORE NULLS) OVER w AS k, n, x, t,"
        " last_value(d IGNORE NULLS) OVER w AS d, ts, l, s FROM rows"
        " WINDOW w AS (ORDER BY id ROWS UNBOUNDED PRECEDING)",
    ),
    "fill both ways, by key": (
        {"fill": {"forward": ["d", "n"], "backward": ["x", "n"], "by": ["k"]}},
        "SELECT id, k, coalesce(last_value(n IGNORE NULLS) OVER before,"
        " first_value(n IGNORE NULLS) OVER after) AS n,"
        " first_value(x IGNORE NULLS) OVER after AS x, t,"
        " last_value(d IGNORE NULLS) OVER before AS d, ts, l, s FROM rows"
        " WINDOW before AS (PARTITION BY k ORDER BY id ROWS UNBOUNDED PRECEDING),"
        " after AS (PARTITION BY k ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
        " ORDER BY id",
    ),
    "explode": (
        {"explode": {"columns": "l", "empty": "drop"}},
        "SELECT id, k, n, x, t, d, ts, unnest(l) AS l, s FROM rows",
    ),
    "unnest": (
        {"unnest": {"columns": "s", "prefix": "s_"}},
        "SELECT id, k, n, x, t, d, ts, l, s.p AS s_p, s.q AS s_q FROM rows",
    ),
    "flatten": (
        {"flatten": {}},
        "SELECT id, k, n, x, t, d, ts, l, s.p AS s_p, s.q.r AS s_q_r FROM rows",
    ),
    "lookup": (
        {"lookup": {"table": "names", "on": {"k": "code"}, "add": ["name"]}},
        "SELECT rows.*, name FROM rows LEFT JOIN (VALUES ('a', 'new'), ('b', 'bee')) t(code, name)"
        " ON k = code ORDER BY id",
    ),
    "lookup or drop": (
        {"lookup": {"table": "names", "on": {"k": "code"}, "add": ["name"], "missing": "drop"}},
        "SELECT rows.*, name FROM rows JOIN (VALUES ('a', 'new'), ('b', 'bee')) t(code, name)"
        " ON k = code ORDER BY id",
    ),
    **{
        f"join {how}": (
            {"join": {"right": "names", "how": how, "on": {"k": "code"}}},
            f"SELECT rows.*, name FROM rows {how} JOIN names ON k = code ORDER BY id, name DESC",
        )
        for how in ("inner", "left")
    },
    "join anti": (
        {"join": {"right": "names", "how": "anti", "on": {"k": "code"}}},
        "SELECT * FROM rows WHERE NOT coalesce(k IN ('a', 'b'), false)",
    ),
    "aggregate": (
        {
            "aggregate": {
                "by": {"key": "k", "big": "n > 5"},
                "compute": {
                    "rows": "count(*)",
                    "ns": "count(n)",
                    "top": "max(x)",
                    "mean": "avg(n)",
                },
            }
        },
        "SELECT k AS key, n > 5 AS big, count(*) AS rows, count(n) AS ns, max(x) AS top,"
        " avg(n) AS mean FROM rows GROUP BY ALL ORDER BY min(id)",
    ),
    "aggregate all": (
        {"aggregate": {"compute": {"rows": "count(*)", "first": "min(d)"}}},
        "SELECT count(*) AS rows, min(d) AS first FROM rows",
    ),
    "sort": (
        {"sort": ["k", "-n"]},
        "SELECT * FROM rows ORDER BY k NULLS LAST, n DESC NULLS LAST, id",
    ),
    "limit": ({"limit": {"rows": 2, "offset": 3}}, "SELECT * FROM rows LIMIT 2 OFFSET 3"),
    "distinct": (
        {"distinct": {"on": "k"}},
        "SELECT * FROM rows QUALIFY row_number() OVER (PARTITION BY k ORDER BY id) = 1 ORDER BY id",
    ),
    "hash": (
        {"hash": {"columns": ["k", "n"], "salt": "'s"}},
        "SELECT id, sha256('''s' || k) AS k, sha256('''s' || n) AS n, x, t, d, ts, l, s FROM rows",
    ),
    "mask": (
        {"mask": {"columns": "t", "keep": 1, "character": "$"}},
        "SELECT id, k, n, x, repeat('$', greatest(length(t) - 1, 0)) || right(t, 1) AS t,"
        " d, ts, l, s FROM rows",
    ),
    "time": (
        {"time": {"field": "ts", "zone": "America/New_York", "truncate": "1h"}},
        "SELECT id, k, n, x, t, d, date_trunc('hour', timezone('America/New_York', ts)) AS ts,"
        " l, s FROM rows",
    ),
    "sql": (
        {"sql": "SELECT k, sum(id) AS total FROM batch GROUP BY k ORDER BY total, k"},
        "SELECT k, sum(id)::BIGINT AS total FROM rows GROUP BY k ORDER BY total, k",
    ),
    "sql join": (
        {"sql": "SELECT id, name FROM batch JOIN names ON k = code ORDER BY ALL"},
        "SELECT id, name FROM rows JOIN names ON k = code ORDER BY ALL",
    ),
}


def _run(spec: Any, frame: pl.DataFrame = ROWS) -> ChainResult:
    chain = Chain(frame.lazy(), frame.schema, Env(tables={"names": TABLE.lazy()}))
    chain.step("s", [ActionSpec.model_validate(spec)], "reject", ["a"])
    planned = chain.schema
    result = chain.collect()
    assert result.schema == planned, "the schema that validation sees is the one that comes out"
    return result


@pytest.mark.parametrize(("spec", "query"), CASES.values(), ids=CASES)
def test_agrees_with_duckdb(spec: Any, query: str) -> None:
    with _seeing(rows=ROWS, names=TABLE) as connection:
        expected = pl.from_arrow(connection.sql(query).to_arrow_table())
    result = _run(spec)
    assert isinstance(expected, pl.DataFrame)
    assert result.frame.columns == expected.columns
    assert result.frame.rows() == expected.rows()
    assert result.rejects.is_empty()


WHOLE = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(WHOLE, min_size=1, max_size=8))
@example([2**63 - 1, 1 - 2**63, 3])
def test_a_mean_of_large_whole_numbers_is_exact_but_for_its_last_bit(numbers: list[int]) -> None:
    frame = pl.DataFrame({"n": [*numbers, None]}, schema={"n": pl.Int64})
    means = {"all": "avg(n)", "once": "avg(DISTINCT n)", "none": "avg(n) FILTER (n IS NULL)"}
    (found,) = _run({"aggregate": {"compute": means}}, frame).frame.rows()
    # DuckDB's own differ in that bit: it sums up DISTINCT in another way.
    (theirs,) = _asked("SELECT avg(n), avg(DISTINCT n) FROM frame", frame)
    assert found[:2] == pytest.approx(theirs, rel=2**-51, abs=0)
    assert found[2] is None


NUMBERS = st.sampled_from([None, 1.0, 2.0, -0.0, 0.0, float("nan"), float("-inf")])
LISTS = st.none() | st.lists(NUMBERS, max_size=3)


@given(
    st.lists(st.fixed_dictionaries({"l": LISTS, "s": st.lists(LISTS, max_size=2)}) | st.none()),
    st.booleans(),
    st.sampled_from(["first", "last"]),
)
def test_nested_values_are_sorted_as_duckdb_sorts_them(
    values: list[Any], down: bool, nulls: str
) -> None:
    kind = pl.Struct({"l": pl.List(pl.Float64), "s": pl.List(pl.List(pl.Float64))})
    frame = pl.DataFrame({"v": values}, schema={"v": kind}).with_row_index("i")
    found = _run({"sort": {"by": "-v" if down else "v", "nulls": nulls}}, frame).frame
    order = f"v {'DESC' if down else 'ASC'} NULLS {nulls}, i"
    assert found.select("i").rows() == _asked(f"SELECT i FROM frame ORDER BY {order}", frame)


def _asked(query: str, frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    with _seeing(frame=frame) as connection:
        return connection.sql(query).fetchall()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    # To open one takes ten times as long as a query.
    database = duckdb.connect()
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    return database


@contextmanager
def _seeing(**frames: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    with _database().cursor() as connection:
        for name, frame in frames.items():
            connection.register(name, frame.to_arrow())
        yield connection


@pytest.mark.parametrize("action", CASES.values(), ids=CASES)
def test_takes_no_rows(action: tuple[Any, str]) -> None:
    made = _run(action[0], ROWS.clear())
    assert made.frame.height == (1 if action[0] == CASES["aggregate all"][0] else 0)


def test_values_that_do_not_fit_their_type_are_rejected() -> None:
    result = _run({"cast": {"t": "BIGINT"}})
    assert result.frame["t"].to_list() == [12, None, -7, 5]
    assert result.rejects["code"].to_list() == ["cast_failed"] * 2
    assert result.rejects["position"].to_list() == [1, 4]


def test_rows_that_find_nothing_are_rejected_if_wished() -> None:
    lookup = {"table": "names", "on": {"k": "code"}, "add": ["name"], "missing": "reject"}
    result = _run({"lookup": lookup})
    assert result.frame["name"].to_list() == ["new", "bee", "new", "bee"]
    assert result.rejects["position"].to_list() == [2, 4]


def test_a_share_is_the_same_however_the_stream_is_cut() -> None:
    frame = pl.DataFrame({"a": range(1000)})
    whole = _run({"sample": 0.3}, frame).frame
    parts = [_run({"sample": 0.3}, frame.slice(i, 100)).frame for i in range(0, 1000, 100)]
    assert whole.equals(pl.concat(parts))
    assert 200 < whole.height < 400
    assert _run({"sample": 1.0}, frame).frame.equals(frame)
    assert _run({"sample": 7}, frame).frame["a"].is_sorted()
    assert _run({"sample": 7}, frame).frame.height == 7


def test_several_lists_explode_side_by_side() -> None:
    frame = pl.DataFrame({"a": [[1, 2], [], None], "b": [["x"], ["y"], None]})
    result = _run({"explode": ["a", "b"]}, frame)
    assert result.frame.rows() == [(1, "x"), (2, None), (None, "y"), (None, None)]


@pytest.mark.parametrize(
    ("params", "values", "expected"),
    [
        ({"formats": "unix"}, [0, -1], [datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59)]),
        ({"formats": "unix_ms"}, ["1500", "x"], [datetime(1970, 1, 1, 0, 0, 1, 500000)]),
        ({"zone": "Europe/Berlin"}, ["2024-10-27 02:30"], [datetime(2024, 10, 27, 0, 30)]),
        ({"zone": "Europe/Berlin"}, ["2024-03-31 02:30"], []),
        ({"zone": "Europe/Berlin"}, ["2024-03-31T02:30+05:30"], [datetime(2024, 3, 30, 21)]),
        ({"formats": ["%d/%m/%Y", "iso"]}, ["1/2/2024", "2024-02-03"],
         [datetime(2024, 2, 1), datetime(2024, 2, 3)]),
        ({"truncate": "1w"}, [date(2024, 2, 29)], [datetime(2024, 2, 26)]),
    ],
)  # fmt: skip
def test_reads_times(params: Any, values: list[Any], expected: list[datetime]) -> None:
    result = _run({"time": {"field": "v", **params}}, pl.DataFrame({"v": values}))
    assert result.frame["v"].dt.replace_time_zone(None).to_list() == expected
    assert result.rejects["code"].to_list() == ["bad_time"] * (len(values) - len(expected))


@pytest.mark.parametrize(("value", "kind"), [(0, "BIGINT"), (1.5, "DOUBLE"), ("a", "VARCHAR")])
def test_a_column_of_nulls_takes_the_type_of_what_fills_it(value: Any, kind: str) -> None:
    frame = pl.DataFrame({"v": [None, None]})
    result = _run({"fill": {"v": value}}, frame)
    assert result.frame["v"].to_list() == [value, value]
    assert to_text(result.schema["v"]) == kind


SPARSE = st.none() | st.integers(0, 9)


@given(st.lists(st.tuples(SPARSE, SPARSE), max_size=12))
def test_filling_forward_agrees_with_duckdb(values: list[tuple[int | None, int | None]]) -> None:
    schema = {"a": pl.Int64, "b": pl.Int64}
    frame = pl.DataFrame(values, schema=schema, orient="row").with_row_index("i")
    found = _run({"fill": {"forward": ["a"], "values": {"a": -1, "b": -2}}}, frame).frame
    last = "coalesce(last_value(a IGNORE NULLS) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING), -1)"
    assert found.rows() == _asked(f"SELECT i, {last}, coalesce(b, -2) FROM frame ORDER BY i", frame)


@given(st.lists(st.tuples(SPARSE, SPARSE, st.none() | st.integers(0, 2)), max_size=12))
def test_filling_by_key_agrees_with_duckdb(
    values: list[tuple[int | None, int | None, int | None]],
) -> None:
    schema = {"a": pl.Int64, "b": pl.Int64, "k": pl.Int64}
    frame = pl.DataFrame(values, schema=schema, orient="row").with_row_index("i")
    params = {"forward": ["a"], "backward": ["a", "b"], "by": "k", "values": {"b": -1}}
    found = _run({"fill": params}, frame).frame
    window = "(PARTITION BY k ORDER BY i ROWS BETWEEN {} AND {})"
    before = window.format("UNBOUNDED PRECEDING", "CURRENT ROW")
    after = window.format("CURRENT ROW", "UNBOUNDED FOLLOWING")
    a = f"coalesce(last_value(a IGNORE NULLS) OVER {before}, "
    a += f"first_value(a IGNORE NULLS) OVER {after})"
    b = f"coalesce(first_value(b IGNORE NULLS) OVER {after}, -1)"
    assert found.rows() == _asked(f"SELECT i, {a}, {b}, k FROM frame ORDER BY i", frame)


def test_columns_may_be_called_as_parameters_are() -> None:
    frame = pl.DataFrame({"by": ["x", None], "backward": [None, 2]})
    assert _run({"fill": {"by": "y"}}, frame).frame["by"].to_list() == ["x", "y"]
    assert _run({"fill": {"by": "y", "backward": 1}}, frame).frame["backward"].to_list() == [1, 2]
