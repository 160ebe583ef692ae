"""SQL for clients: what it sees, and what it must not."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path

import polars as pl
import pytest

from lyftnb.errors import ExpressionError, NotFound, SegmentDamaged, SegmentMissing
from lyftnb.model import Schema, SpoolSpec, StepCount
from lyftnb.store import Ledger, query
from lyftnb.store.sql import STATE_VIEWS
from tests.unit.store.conftest import MakeCommit


@pytest.fixture
def filled(ledger: Ledger, make: MakeCommit) -> Ledger:
    other = SpoolSpec("e.c")
    ledger.commit(
        [
            make(1, pl.DataFrame({"x": [1, 2]}), counts=(StepCount("s", 2, 2),)),
            make(2, pl.DataFrame({"x": [0.5], "s": [{"p": 1}]})),
            make(3, pl.DataFrame({"x": [9]}), spec=other),
            make(4, pl.DataFrame({"y": [9]}), spec=SpoolSpec("d.lone")),
            make(5, spec=SpoolSpec("d.empty", schema=Schema.from_mapping({"z": "DATE"}))),
        ]
    )
    return ledger


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT sum(x), max(s.p) FROM d.c", [(3.5, 1)]),
        ("FROM lone", [(9,)]),
        ("WITH c AS (SELECT 7 AS x) SELECT x FROM c", [(7,)]),
        ("SELECT count(*) FROM spool('d.c', at => 1)", [(2,)]),
        ("SELECT count(*) FROM spool('lone', at => '2026-01-01T00:00:00+00:00')", [(1,)]),
        ("SELECT count(*) FROM spool('lone', at => 3)", [(0,)]),
        ("SELECT a.x FROM e.c a JOIN d.lone b ON a.x = b.y", [(9,)]),
        ("SELECT typeof(z) FROM empty UNION ALL SELECT 'none'", [("none",)]),
        ("SELECT sum(rows)::BIGINT FROM lyftnb.segments WHERE spool = 'd.c'", [(3,)]),
        ("SELECT rows_in FROM lyftnb.steps", [(2,)]),
        ("SELECT column_type FROM (DESCRIBE empty)", [("DATE",)]),
    ],
)
def test_answers(filled: Ledger, text: str, rows: list[tuple[object, ...]]) -> None:
    assert query(filled, text).rows() == rows


def test_types_that_parquet_has_no_word_for(ledger: Ledger, make: MakeCommit) -> None:
    spans = pl.DataFrame({"span": [timedelta(hours=1)], "clock": [time(12)], "none": [None]})
    huge = pl.DataFrame(
        {"n": [2**100], "many": [[2**100]], "span": [timedelta(hours=1)]},
        schema_overrides={"n": pl.Int128, "many": pl.List(pl.Int128)},
    )
    deep = huge.drop("n")
    ledger.commit([make(1, spans), make(2, huge, spec=SpoolSpec("d.huge"))])
    ledger.commit([make(3, deep, spec=SpoolSpec("d.deep"))])
    (row,) = query(ledger, "SELECT epoch(span)::INT, hour(clock), none IS NULL FROM c").rows()
    assert row == (3600, 12, True)
    spans = query(ledger, "SELECT span FROM huge")["span"]
    assert spans[0] == timedelta(hours=1) and spans.dtype == pl.Duration("us")
    assert query(ledger, "SELECT span FROM huge WHERE false")["span"].dtype == pl.Duration("us")
    assert query(ledger, "SELECT n::VARCHAR FROM huge WHERE epoch(span) > 5").item() == str(2**100)
    assert query(ledger, "SELECT many[1]::VARCHAR FROM deep").item() == str(2**100)


@pytest.mark.parametrize("kind", [pl.Int64, pl.Int128])
def test_columns_are_told_apart_where_duckdb_has_one_name_for_them(
    ledger: Ledger, make: MakeCommit, kind: pl.DataType
) -> None:
    frame = pl.DataFrame({"A": [1], "a": [2], "b": [3]}, schema_overrides={"a": kind})
    frame = frame.rename({"b": ""})
    ledger.commit([make(1, frame)])
    found = query(ledger, "SELECT * FROM c")
    assert (found.columns, found.rows()) == (["A", "a_1", "column_3"], [(1, 2, 3)])


def test_fields_without_a_name_are_read(ledger: Ledger, make: MakeCommit) -> None:
    nameless = pl.DataFrame({"x": [1], "s": [{"": 1, "b": 2}]})
    ledger.commit([make(1, nameless), make(2, pl.DataFrame({"x": [2]}))])
    found = query(ledger, "SELECT s, s.b FROM c ORDER BY x")
    assert found["b"].to_list() == [2, None]
    assert list(found["s"][0].values()) == [1, 2]


@pytest.mark.parametrize("text", ["SELECT at FROM c WHERE x > 1", "SELECT c.x, at, 'at' FROM d.c"])
def test_a_column_that_is_a_word_of_sql_is_told_to_be_quoted(
    ledger: Ledger, make: MakeCommit, text: str
) -> None:
    ledger.commit([make(1, pl.DataFrame({"at": [1], "x": [2], "order": [3]}))])
    hint = re.escape("'at' is a column of d.c and a word of SQL: write \"at\"")
    with pytest.raises(ExpressionError, match=hint):
        query(ledger, text)
    with pytest.raises(ExpressionError) as other:
        query(ledger, "SELECT x FRM c ORDER BY at")
    assert "column of" not in str(other.value)


def test_all_state_views_can_be_read(filled: Ledger) -> None:
    for view in STATE_VIEWS:
        assert query(filled, f"SELECT * FROM lyftnb.{view}", limit=1).width > 0


def test_the_whole_query_can_look_back(filled: Ledger) -> None:
    assert query(filled, "SELECT count(*) FROM d.c", at=1).item() == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("COPY (SELECT 1) TO '{root}/x.csv'", "found COPY"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/x.csv'", "found COPY"),
        ("/* */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/x.csv'", "found EXPLAIN"),
        ("ATTACH '{root}/../ledger.duckdb' AS l", "found ATTACH"),
        ("SELECT 1; SELECT 2", "found SELECT, SELECT"),
        ("", "found none"),
        ("SELECT * FROM read_text('{root}/../lock')", "Permission"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission"),
        ("SET threads = 1", "found SET"),
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM lone", "nope"),
        ("SELECT * FROM spool('d.c', at => 1 + 0)", "literals"),
        ("SELECT * FROM spool('d.c', at => 'monday')", "neither a snapshot nor a time"),
    ],
)
def test_refusals(filled: Ledger, text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        query(filled, text.format(root=filled.root))
    assert not (filled.root / "x.csv").exists()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("FROM c", "write one of: d.c, e.c"),
        ("FROM loan", "did you mean 'lone'?"),
        ("FROM lyftnb.batchs", "did you mean 'lyftnb.batches'?"),
        ("FROM spool('d.loan')", "did you mean 'd.lone'?"),
        ("FROM spool('d.c', at => 99)", "the newest is 5"),
    ],
)
def test_names_that_do_not_exist(filled: Ledger, text: str, hint: str) -> None:
    with pytest.raises(NotFound) as found:
        query(filled, text)
    assert hint in str(found.value)


def test_a_query_that_takes_too_long_is_stopped(filled: Ledger) -> None:
    endless = "SELECT sum(a.range + b.range) FROM range(1000000000) a, range(9999) b"
    with pytest.raises(ExpressionError, match="stopped after"):
        query(filled, endless, timeout_s=0.1)


def test_a_missing_file_is_no_shorter_answer(filled: Ledger, tmp_path: Path) -> None:
    file = filled.root / filled.segments("d.c")[0].path
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(SegmentMissing):
        query(filled, "SELECT count(*) FROM d.c")
    file.write_bytes(content[:8] + b"x" * 40 + content[48:])
    with pytest.raises(SegmentDamaged, match=file.name):
        query(filled, "FROM d.c")
    file.write_bytes(content)
