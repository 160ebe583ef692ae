"""Sums and means of whole numbers of 128 bits, which Polars adds up modulo 2**128."""

from __future__ import annotations

import polars as pl

from lyftnb.operators.expressions.values import DOUBLE, HUGEINT

_HALF = 2**64


def exact_sum(numbers: pl.Expr) -> pl.Expr:
    """The sum as HUGEINT; one that does not fit stops the batch with an error."""
    return pl.when(_upper(numbers).cast(pl.Int64()).is_not_null()).then(numbers.sum())


def exact_mean(numbers: pl.Expr) -> pl.Expr:
    """The mean as DOUBLE, of numbers whose sum may pass 128 bits; null of none."""
    upper = _upper(numbers)
    fits = upper.cast(pl.Int64(), strict=False).is_not_null()
    # Only a sum that large is put together in doubles: its lower half is beyond their digits.
    total = pl.when(fits).then(numbers.sum().cast(DOUBLE)).otherwise(upper.cast(DOUBLE) * _HALF)
    return pl.when(numbers.count() > 0).then(total / numbers.count())


def _upper(numbers: pl.Expr) -> pl.Expr:
    """The sum without its lowest 64 bits, rounded down."""
    half = pl.lit(_HALF, dtype=HUGEINT)
    upper = numbers // half
    lower = numbers - upper * half
    return upper.sum() + lower.sum() // half
