"""Parsing, checking and running expressions: places, hints, placeholders, failures, determinism."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from lyftnb.errors import ExpressionError
from lyftnb.operators.base import Env
from lyftnb.operators.expressions import Compiled, columns, compile, parse

FRAME = pl.DataFrame(
    {
        "i": [1, 2, None],
        "big": [2**63 - 1, 1, None],
        "small": pl.Series([2**31 - 1, 1, None], dtype=pl.Int32),
        "s": ["1", "x", None],
        "Name": ["a", "b", None],
        "st": [{"a": {"b": 1}}] * 3,
        "ts": [datetime(2024, 1, 1)] * 3,
        "__lyft_reject": pl.Series([None] * 3, dtype=pl.Int32),
    }
)
ENV = Env(now=datetime(2024, 2, 29, 23, 0, tzinfo=UTC), variables={"run.id": "r-1", "msg.n": 2})


def compiled(text: str, env: Env = ENV) -> Compiled:
    return compile(text, FRAME.schema, env)


def values(text: str, env: Env = ENV) -> list[object]:
    return FRAME.lazy().select(compiled(text, env).expr.alias("r")).collect()["r"].to_list()


def failed(text: str) -> dict[str, list[int]]:
    """Reason code → the rows that failed by it."""
    out: dict[str, list[int]] = {}
    for failure in compiled(text).failures:
        rows = FRAME.lazy().select(failure.expr.fill_null(False).arg_true().alias("r")).collect()
        out.setdefault(failure.reason.code, []).extend(rows["r"].to_list())
    return {code: rows for code, rows in out.items() if rows}


REFUSED = [
    # (text, offset, part of the message, part of the hint)
    ("nmae = 'a'", 0, "unknown column 'nmae'", "did you mean 'Name'?"),
    ("i + zz", 4, "unknown column 'zz'", "there is: i, big"),
    ('i = "five"', 4, "unknown column 'five'", "a text stands in single quotes: 'five'"),
    ("__lyft_reject", 0, "unknown column", "there is"),
    ("lenght(s)", 0, "unknown function lenght()", "did you mean length()?"),
    ("i > 0 AND frobnicate(s)", 10, "unknown function", "`sql` action"),
    ("s + 1", 0, "+ needs numbers, found VARCHAR + BIGINT", "CAST"),
    ("s > 5", 0, "cannot compare VARCHAR with BIGINT", "CAST"),
    ("i > 'five'", 0, "'five' is no BIGINT", ""),
    ("i AND TRUE", 0, "AND needs a condition, found BIGINT", "i"),
    ("CASE WHEN i THEN 1 END", 10, "WHEN needs a condition", ""),
    ("SELECT 1", 7, "a query is not an expression", "`sql` action"),
    ("i IN (SELECT 1)", 13, "a query is not an expression", "`sql` action"),
    ("sum(i) OVER ()", 0, "window functions", "`sql` action"),
    ("list_filter([i], x -> x > 1)", 17, "lambdas", "`sql` action"),
    ("i, big", 1, "cannot be parsed", "one value each"),
    ("i +", 2, "cannot be parsed", "DuckDB SQL"),
    ("'open", None, "cannot be read", "unclosed"),
    ("", 0, "empty", ""),
    ("left(s)", 0, "left() takes 2 arguments, found 1", "left(text, count)"),
    ("abs(s)", 0, "abs() needs a number for 'x', found VARCHAR", "abs(-5)"),
    ("s LIKE Name", 0, "constant pattern", "contains"),
    ("regexp_matches(s, '(')", 0, "no regular expression", ""),
    ("regexp_extract(s, 'a', -1)", 0, "no group -1", "from 1"),
    ("json_extract_string(s, '$.[')", 0, "no JSON path", "$.name"),
    ("DATE '2024-02-30'", None, "'2024-02-30' is no DATE", "TRY_CAST"),
    ("i::colour", 0, "unknown type", ""),
    ("st.a.c", 0, "no field 'c'", "there is: b"),
    ("i.x", 0, "no fields", ""),
    ("ts > INTERVAL 1 MONTH", 0, "cannot compare", ""),
    ("coalesce(INTERVAL 1 MONTH)", 0, "INTERVAL of months", "no fixed length"),
    ("ts AT TIME ZONE 'Europe/Berlim'", 0, "no time zone", "'Europe/Berlin'"),
    ("i + count(*)", 0, "beside an aggregate", "first(i)"),
    ("sum(count(*))", 0, "aggregate within an aggregate", ""),
    ("lower(DISTINCT s)", 0, "no aggregate", ""),
    ("sum(i)::TINYINT", 0, "behind an aggregate", "TRY_CAST"),
    ("'id ${run.id}'", 4, "stands inside quotes", "'text' || ${run.id}"),
    ("${run.idd}", 0, "has no value", "did you mean ${run.id}?"),
    ("${secret.a/b || 'x'}", 0, "a secret has no fallback", ""),
    ("(" * 2000 + "i" + ")" * 2000, None, "", ""),
    ("i" + " + 1" * 5000, None, "nested too deeply", "split"),
]


@pytest.mark.parametrize(("text", "offset", "message", "hint"), REFUSED)
def test_mistakes_are_placed_and_explained(
    text: str, offset: int | None, message: str, hint: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compiled(text)
    error = caught.value
    assert message in error.message
    assert hint in (error.hint or "")
    assert error.facts["text"] == text
    if offset is not None:
        assert error.facts["offset"] == offset


def test_a_parsed_expression_is_kept() -> None:
    assert parse("i + 1") is parse("i + 1")


def test_columns_are_known_without_a_schema() -> None:
    assert columns('a + b.c * f("D e", ${x.y}) - "${z}"[1]'.replace('"${z}"', "g")) == {
        "a",
        "b",
        "D e",
        "g",
    }


def test_a_compiled_expression_says_what_it_reads_and_gives() -> None:
    row_wise = compiled("name || st.a.b")
    assert row_wise.columns == {"Name", "st"}
    assert row_wise.dtype == pl.String()
    assert not row_wise.aggregate
    grouped = compiled("sum(i) FILTER (WHERE s = 'x') + count(*)")
    assert grouped.aggregate
    assert grouped.columns == {"i", "s"}


def test_placeholders_are_literals_of_their_type() -> None:
    assert values("${run.id} = 'r-1' AND ${msg.n} = 2") == [True]
    assert values("i * ${msg.n}") == [2, 4, None]
    assert values("${msg.x || 7} + 1") == [8]
    assert values("${msg.x || 'a || b'}") == ["a || b"]
    evil = Env(variables={"msg.t": "' OR 1=1 --"})
    assert values("s = ${msg.t}", evil) == [False, False, None]


def test_checking_lets_values_of_the_run_be_anything() -> None:
    checking = Env(checking=True)
    for text in ("i > ${msg.n}", "s = ${msg.n}", "ts > ${run.window_start}", "i + ${msg.n}"):
        assert compile(text, FRAME.schema, checking).dtype in (pl.Boolean(), pl.Int64())


def test_checking_takes_a_secret_for_text_that_nobody_has_read() -> None:
    """As when it runs: it is text, and meets other types as a quoted literal does."""
    texts = ("length(${secret.a/b})", "${secret.a/b} || s", "i > ${secret.a/b}",
             "ts > ${secret.a/b}", "coalesce(i, ${secret.a/b})")  # fmt: skip
    for text in texts:
        checked = compile(text, FRAME.schema, Env(checking=True)).dtype
        value = "2024-01-01" if text.startswith("ts") else "7"
        assert compile(text, FRAME.schema, Env(variables={"secret.a/b": value})).dtype == checked
    with pytest.raises(ExpressionError, match="needs"):
        compile("year(${secret.a/b})", FRAME.schema, Env(checking=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("big + 1", {"integer_overflow": [0]}),
        ("big * i + 1", {"integer_overflow": [0]}),
        ("i // (i - 1)", {"division_by_zero": [0]}),
        ("s::BIGINT", {"cast_failed": [1]}),
        ("TRY_CAST(s AS BIGINT)", {}),
        ("strptime(s, '%Y')", {"cast_failed": [1]}),
        ("make_date(2023, i, 30)", {"cast_failed": [1]}),
        ("ts::DATE + big", {"time_out_of_range": [0]}),
        ("ts + INTERVAL (big) DAY", {"time_out_of_range": [0]}),
        ("epoch_ms(big)", {"integer_overflow": [0]}),
        # A branch that is not taken cannot fail.
        ("CASE WHEN s = 'x' THEN 0 ELSE s::BIGINT END", {}),
        ("CASE WHEN s = '1' THEN 0 ELSE s::BIGINT END", {"cast_failed": [1]}),
        ("CASE s::BIGINT WHEN 1 THEN 0 END", {"cast_failed": [1]}),
        ("if(s <> 'x', s::BIGINT, 0)", {}),
        ("coalesce(i, s::BIGINT)", {}),
        ("coalesce(NULL, s::BIGINT)", {"cast_failed": [1]}),
        ("s <> 'x' AND s::BIGINT = 1", {}),
        ("s = 'x' OR s::BIGINT = 1", {}),
        ("s::BIGINT = 1 AND s <> 'x'", {"cast_failed": [1]}),
        ("sum(big + 1) FILTER (WHERE i > 1)", {}),
        ("sum(big + 1)", {"integer_overflow": [0]}),
    ],
)
def test_rows_fail_where_they_must(text: str, expected: dict[str, list[int]]) -> None:
    assert failed(text) == expected


@pytest.mark.parametrize(
    "text",
    ["small + small", "small * small + 1", "count(*) * 1000", "i::DOUBLE", "i / 0", "length(s) + 1",
     "year(ts) * 10000", "i % 7", "s = '1'", "abs(small)", "small::BIGINT", "i // 2"],
)  # fmt: skip
def test_what_cannot_fail_is_not_checked(text: str) -> None:
    assert compiled(text).failures == ()


def test_a_sum_that_does_not_fit_stops_instead_of_wrapping() -> None:
    frame = pl.DataFrame({"x": [2**63 - 1, 1]})
    total = compile("sum(x)", frame.schema, ENV)
    with pytest.raises(pl.exceptions.PolarsError):
        frame.lazy().select(total.expr).collect()


def test_now_and_today_are_those_of_the_claim() -> None:
    assert values("now()") == [ENV.now]
    assert values("current_date") == [date(2024, 2, 29)]


def test_random_repeats_for_a_retry_and_differs_otherwise() -> None:
    frame = pl.DataFrame({"i": range(1000)})

    def drawn(env: Env, text: str = "random()") -> list[float]:
        expr = compile(text, frame.schema, env).expr
        return frame.lazy().with_columns(expr.alias("r")).collect()["r"].to_list()

    first = drawn(Env(seed=1))
    assert first == drawn(Env(seed=1))
    assert first != drawn(Env(seed=2))
    assert first != drawn(Env(seed=1, split=1))
    assert first != drawn(Env(seed=1), "random() + 0")
    assert all(0 <= x < 1 for x in first)
    assert 0.45 < sum(first) / len(first) < 0.55


def test_hashes_and_estimates() -> None:
    assert values("hash(s) = hash(s) AND hash(s) <> hash('y')")[:2] == [True, True]
    frame = pl.DataFrame({"x": [n % 500 for n in range(5000)]})
    estimate = compile("approx_count_distinct(x)", frame.schema, ENV)
    assert 450 < frame.lazy().select(estimate.expr).collect().item() < 550


def test_foreign_types_become_those_of_the_dialect() -> None:
    frame = pl.DataFrame(
        {
            "ns": pl.Series([datetime(2024, 7, 1, 2)], dtype=pl.Datetime("ns")),
            "ny": pl.Series([datetime(2024, 7, 1, 2, tzinfo=UTC)]).dt.convert_time_zone(
                "America/New_York"
            ),
            "kind": pl.Series(["a"], dtype=pl.Categorical),
            "pair": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)),
        }
    )
    for text, expected in (
        ("ns + INTERVAL 1 HOUR", datetime(2024, 7, 1, 3)),
        ("hour(ny)", 2),  # parts of an instant are those in UTC
        ("ny AT TIME ZONE 'America/New_York'", datetime(2024, 6, 30, 22)),
        ("kind || '!'", "a!"),
        ("pair[2]", 2),
    ):
        bound = compile(text, frame.schema, ENV)
        out = frame.lazy().select(bound.expr.alias("r")).collect()
        assert out.item() == expected
        assert out.schema["r"] == bound.dtype


OPERANDS = ["NULL", "i", "small", "s", "1.5", "ts", "ts::DATE", "st", "[i]", "[]", "TRUE", "'a'",
            "i::DECIMAL(9,2)", "INTERVAL 1 DAY", "INTERVAL 1 MONTH", "ts - ts"]  # fmt: skip


@pytest.mark.parametrize("symbol", ["+", "-", "*", "//", "%", "=", "<", "AND", "||", "IN", "LIKE"])
def test_any_mixture_of_types_works_or_is_refused(symbol: str) -> None:
    exprs = []
    for left in OPERANDS:
        for right in OPERANDS:
            try:
                found = compiled(f"({left}) {symbol} ({right})")
            except ExpressionError:
                continue
            exprs.append((found.expr, found.dtype))
            exprs += [(failure.expr, pl.Boolean()) for failure in found.failures]
    out = FRAME.lazy().with_columns(e.alias(f"r{n}") for n, (e, _) in enumerate(exprs)).collect()
    assert [out.schema[f"r{n}"] for n in range(len(exprs))] == [dtype for _, dtype in exprs]


TARGETS = ["BOOLEAN", "TINYINT", "DOUBLE", "DECIMAL(9,2)", "VARCHAR", "DATE", "TIMESTAMP",
           "INTERVAL", "BIGINT[]", "STRUCT(a INT)"]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_any_cast_works_or_is_refused(target: str) -> None:
    for operand in OPERANDS:
        try:
            found = compiled(f"TRY_CAST(({operand}) AS {target})")
        except ExpressionError:
            continue
        out = FRAME.lazy().with_columns(found.expr.alias("r")).collect()
        assert out.schema["r"] == found.dtype, operand


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-02-29 23:30:00-05", date(2024, 2, 29)),
        ("2024-02-29T10:00", date(2024, 2, 29)),
        ("2024-02-29 25:00:00", None),
        ("2024-02-29 10:61", None),
    ],
)
def test_a_date_has_no_time_behind_it_that_there_is_not(text: str, day: date | None) -> None:
    frame = pl.DataFrame({"s": [text]})
    assert frame.select(compile("TRY_CAST(s AS DATE)", frame.schema, Env()).expr).item() == day
