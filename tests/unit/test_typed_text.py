"""Texts of a column are parsed as they are one by one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from lyftnb.typed_text import parsed, text_to_type

TIMES = st.one_of(
    st.none(),
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.isoformat() + "Z"),
    st.datetimes().map(lambda t: f"{t:%Y-%m-%d %H:%M:%S}+02:00"),
    st.dates().map(str),
    st.sampled_from(["", "x", "12013-01-01T00:00:00Z", "2013-01-01T05:00:00Z"]),
)


@given(st.lists(TIMES, max_size=4))
@pytest.mark.parametrize(
    "dtype", [pl.Datetime("us", "UTC"), pl.Datetime("ms"), pl.Date(), pl.Null()]
)
def test_a_column_is_parsed_as_its_texts_are(dtype: pl.DataType, texts: list[str | None]) -> None:
    column = pl.Series("t", texts, pl.String)
    one_by_one = column.to_frame().with_columns(text_to_type(pl.col("t"), dtype).alias("t"))
    assert_series_equal(parsed(column, dtype), one_by_one["t"])
