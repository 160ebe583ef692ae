"""Sums and means of whole numbers are exact to the ends of 128 bits, and never wrap."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lyftnb.operators.base import Env
from lyftnb.operators.expressions import compile

LAST = 2**127 - 1
NUMBERS = st.one_of(
    st.none(),
    st.integers(-LAST - 1, LAST),
    st.integers(-(2**64) - 2, 2**64 + 2),
    st.sampled_from([LAST, -LAST - 1]),
)


def result(text: str, frame: pl.DataFrame) -> object:
    return frame.lazy().select(compile(text, frame.schema, Env()).expr.alias("r")).collect().item()


@given(st.lists(NUMBERS, min_size=1, max_size=6))
@example([LAST, 1])
@example([LAST, 1, -2])
@example([-LAST - 1, -1])
@example([-5, -6])
def test_whole_numbers_of_128_bits(numbers: list[int | None]) -> None:
    rows = pl.DataFrame({"h": numbers}, schema={"h": pl.Int128})
    lists = pl.DataFrame({"h": [numbers]}, schema={"h": pl.List(pl.Int128)})
    present = [n for n in numbers if n is not None]
    total = sum(present)
    for prefix, frame in (("", rows), ("list_", lists)):
        mean = result(f"{prefix}avg(h)", frame)
        if not present:
            assert mean is None and result(f"{prefix}sum(h)", frame) is None
            continue
        assert mean == pytest.approx(float(Fraction(total, len(present))), rel=1e-15)
        if -LAST - 1 <= total <= LAST:
            assert result(f"{prefix}sum(h)", frame) == total
        else:
            with pytest.raises(pl.exceptions.InvalidOperationError):
                result(f"{prefix}sum(h)", frame)


def test_the_mean_of_a_list_keeps_digits_that_doubles_lose() -> None:
    frame = pl.DataFrame({"l": [[2**60, 1, -(2**60)]]})
    assert result("list_avg(l)", frame) == 1 / 3
