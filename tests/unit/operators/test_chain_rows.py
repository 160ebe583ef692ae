"""Rejected rows as JSON, and what a chain costs when nothing can fail."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from lyftnb.errors import StorageError
from lyftnb.model import ActionSpec
from lyftnb.operators import REJECTS_SCHEMA, Chain, Env, RejectedRow, no_rejects, rejects_frame
from lyftnb.operators.base import REJECT
from lyftnb.operators.rejects import row_json


def test_rows_become_json() -> None:
    frame = pl.DataFrame(
        {
            "date": [date(2020, 1, 2)],
            "naive": [datetime(2020, 1, 2, 3, 4, 5, 6)],
            "zoned": [datetime(2020, 1, 2, tzinfo=UTC)],
            "clock": [time(1, 2, 3)],
            "length": [timedelta(days=1, seconds=5)],
            "money": [Decimal("1.20")],
            "bytes": [b"ab\xff"],
            "nan": [float("nan")],
            "huge": pl.Series([2**100], dtype=pl.Int128),
            "none": [None],
            "quote": ['"é\n'],
            "nested": [{"days": [date(2020, 1, 2), None], "raw": [{"b": b"x"}], "no": None}],
            "__lyft_x": [1],
        }
    )
    assert json.loads(row_json(frame)[0]) == {
        "date": "2020-01-02",
        "naive": "2020-01-02T03:04:05.000006",
        "zoned": "2020-01-02T00:00:00.000000+00:00",
        "clock": "01:02:03",
        "length": "PT86405S",
        "money": "1.20",
        "bytes": "YWL/",
        "nan": None,
        "huge": 2**100,
        "none": None,
        "quote": '"é\n',
        "nested": {"days": ["2020-01-02", None], "raw": [{"b": "eA=="}], "no": None},
    }


def test_rejects_carry_the_claim() -> None:
    env = Env(now=datetime(2026, 1, 1, tzinfo=UTC), batch="d/s/3", split=2)
    frame = rejects_frame([RejectedRow("{", "ingest", "input", "bad_json", "why", 7)], env)
    assert frame.schema == REJECTS_SCHEMA == no_rejects().schema
    assert frame.row(0) == ("{", "ingest", "input", "bad_json", "why", "d/s/3", 2, 7, env.now)


def _plan(*kinds: dict[str, object]) -> pl.LazyFrame:
    frame = pl.LazyFrame({"a": [1], "t": ["1"]})
    chain = Chain(frame, frame.collect_schema())
    for i, kind in enumerate(kinds):
        chain.step(f"s{i}", [ActionSpec.model_validate(kind)], "reject", ["x"])
    return chain._frame


def test_steps_that_cannot_fail_are_the_query_that_one_would_write() -> None:
    ours = _plan(
        {"filter": "a > 0"},
        {"derive": {"b": "upper(t)"}},
        {"derive": {"c": "b"}},
        {"select": ["c"]},
    )
    by_hand = (
        pl.LazyFrame({"a": [1], "t": ["1"]})
        .filter(pl.col("a") > 0)
        .select(pl.col("t").str.to_uppercase().alias("c"))
    )
    assert REJECT not in ours.collect_schema()
    assert ours.explain().count("FILTER") == by_hand.explain().count("FILTER") == 1
    assert "PROJECT" in ours.explain()


def test_flags_exist_only_from_the_first_action_that_can_fail() -> None:
    assert REJECT not in _plan({"derive": {"b": "a / 2"}}).collect_schema()
    assert REJECT in _plan({"derive": {"b": "CAST(t AS BIGINT)"}}).collect_schema()


def test_a_damaged_file_is_no_defect_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(file)
    content = file.read_bytes()
    file.write_bytes(content[:20] + b"x" * 200 + content[220:])
    chain = Chain(pl.scan_parquet(file), pl.Schema({"a": pl.Int64()}))
    chain.step("s", [], "reject", [])
    with pytest.raises(StorageError, match="damaged"):
        chain.collect()
